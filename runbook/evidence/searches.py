"""Where the shapes of secrets are in a text: looked for only where their hints are, which costs little of a large one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from re import Match

from runbook.evidence.shapes import MARK, SHAPES, Shape

# What each hint has in it, and is in several: to look for these first is to look for a third of them.
_BROAD = ("key", "pass", "secret", "token", "auth", "eyj", "hv", "_")


def _gate(hint: str) -> str:
    return next((broad for broad in _BROAD if broad in hint), hint)


_GATED = tuple((shape, frozenset(map(_gate, shape.hints))) for shape in SHAPES)
_GATES = frozenset({gate for _, gates in _GATED for gate in gates})
# One of these is in every name that `may_hold_secret` finds
_STEMS = frozenset({"pass", "pwd", "key", "dsn", "connection", "database", "secret", "token", "credential", "auth"})
# In a short text one search for all hints is faster than one for each; in a long one it is the other way round.
_LINE = 500
_LONG = 20_000  # letters from which on it pays to have each string once
_BLOCK = 4_000_000  # letters that are taken apart at a time
_HINT = re.compile("|".join(map(re.escape, sorted({hint for shape in SHAPES for hint in shape.hints}))))
_LIKE = (("\u0130", "i"), ("\u0131", "i"), ("\u017f", "s"), ("\u212a", "k"))


def once(text: str) -> str:
    """Every string between quotes, once each: what has no quote in it is in this just when it is in the text.

    Of a cluster's objects as JSON a tenth is left, and what is looked for by sixty words is looked for in that.
    """
    found, at = set[str](), 0
    while at < len(text):
        end = text.find('"', at + _BLOCK)
        end = len(text) if end < 0 else end
        found.update(text[at:end].split('"'))
        at = end + 1
    return '"'.join(found)


def matches(text: str, strings: str = "") -> Iterator[tuple[str, int, int]]:
    """`(kind, begin, end)` of each secret shape in a text, shape by shape; may overlap. `strings`: what `once` made of it."""
    low = _lower(text)
    if len(low) < _LINE and not _HINT.search(low):
        return
    brief = _lower(strings) if strings else low
    for shape in _present(low, brief):
        for found in _at_cores(shape, text, low, brief) if shape.core else shape.pattern.finditer(text):
            span = _span(shape, found)
            if span is not None:
                yield shape.kind, *span


def _present(low: str, brief: str, gates: Set[str] | None = None) -> Iterator[Shape]:
    """The shapes of which a hint is in the text; `brief` has each of its strings once, `gates` are those in it, where known."""
    gates = {gate for gate in _GATES if gate in brief} if gates is None else gates
    there = dict[str, bool]()  # several shapes have the same hints, and a long text is searched once for each
    for shape, behind in _GATED:
        if not gates.isdisjoint(behind) and any(_holds(low, brief, hint, there) for hint in shape.hints):
            yield shape


def glimpsed(text: str) -> tuple[bool, bool]:
    """Of several texts in one: whether any shape is in it, its harmless values too; and whether a name may be that `may_hold_secret`."""
    low = _lower(text)
    brief = once(low) if len(low) > _LONG else low
    gates = {gate for gate in _GATES if gate in brief}
    shaped = any(
        any(True for _ in (_at_cores(shape, text, low, brief) if shape.core else shape.pattern.finditer(text)))
        for shape in _present(low, brief, gates)
    )
    return shaped, not gates.isdisjoint(_STEMS) or any(stem in brief for stem in _STEMS - _GATES)


def _at_cores(shape: Shape, text: str, low: str, brief: str) -> Iterator[Match[str]]:
    """What `finditer` would find, by the places where a match may begin."""
    after = 0
    words = shape.core if brief is low else [word for word in shape.core if '"' in word or word in brief]
    for begin in sorted(_places(low, words)):
        if begin >= after and (found := shape.pattern.match(text, begin)):
            yield found
            after = found.end()


def _places(low: str, words: Iterable[str]) -> Iterator[int]:
    for word in words:
        at = low.find(word)
        while at >= 0:
            yield at
            at = low.find(word, at + 1)


def _holds(low: str, brief: str, hint: str, there: dict[str, bool]) -> bool:
    if hint not in there:
        there[hint] = hint in (low if '"' in hint else brief)
    return there[hint]


def _lower(text: str) -> str:
    """The text in lower case, place by place: letters that `re` takes for i, k or s in any case are those.

    Of all letters only the first of `_LIKE` is two in lower case. [unicode:SpecialCasing.txt]
    """
    if not text.isascii():
        for letter, plain in _LIKE:
            text = text.replace(letter, plain)
    return text.lower()


def _span(shape: Shape, found: Match[str]) -> tuple[int, int] | None:
    value = found.group(shape.group)
    if MARK in value or shape.harmless(value):
        return None
    return found.span(shape.group)
