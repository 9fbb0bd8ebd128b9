"""What preflight foretold beside what came: the releases whose SealedSecret would not open, and those that failed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runbook.model import Finding, ObjectRef, Result, StageResult
from runbook.retrospective.changes import when
from runbook.retrospective.impact import RELEASE

CHECK, READY = "sealing-keys", "releases-ready"
CAUSES = ("sealed-secret-key-mismatch", "sealed-secret-scope-mismatch")
Kept = Literal["came", "did not come", "not foretold"]


@dataclass(frozen=True, slots=True)
class Fate:
    """One release: when it was foretold to fail and when it first did so for that reason; `meanwhile` is another cause.

    `ended` is what the last look that asked says of it: `ready`, `red`, or empty when none did.
    """

    release: ObjectRef
    kept: Kept
    foretold: datetime | None
    came: datetime | None
    meanwhile: str
    ended: str


@dataclass(frozen=True, slots=True)
class Foretold:
    """All fates: what came first. `closed` are SealedSecrets of which nobody was known to need them.

    `why_not` says why nothing was foretold at all; with it, that nothing came is no proof of anything.
    """

    fates: tuple[Fate, ...] = ()
    closed: tuple[ObjectRef, ...] = ()
    why_not: str = ""

    def count(self, kept: Kept) -> int:
        """How many of one kind."""
        return sum(f.kept == kept for f in self.fates)


def foretold(attempts: Sequence[StageResult]) -> Foretold:
    """Compare the predictions of each preflight with every later look of the run."""
    asked = [(n, a) for n, a in enumerate(attempts) if a.stage == "preflight" and _answers(a)]
    if not asked:
        return Foretold(why_not=_why_not(attempts))
    first, _ = asked[0]
    told = _told(a for _, a in asked)
    came, other = _came(attempts[first + 1 :], told)
    ended = _ended(attempts[first + 1 :])
    fates = [
        _fate(ref, told.get(ref), came.get(ref), other.get(ref, ""), ended.get(ref, "")) for ref in {**told, **came}
    ]
    order: dict[Kept, int] = {"not foretold": 0, "did not come": 1, "came": 2}
    fates.sort(key=lambda f: (order[f.kept], f.release))
    return Foretold(tuple(fates), tuple(sorted({c for _, a in asked for c in _closed(a)})))


def _answers(result: StageResult) -> list[Finding]:
    """What it answered about single SealedSecrets; an answer that was not evaluated foretells nothing."""
    decided = (Result.PASS, Result.FAIL)
    return [f for f in result.findings if f.check == CHECK and f.object.kind == "SealedSecret" and f.result in decided]


def _why_not(attempts: Sequence[StageResult]) -> str:
    preflights = [a for a in attempts if a.stage == "preflight"]
    if not preflights:
        return "no preflight was run, so nothing was foretold"
    reason = next((f.reason for a in preflights for f in a.findings if f.check == CHECK), "it asked no such question")
    return f"preflight could not foretell anything: {reason}"


def _told(preflights: Iterator[StageResult]) -> dict[ObjectRef, datetime]:
    """Each release with the first time that it was foretold to fail."""
    found: dict[ObjectRef, datetime] = {}
    for result in preflights:
        for finding in _answers(result):
            for name in _needed_by(finding) if finding.result is Result.FAIL else ():
                found.setdefault(ObjectRef(RELEASE, *name.split("/", 1)), when(result))
    return found


def _needed_by(finding: Finding) -> list[str]:
    return [name for name in str(finding.facts.get("needed_by", "")).split(", ") if "/" in name]


def _closed(result: StageResult) -> Iterator[ObjectRef]:
    yield from (f.object for f in _answers(result) if f.result is Result.FAIL and not _needed_by(f))


def _came(
    later: Sequence[StageResult], told: Mapping[ObjectRef, datetime]
) -> tuple[dict[ObjectRef, datetime], dict[ObjectRef, str]]:
    """Who failed for a SealedSecret and when it was first seen, and what else those foretold were seen to fail for.

    Who only waits for another one did not fail.
    """
    came: dict[ObjectRef, datetime] = {}
    other: dict[ObjectRef, str] = {}
    for result in later:
        for cause in result.explanation.first_causes if result.explanation is not None else ():
            for item in cause.explains:
                if item.object.kind != RELEASE or item.relation == "blocked-by":
                    continue
                if cause.cause in CAUSES:
                    came.setdefault(item.object, when(result))
                elif item.object in told:
                    other[item.object] = cause.cause
    return came, other


def _ended(later: Sequence[StageResult]) -> dict[ObjectRef, str]:
    found: dict[ObjectRef, str] = {}
    words = {Result.PASS: "ready", Result.FAIL: "red"}
    for result in later:
        found |= {f.object: words[f.result] for f in result.findings if f.check == READY and f.result in words}
    return found


def _fate(ref: ObjectRef, told: datetime | None, came: datetime | None, other: str, ended: str) -> Fate:
    kept: Kept = "not foretold" if told is None else "came" if came is not None else "did not come"
    return Fate(ref, kept, told, came, other, ended)
