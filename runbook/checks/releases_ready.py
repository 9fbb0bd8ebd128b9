"""Is every expected HelmRelease ready, by request and generation? 16 of 27 is not a pass."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.helm import HelmRelease
from runbook.domain.readiness import flux_state
from runbook.inventory.model import ExpectedRelease, Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Is every expected HelmRelease ready, at the chart version wanted?"
NEEDS = ("HelmRelease",)
STAGES = ("reconcile", "verify", "diagnose")
answer = Answers("releases-ready")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each expected release; a release that nobody expects is noticed."""
    found = by_name(snapshot.of(HelmRelease))
    if not inventory.releases:
        yield answer.expected(snapshot.cluster, "HelmReleases")
    for entry in inventory.releases:
        key = (entry.namespace, entry.name)
        release = found.pop(key, None)
        absent = answer.failed(ObjectRef("HelmRelease", *key), "it does not exist", ready=False)
        yield _judged(release, entry) if release else absent
    for other in found.values():
        yield answer.warned(
            other.ref, f"not expected here, and {flux_state(other).word}", ready=flux_state(other).ready
        )


def _judged(release: HelmRelease, entry: ExpectedRelease) -> Finding:
    state, history = flux_state(release), release.status.history or ()
    version = history[0].chart_version if history else release.status.last_attempted_revision
    facts = {
        "ready": state.ready,
        "state": state.word,
        "reason": state.reason,
        "version": version,
        "assumed": entry.assumed,
    }
    if not state.ready:
        return answer.failed(release.ref, f"{state.word}: {state.reason}", state.message, **facts)
    if entry.version and version.partition("+")[0] != entry.version.partition("+")[0]:
        return answer.failed(release.ref, f"ready at chart {version}, wanted {entry.version}", **facts)
    return answer.passed(release.ref, f"ready at chart {version}", **facts)
