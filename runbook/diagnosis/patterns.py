"""Regular expressions that stay linear and cost next to nothing when they cannot match. They read a text in lower case.

Each alternative of a pattern has literals of which one must be in the text; a look for those is some fifty times
cheaper than the expression itself, and an alternative that is nothing but a literal needs no expression at all. That
keeps the whole catalogue at tens of thousands of messages a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from runbook.diagnosis.cost import cost
from runbook.diagnosis.literals import MIN_LITERAL, alternatives, needed

_GROUP = re.compile(r"\(\?P<([^>]*)>")
_PLAIN = re.compile(r"[^\\.^$|?*+()\[\]{}]*\Z")

Span = tuple[int, int]


class Part:
    """One alternative: one of `literals` is in whatever it matches. Without `regex` it is its only literal."""

    __slots__ = ("_regex", "literals", "source")

    def __init__(self, literals: tuple[str, ...], source: str) -> None:
        self.literals, self.source = literals, source
        self._regex: re.Pattern[str] | None = None

    @property
    def regex(self) -> re.Pattern[str] | None:
        """Made when it is first of use: of a thousand expressions a cluster's messages try a tenth. Raises re.error."""
        if self._regex is None and self.source:
            self._regex = re.compile(_EDGE.sub(r"\1(?<!\\w\1)", self.source))
        return self._regex

    def could_be(self, lowered: str) -> bool:
        """Whether one of its literals is there."""
        return any(literal in lowered for literal in self.literals)

    def find(self, lowered: str) -> Span | None:
        """Where it is in a text that has one of its literals."""
        regex = self.regex
        if regex is None:
            start = lowered.find(self.literals[0])
            return (start, start + len(self.literals[0])) if start >= 0 else None
        match = regex.search(lowered)
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
        if not trusted:
            _make(self.parts)
        self.groups = tuple(dict.fromkeys(_GROUP.findall("".join(part.source for part in self.parts))))
        self.literals = tuple(literal for part in self.parts for literal in part.literals if literal)

    def search(self, lowered: str) -> Span | None:
        """The longest match of any alternative in a text that is in lower case."""
        return longest([part for part in self.parts if part.could_be(lowered)], lowered)

    def holds(self, lowered: str) -> bool:
        """Whether any alternative is in a text that is in lower case."""
        for part in self.parts:
            for literal in part.literals:
                if literal in lowered:
                    if (regex := part.regex) is None or regex.search(lowered):
                        return True
                    break
        return False

    def named(self, span: Span, lowered: str) -> dict[str, Span]:
        """Where the named groups of a match are."""
        for part in self.parts if self.groups else ():
            regex = part.regex
            match = regex.match(lowered, *span) if regex is not None and regex.groupindex else None
            if regex is not None and match is not None and match.span() == span:
                return {name: match.span(name) for name in regex.groupindex if match[name]}
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
    if len(source) >= MIN_LITERAL and _PLAIN.match(source):
        return Part((source,), "")
    literals = needed(source)
    return Part(literals if min(map(len, literals)) >= MIN_LITERAL else ("",), source)


def _make(parts: Iterable[Part]) -> None:
    for part in parts:
        try:
            part.regex  # noqa: B018  # it is made by being asked for
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error


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
