"""Sets of characters as an expression's parser gives them, as ranges of code points: which of two have one in common."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

Ranges = tuple[tuple[int, int], ...]
ALL: Ranges = ((0, sys.maxunicode),)


def one(code: int) -> Ranges:
    """The set of one character."""
    return ((code, code),)


def but(ranges: Ranges) -> Ranges:
    """Every character that is not in a set."""
    found, at = [], 0
    for first, last in ranges:
        if at < first:
            found.append((at, first - 1))
        at = last + 1
    return (*found, (at, sys.maxunicode)) if at <= sys.maxunicode else tuple(found)


def of(items: Iterable[tuple[Any, Any]]) -> Ranges:
    """The set that a parsed `[…]` stands for. Raises ValueError for what it does not know."""
    negated, found = False, []
    for op, value in items:
        match str(op):
            case "NEGATE":
                negated = True
            case "LITERAL":
                found.append((value, value))
            case "RANGE":
                found.append(value)
            case "CATEGORY":
                found += _category(str(value))
            case other:
                raise ValueError(f"{other} in a set of characters is not known")
    return but(_joined(found)) if negated else _joined(found)


@lru_cache(maxsize=4096)
def apart(these: Ranges, those: Ranges) -> bool:
    """Whether no character is in both."""
    i = j = 0
    while i < len(these) and j < len(those):
        if these[i][1] < those[j][0]:
            i += 1
        elif those[j][1] < these[i][0]:
            j += 1
        else:
            return False
    return True


_CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


@lru_cache(maxsize=6)
def _category(name: str) -> Ranges:
    word = name.removeprefix("CATEGORY_")
    plain = _CATEGORIES[word.removeprefix("NOT_")]
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    ranges = tuple((run.start(), run.end() - 1) for run in re.finditer(f"{plain}+", every))
    return but(ranges) if word.startswith("NOT_") else ranges


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)
