"""An expression as Python's own parser reads it, in the few forms that the cost of one is summed from.

What the parser's tree may hold is listed here; anything else (references back, flags, conditions) is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from runbook.diagnosis import charsets
from runbook.diagnosis.charsets import ALL, Ranges

WINDOW = 6_000  # letters of a message that any expression sees: `unwrap` cuts there
_parse = import_module("re._parser").parse
_UNICODE = int(re.UNICODE)
_WRITTEN_OUT = 64  # parts


class RefusedError(ValueError):
    """An expression that is not taken, and why."""


@dataclass(frozen=True, slots=True)
class One:
    """One character of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Look:
    """Something without width: a group's bound, an edge, or a look ahead or behind at what is `within`."""

    edge: bool = True
    within: Seq = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A repetition of one character of a set."""

    ranges: Ranges
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A repetition of more than one character."""

    body: Seq
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Either:
    """Alternatives; of what may be left out, itself and nothing."""

    choices: tuple[Seq, ...]
    optional: bool = False


Item = One | Look | Run | Loop | Either
Seq = tuple[Item, ...]


def parsed(source: str) -> tuple[Seq, bool]:
    """An expression, and whether it can only stand at the beginning. Raises RefusedError and re.error."""
    tree = _parse(source)
    if int(tree.state.flags) & ~_UNICODE:
        raise RefusedError("flags such as (?i) are not taken: case is ignored anyway")
    if tree.getwidth()[0] == 0:
        raise RefusedError("matches the empty text, which is in every message")
    return _sequence(tree), str(tree[0][1]).startswith("AT_BEGINNING")


def _sequence(tree: Iterable[tuple[Any, Any]]) -> Seq:
    return tuple(item for op, value in tree for item in _items(str(op), value))


def _items(op: str, value: Any) -> Iterator[Item]:
    match op:
        case "LITERAL":
            yield One(charsets.one(value))
        case "NOT_LITERAL":
            yield One(charsets.but(charsets.one(value)))
        case "ANY":
            yield One(ALL)
        case "IN":
            yield One(charsets.of(value))
        case "AT":
            yield Look()
        case "BRANCH":
            yield Either(tuple(_sequence(choice) for choice in value[1]))
        case "SUBPATTERN" if not value[1] | value[2]:
            yield from (Look(edge=False), *_sequence(value[3]), Look(edge=False))
        case "ASSERT" | "ASSERT_NOT":
            yield Look(within=_sequence(value[1]))
        case "MAX_REPEAT" | "MIN_REPEAT":
            yield from _repeated(*value)
        case _:
            raise RefusedError(f"{_NAMES.get(op, op.lower().replace('_', ' '))} is not taken")


_NAMES = {
    "GROUPREF": "a reference back to a group",
    "GROUPREF_EXISTS": "a condition on a group",
    "SUBPATTERN": "a flag inside a group",
    "ATOMIC_GROUP": "an atomic group (?>…)",
    "POSSESSIVE_REPEAT": "a possessive repetition",
}


def _repeated(least: int, most: int, tree: Any) -> Seq:
    """A repetition; a short one of more than a character is written out, so that what follows each round is seen."""
    body = _sequence(tree)
    width = tree.getwidth()[0]
    if len(body) == 1 and isinstance(body[0], One):
        return (Run(body[0].ranges, min(least, WINDOW), min(most, WINDOW)),)
    if most * _size(body) <= _WRITTEN_OUT:
        more: Seq = ()
        for _ in range(most - least):
            more = (Either((body + more, ()), optional=True),)
        return body * least + more
    if not width and most > WINDOW:
        raise RefusedError("an unbounded repetition of what may be empty")
    return (Loop(body, least, min(most, WINDOW // width + 1) if width else most),)


def _size(seq: Seq) -> int:
    """Of how many parts a sequence is."""
    return sum(
        1
        + (_size(item.body) if isinstance(item, Loop) else 0)
        + (sum(map(_size, item.choices)) if isinstance(item, Either) else 0)
        for item in seq
    )
