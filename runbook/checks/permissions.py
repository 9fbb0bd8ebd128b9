"""Could each stage to come do its work? A missing read blinds it; a missing write lets it plan, and not apply."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.probes import AccessReview
from runbook.inventory.model import Inventory
from runbook.judgement import permissions
from runbook.judgement.answers import Answers, listed
from runbook.judgement.permissions import STAGES_TO_COME, Permission, told
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "May this identity do what each stage to come needs: read what it asks about, and apply what it would plan?"
NEEDS = ("AccessReview",)
STAGES = ("preflight",)
answer = Answers("permissions")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each stage to come, with every missing permission by its name."""
    from runbook.checks import needs

    reviews = snapshot.of(AccessReview)
    for stage in STAGES_TO_COME:
        yield _judged(stage, permissions.reads(needs(stage), inventory), permissions.writes(stage, inventory), reviews)


def _judged(
    stage: str, reads: tuple[Permission, ...], writes: tuple[Permission, ...], reviews: tuple[AccessReview, ...]
) -> Finding:
    ref = ObjectRef("Stage", "", stage)
    known = {p: permissions.allowed(p, reviews) for p in (*reads, *writes)}
    blind, idle = ([p for p in some if known[p] is False] for some in (reads, writes))
    unasked = told(p for p, found in known.items() if found is None)
    facts = {"reads": len(reads), "writes": len(writes), "missing": [str(p) for p in (*blind, *idle)]}
    missing = told((*blind, *idle))
    if blind:
        reason = f"may not {listed(told(blind))}: what needs it cannot be evaluated"
        return answer.failed(ref, reason, *missing, **facts)
    if unasked:
        return answer.unknown(ref, f"nobody asked whether it may {listed(unasked)}", *unasked, **facts)
    if idle:
        return answer.warned(ref, f"it can look and plan, and not apply: may not {listed(missing)}", *missing, **facts)
    return answer.passed(ref, f"{len(reads)} reads and {len(writes)} writes are allowed", **facts)
