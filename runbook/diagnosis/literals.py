"""What is literally in whatever an expression matches: a text that has none of it need not be tried.

An expression is taken apart as it is written: at its bars, into groups, at what is repeated or may be left out.
"""

from __future__ import annotations

import re

MIN_LITERAL = 2  # letters that tell anything
_LOOKED_UP, _SHORT = 5, 5
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]")
_REPEATED = re.compile(r"[?*]|\{0|\{,")
_LOOK = ("(?=", "(?!", "(?<=", "(?<!")
_OPENING = re.compile(r"\((?:\?:|\?P<[^>]*>)?")
_SHORTHAND = "sSdDwWbBAZ0123456789"
# Words that nearly every failure has are a poor reason to try an expression.
_COMMON = re.compile(
    r"failed|error|not found|https?://|image|invalid|release|connection|timeout|status|unable to|resource| (?:to|for|is|with|the) "
)


def alternatives(source: str) -> list[str]:
    """The parts between top-level bars."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(source):
        char, width = source[i], 1
        if char == "\\":
            width = 2
        elif char == "[":
            width = _class(source, i)
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            parts.append(source[start:i])
            start = i + 1
        i += width
    return [*parts, source[start:]]


def needed(source: str) -> tuple[str, ...]:
    """Literals of which every match of one alternative has at least one, in lower case; ("",) where there are none."""
    choices: list[tuple[str, ...]] = [("",)]
    run, i = "", 0
    while i < len(source):
        char, width, plain = source[i], 1, ""
        if char == "\\":
            width, following = 2, source[i + 1 : i + 2]
            plain = "" if following in _SHORTHAND else following
        elif char == "[":
            width = _class(source, i)
        elif char == "(":
            width = _group(source, i)
            if not source.startswith(_LOOK, i) and not _REPEATED.match(source, i + width):
                inner = source[_OPENING.match(source, i).end() : i + width - 1]  # type: ignore[union-attr]
                choices.append(tuple(literal for part in alternatives(inner) for literal in needed(part)))
        elif char == "{":
            width = source.find("}", i) - i + 1
        elif char not in ".^$|?*+":
            plain = char
        if plain and not _REPEATED.match(source, i + width):
            run += plain
        else:
            choices.append((run,))
            run = ""
        i += max(width, 1)
    best = max([*choices, (run,)], key=lambda literals: min(map(_worth, literals)) - len(literals) / 4)
    return tuple(dict.fromkeys(literal.lower() for literal in best))


def _worth(literal: str) -> float:
    """How much a literal tells: its length, less the words that are everywhere; a short one cannot be looked up at all."""
    if len(literal) < MIN_LITERAL:
        return -1000
    return len(_COMMON.sub("", literal)) + len(literal) / 100 - _SHORT * (len(literal) < _LOOKED_UP)


def _class(source: str, at: int) -> int:
    closed = _CLASS.match(source, at)
    return closed.end() - at if closed else 1


def _group(source: str, at: int) -> int:
    """How long the group is that opens here."""
    depth, i = 0, at
    while i < len(source):
        char, width = source[i], 1
        if char == "\\":
            width = 2
        elif char == "[":
            width = _class(source, i)
        elif char in "()":
            depth += 1 if char == "(" else -1
            if depth == 0:
                return i + 1 - at
        i += width
    return len(source) - at
