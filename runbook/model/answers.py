"""What a check answers, what a criterion comes to, and how answers are counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from runbook.model.objects import ObjectRef
from runbook.model.words import Result, Verdict


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted failure. It turns fail into warn, is always shown, and stops counting after `until` (UTC, inclusive)."""

    id: str
    check: str
    object: str
    who: str
    ticket: str
    until: date
    why: str = ""
    self_approved: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's answer about one object.

    `reason` is one sentence with the figures in it; `evidence` are the observed texts it rests on (already redacted);
    `facts` are the values by name, for tables and for tests that must not parse sentences.
    """

    check: str
    object: ObjectRef
    result: Result
    reason: str
    evidence: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    waiver: Waiver | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of the ticket with the answer of evidence: `met` of `of`, never a bare tick.

    `ticked` is what the operator's own list says (None when it says nothing).
    """

    id: str
    text: str
    result: Result
    met: int
    of: int
    reason: str
    checks: tuple[str, ...]
    group: str = ""
    ticked: bool | None = None
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many answers of each word, in the order of loudness a report prints them."""

    fail: int = 0
    not_evaluated: int = 0
    waived: int = 0
    warn: int = 0
    passed: int = 0
    not_applicable: int = 0

    @classmethod
    def of(cls, items: Iterable[Finding | Criterion]) -> Tally:
        """Count findings or criteria. A warn that carries a waiver is `waived`."""
        counts = dict.fromkeys(("fail", "not_evaluated", "waived", "warn", "passed", "not_applicable"), 0)
        for item in items:
            counts[_tally_word(item)] += 1
        return cls(**counts)


def _tally_word(item: Finding | Criterion) -> str:
    waived = bool(item.waiver) if isinstance(item, Finding) else bool(item.waivers)
    if item.result is Result.WARN and waived:
        return "waived"
    words = {
        Result.FAIL: "fail",
        Result.ERROR: "not_evaluated",
        Result.WARN: "warn",
        Result.PASS: "passed",
        Result.SKIP: "not_applicable",
    }
    return words[item.result]


def verdict_of(items: Iterable[Finding | Criterion]) -> Verdict:
    """Any unwaived fail is `fail`; else anything not evaluated is `error`; else any waiver `waived`; else `pass`.

    Nothing asked is not a pass: an empty list is `error`.
    """
    tally = Tally.of(materialised := list(items))
    if tally.fail:
        return Verdict.FAIL
    if tally.not_evaluated or not materialised:
        return Verdict.ERROR
    return Verdict.WAIVED if tally.waived else Verdict.PASS
