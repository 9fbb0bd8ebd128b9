"""Regular expressions that stay linear and cost next to nothing when they cannot match. They read a text in lower case.

Each alternative of a pattern has literals of which one must be in the text; a look for those is some fifty times
cheaper than the expression itself, and an alternative that is nothing but a literal needs no expression at all. That
keeps the whole catalogue at tens of thousands of messages a second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runbook.diagnosis.cost import cost

_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]")
_REPEATED = re.compile(r"[?*]|\{0|\{,")
_LOOK = ("(?=", "(?!", "(?<=", "(?<!")
_OPENING = re.compile(r"\((?:\?:|\?P<[^>]*>)?")
_PLAIN = re.compile(r"[^\\.^$|?*+()\[\]{}]*\Z")
_MIN_LITERAL, _LOOKED_UP, _SHORT = 2, 5, 5
_SHORTHAND = "sSdDwWbBAZ0123456789"
# Words that nearly every failure has are a poor reason to try an expression.
_COMMON = re.compile(
    r"failed|error|not found|https?://|image|invalid|release|connection|timeout|status|unable to|resource| (?:to|for|is|with|the) "
)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One alternative: one of `literals` is in whatever it matches. Without `regex` it is its only literal."""

    literals: tuple[str, ...]
    regex: re.Pattern[str] | None

    def could_be(self, lowered: str) -> bool:
        """Whether one of its literals is there."""
        return any(literal in lowered for literal in self.literals)

    def find(self, lowered: str) -> Span | None:
        """Where it is in a text that has one of its literals."""
        if self.regex is None:
            start = lowered.find(self.literals[0])
            return (start, start + len(self.literals[0])) if start >= 0 else None
        match = self.regex.search(lowered)
        return match.span() if match else None


class Pattern:
    """One signature's expression, case ignored: it is put into lower case, as are the texts that it reads.

    Raises ValueError with the reason when it could run away. `trusted` are those of the house: a test asks of each what is
    asked here of others, so that nobody waits for it at the start.
    """

    __slots__ = ("groups", "literals", "parts", "source")

    def __init__(self, source: str, *, trusted: bool = False) -> None:
        sources = [in_lower_case(part) for part in alternatives(source)]
        if not trusted and (reason := next(filter(None, map(refusal, sources)), "")):
            raise ValueError(reason)
        self.source = source
        self.parts = tuple(map(_part, sources))
        self.groups = tuple({name for part in self.parts if part.regex for name in part.regex.groupindex})
        self.literals = tuple(literal for part in self.parts for literal in part.literals if literal)

    def search(self, lowered: str) -> Span | None:
        """The longest match of any alternative in a text that is in lower case."""
        return longest([part for part in self.parts if part.could_be(lowered)], lowered)

    def holds(self, lowered: str) -> bool:
        """Whether any alternative is in a text that is in lower case."""
        for part in self.parts:
            for literal in part.literals:
                if literal in lowered:
                    if part.regex is None or part.regex.search(lowered):
                        return True
                    break
        return False

    def named(self, span: Span, lowered: str) -> dict[str, Span]:
        """Where the named groups of a match are."""
        for part in self.parts:
            match = part.regex.match(lowered, *span) if part.regex and part.regex.groupindex else None
            if match is not None and match.span() == span:
                return {name: match.span(name) for name in part.regex.groupindex if match[name]} if part.regex else {}
        return {}


def longest(parts: Sequence[Part], lowered: str) -> Span | None:
    """The longest match of any of them, and of two as long the first in the text."""
    if len(parts) == 1:
        return parts[0].find(lowered)
    best: Span | None = None
    size = -1
    for part in parts:
        span = part.find(lowered)
        if span is None:
            continue
        length = span[1] - span[0]
        if best is None or length > size or (length == size and span < best):
            best, size = span, length
    return best


def _part(source: str) -> Part:
    try:
        regex = re.compile(_EDGE.sub(r"\1(?<!\\w\1)", source))
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if len(source) >= _MIN_LITERAL and _PLAIN.match(source):
        return Part((source,), None)
    literals = needed(source)
    return Part(literals if min(map(len, literals)) >= _MIN_LITERAL else ("",), regex)


# A word's edge is looked at behind its first letter: an expression that starts with a letter is found much faster.
_EDGE = re.compile(r"\A\\b([a-z0-9])(?![?*{+|])")
_KEPT = re.compile(r"\\.|\(\?P<[^>]*>|\(\?P=[^)]*\)")


def in_lower_case(source: str) -> str:
    """An expression that matches in lower case what the given one matches; escapes and the names of groups stay."""
    parts, at = [], 0
    for kept in _KEPT.finditer(source):
        parts += [source[at : kept.start()].lower(), kept.group(0)]
        at = kept.end()
    return "".join([*parts, source[at:].lower()])


DEAREST = (
    150_000_000  # what one alternative may cost over one message, see `cost`: some tenths of a second at the very most
)
_FOREVER = 10 * DEAREST
_ESCAPED = re.compile(r"\\\\|\\([^\W\dsSdDwWbBAZ_])")


def refusal(source: str) -> str:
    """Why one alternative of an expression is not taken: it is none, means something else here, or could take too long."""
    if escaped := next((e for e in _ESCAPED.finditer(source) if e[1]), None):
        return f"the escape {escaped[0]} is not taken: a message is one line of plain characters"
    if "(?#" in source:
        return "a comment (?#…) is not taken"
    if source and _PLAIN.match(source):
        return ""
    try:
        most = cost(source)
    except re.error as error:
        return f"not a regular expression: {error}"
    except ValueError as error:
        return str(error)
    except (RecursionError, OverflowError):
        return "not a regular expression that could be meant: it is nested too deeply or repeats too often"
    if most <= DEAREST:
        return ""
    how = "for ever" if most > _FOREVER else f"{most / DEAREST:.1f} times as long as is allowed"
    return (
        f"its repetitions could take {how} over one message: repeat less and not one within another, end what is repeated with "
        "a character that cannot be in it, as in [^:]{0,80}:, and begin with a word"
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
    if len(literal) < _MIN_LITERAL:
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
