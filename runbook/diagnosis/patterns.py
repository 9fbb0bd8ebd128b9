"""Regular expressions that stay linear and cost next to nothing when they cannot match. They read a text in lower case.

Each alternative of a pattern has a literal that must be in the text; a look for those is some fifty times cheaper
than the expression itself, and it keeps the whole catalogue at tens of thousands of messages a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NESTED = re.compile(r"\((?:[^()\\]|\\.)*[*+](?:[^()\\]|\\.)*\)(?:[*+]|\{\d*,\})")
_UNBOUNDED = re.compile(r"(?<!\\)(?:\.|\]|\\[sSdDwW])(?:[*+]|\{\d*,\})")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]")
_MIN_LITERAL = 3
_SHORTHAND = "sSdDwWbBAZ0123456789"


class Pattern:
    """One signature's expression, case ignored: it is put into lower case, as are the texts that it reads.

    Raises ValueError with the reason when it could run away.
    """

    __slots__ = ("groups", "literals", "parts", "source")

    def __init__(self, source: str) -> None:
        if reason := runaway(source):
            raise ValueError(reason)
        self.source = source
        self.parts = tuple((_literal(part), _compiled(part)) for part in alternatives(source))
        self.groups = tuple({name for _, regex in self.parts for name in regex.groupindex})
        self.literals = tuple(literal for literal, _ in self.parts if literal)

    def search(self, lowered: str) -> re.Match[str] | None:
        """The longest match of any alternative in a text that is in lower case."""
        return longest((regex for literal, regex in self.parts if literal in lowered), lowered)


def longest(regexes: Iterable[re.Pattern[str]], lowered: str) -> re.Match[str] | None:
    """The longest match of any of them."""
    best: re.Match[str] | None = None
    size = -1
    for regex in regexes:
        match = regex.search(lowered)
        if match is not None and match.end() - match.start() > size:
            best, size = match, match.end() - match.start()
    return best


def _literal(part: str) -> str:
    literal = longest_literal(part)
    return literal if len(literal) >= _MIN_LITERAL else ""


def _compiled(part: str) -> re.Pattern[str]:
    try:
        return re.compile(in_lower_case(part))
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


_KEPT = re.compile(r"\\.|\(\?P<[^>]*>|\(\?P=[^)]*\)")


def in_lower_case(source: str) -> str:
    """An expression that matches in lower case what the given one matches; escapes and the names of groups stay."""
    parts, at = [], 0
    for kept in _KEPT.finditer(source):
        parts += [source[at : kept.start()].lower(), kept.group(0)]
        at = kept.end()
    return "".join([*parts, source[at:].lower()])


def runaway(source: str) -> str:
    """Why an expression is refused: repetition inside repetition, or more than one unbounded repetition in a row."""
    if _NESTED.search(source):
        return "a repetition inside a repetition can take for ever"
    if any(len(_UNBOUNDED.findall(part)) > 1 for part in alternatives(source)):
        return "more than one unbounded repetition: bound them, as in .{0,200}"
    return ""


def alternatives(source: str) -> list[str]:
    """The parts between top-level bars."""
    parts, depth, start, in_class, i = [], 0, 0, False, 0
    while i < len(source):
        char = source[i]
        if char == "\\":
            i += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            parts.append(source[start:i])
            start = i + 1
        i += 1
    return [*parts, source[start:]]


def longest_literal(source: str) -> str:
    """The longest run of plain characters outside groups and classes that every match must contain, in lower case."""
    runs, run, depth, i = [], "", 0, 0
    while i < len(source):
        char, width = source[i], 1
        plain = ""
        if char == "\\":
            width = 2
            following = source[i + 1 : i + 2]
            plain = "" if following in _SHORTHAND else following
        elif char == "[":
            closed = _CLASS.match(source, i)
            width = closed.end() - i if closed else 1
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "{":
            width = source.find("}", i) - i + 1
        elif char not in ".^$|?*+":
            plain = char
        if depth == 0 and plain and source[i + width : i + width + 1] not in ("?", "*", "{"):
            run += plain
        else:
            runs.append(run)
            run = ""
        i += max(width, 1)
    return max([*runs, run], key=len).lower()
