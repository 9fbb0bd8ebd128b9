"""The ticket's own lines, answered by evidence: met of how many, and the worst of its findings. Its own ticks are only shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from runbook.inventory.model import CriterionEntry, Inventory
from runbook.judgement.answers import listed
from runbook.model import Criterion, Finding, ObjectRef, Result

ORDER = (Result.FAIL, Result.ERROR, Result.WARN, Result.PASS, Result.SKIP)


def judge(findings: Iterable[Finding], inventory: Inventory, stage: str) -> tuple[Criterion, ...]:
    """The criteria of a stage, in the ticket's order."""
    every = tuple(findings)
    return tuple(_one(entry, every) for entry in inventory.criteria if entry.stage == stage)


def _one(entry: CriterionEntry, findings: Sequence[Finding]) -> Criterion:
    mine = [f for f in findings if f.check in entry.checks and any(_names(g, f.object) for g in entry.objects)]
    silent = [c for c in entry.checks if not any(f.check == c for f in mine)]
    scored = [f for f in mine if _scored(f)]
    met = sum(f.result is Result.PASS for f in scored)
    result = min((f.result for f in mine), key=ORDER.index, default=Result.ERROR)
    if silent and result in (Result.PASS, Result.SKIP, Result.WARN):
        result = Result.ERROR
    return Criterion(
        id=entry.id,
        text=entry.text,
        result=result,
        met=met,
        of=len(scored),
        reason=_reason(mine, silent),
        checks=entry.checks,
        group=entry.group,
        ticked=entry.ticked,
        waivers=tuple({f.waiver.id: f.waiver for f in mine if f.waiver}.values()),
    )


def _names(glob: str, obj: ObjectRef) -> bool:
    """Whether a glob on Kind/namespace/name names it; what has no namespace goes by Kind/name as well."""
    return fnmatchcase(str(obj), glob) or fnmatchcase(f"{obj.kind}/{obj.namespace}/{obj.name}", glob)


def _scored(finding: Finding) -> bool:
    """Whether it counts in "met of how many": a waived failure does, as not met; a warning never asked for does not."""
    return finding.result is not Result.SKIP and (finding.result is not Result.WARN or finding.waiver is not None)


def _reason(mine: Sequence[Finding], silent: Sequence[str]) -> str:
    if not mine:
        return f"nothing answered {listed(silent)}"
    parts = []
    for result, word in ((Result.FAIL, "not met"), (Result.ERROR, "not evaluated"), (Result.WARN, "noticed")):
        some = [f for f in mine if f.result is result]
        if len(some) == 1:
            parts.append(f"{word}: {some[0].object.name}: {some[0].reason}")
        elif some:
            parts.append(f"{word}: {listed(dict.fromkeys(f.object.name for f in some))}")
    parts += [f"nothing answered {listed(silent)}"] if silent else []
    return "; ".join(parts) or listed(dict.fromkeys(f.reason for f in mine), 1)
