"""The result of a check and the verdict of a stage: one word each."""

from __future__ import annotations

from enum import StrEnum


class Result(StrEnum):
    """A check's answer about one object. People read PASS · WARN/WAIVED · FAIL · NOT EVALUATED · N-A."""

    PASS = "pass"  # noqa: S105  the word of a result, not a password
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


class Verdict(StrEnum):
    """A stage's or a run's one word, worst first in `severity`."""

    PASS = "pass"  # noqa: S105  the word of a verdict, not a password
    WAIVED = "waived"
    ERROR = "error"
    FAIL = "fail"

    @property
    def severity(self) -> int:
        """0 for pass to 3 for fail."""
        return list(Verdict).index(self)

    def exit_code(self, *, allow_waived: bool = False) -> int:
        """The process exit code INTERFACES promises: 0 pass, 1 error, 3 fail, 4 waived (0 when allowed)."""
        if self is Verdict.WAIVED and allow_waived:
            return 0
        return {Verdict.PASS: 0, Verdict.ERROR: 1, Verdict.FAIL: 3, Verdict.WAIVED: 4}[self]
