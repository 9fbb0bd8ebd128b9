"""One glyph, one word, one class per answer: the same in a cell, on a page and in a terminal. Never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from runbook.model import Criterion, Finding, Result, StageResult, Tally, Verdict


@dataclass(frozen=True, slots=True)
class Word:
    """How one answer is shown. `css` is the class the page's style knows; `letter` stands in a matrix cell."""

    word: str
    glyph: str
    ascii: str
    letter: str
    css: str

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"

    def html(self, text: str = "", *, page: bool = False) -> str:
        """A badge: glyph and word in a span of class `v`. On a page the glyph is hidden from screen readers."""
        hidden = ' aria-hidden="true"' if page else ""
        return f'<span class="v {self.css}"><b{hidden}>{self.glyph}</b> {escape(text or self.word)}</span>'


# U+FE0E keeps phones from drawing the warning sign as an emoji.
PASS = Word("PASS", "✔", "v", "P", "p")
WARN = Word("WARN", "⚠\ufe0e", "!", "W", "w")
WAIVED = Word("WAIVED", "◐", "w", "W*", "x")
FAIL = Word("FAIL", "✗", "x", "F", "f")
NOT_EVALUATED = Word("NOT EVALUATED", "?", "?", "?", "e")
NOT_APPLICABLE = Word("N-A", "–", "-", "–", "n")

BY_LOUDNESS = (FAIL, NOT_EVALUATED, WAIVED, WARN, PASS, NOT_APPLICABLE)

_OF_RESULT = {
    Result.PASS: PASS,
    Result.WARN: WARN,
    Result.FAIL: FAIL,
    Result.ERROR: NOT_EVALUATED,
    Result.SKIP: NOT_APPLICABLE,
}
_OF_VERDICT = {
    Verdict.PASS: (PASS, "fine", "green"),
    Verdict.WAIVED: (WAIVED, "fine, with waivers", "blue"),
    Verdict.ERROR: (NOT_EVALUATED, "not known", "unk"),
    Verdict.FAIL: (FAIL, "not fine", "red"),
}


def word_of(item: Finding | Criterion) -> Word:
    """The word for a finding or a criterion; a warn that carries a waiver is WAIVED."""
    waived = bool(item.waiver) if isinstance(item, Finding) else bool(item.waivers)
    return WAIVED if item.result is Result.WARN and waived else _OF_RESULT[item.result]


def word_of_verdict(verdict: Verdict | str) -> Word:
    """The word for a stage's or a run's verdict."""
    return _OF_VERDICT[Verdict(verdict)][0]


def headline(verdict: Verdict | str) -> str:
    """What a person reads first: fine · fine, with waivers · not known · not fine."""
    return _OF_VERDICT[Verdict(verdict)][1]


def edge(verdict: Verdict | str) -> str:
    """The class of a page's head."""
    return _OF_VERDICT[Verdict(verdict)][2]


def loudness(item: Finding | Criterion) -> int:
    """Sort key: worst first."""
    return BY_LOUDNESS.index(word_of(item))


def tally_of(result: StageResult) -> Tally:
    """Counts of the criteria where a stage has any, else of its findings."""
    return Tally.of(result.criteria or result.findings)


def tally_counts(tally: Tally) -> tuple[tuple[Word, int], ...]:
    """The six counts in the order of loudness; zeros are kept."""
    numbers = (tally.fail, tally.not_evaluated, tally.waived, tally.warn, tally.passed, tally.not_applicable)
    return tuple(zip(BY_LOUDNESS, numbers, strict=True))


def counts_text(tally: Tally) -> str:
    """`1 pass, 7 fail, 1 not evaluated`: only what occurs, passes first as in a caption."""
    words = (
        (tally.passed, "pass"),
        (tally.fail, "fail"),
        (tally.waived, "waived"),
        (tally.warn, "warn"),
        (tally.not_evaluated, "not evaluated"),
        (tally.not_applicable, "not applicable"),
    )
    return ", ".join(f"{count} {word}" for count, word in words if count) or "nothing asked"
