"""Which alternatives of the catalogue's expressions no stored message needs: each is taken out in turn.

`python tests/diagnosis/spoken_alternatives.py` lists every alternative, wherever its bar stands, without which each stored
message is answered as before: whose it is, in which expression, how many messages have it, it, and the part it stands in.
Nobody has said one that none has; of the others some other words say as much.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from runbook.diagnosis import classify as classifying
from runbook.diagnosis.catalogue import Catalogue, built_in
from runbook.diagnosis.causetypes import Cause, Recogniser, Signature
from runbook.diagnosis.literals import alternatives
from runbook.diagnosis.patterns import Pattern
from runbook.diagnosis.shortlist import Present, Shortlist
from runbook.diagnosis.unwrap import one_line

DATA = Path(__file__).parents[1] / "data"
STACK = -1


class Said(NamedTuple):
    """A stored message as it is asked about, and the line that is read of it."""

    message: str
    reason: str
    kind: str
    lowered: str


@dataclass(frozen=True)
class Place:
    """One expression: of which cause or recogniser, `match` or `unless`, and its number in the shortlist (or STACK)."""

    of: str
    which: str
    number: int
    pattern: Pattern


class Unneeded(NamedTuple):
    """An alternative without which nothing changes; `said` is the number of stored messages that have it."""

    of: str
    which: str
    said: int
    alternative: str
    part: str


def stored() -> list[Said]:
    """Every message that is kept with an answer."""
    found = [_fields(line) for name in ("wordings", "heldout", "blind") for line in _lines(DATA / f"{name}.tsv")]
    found += [(o["message"], o["reason"], o["object_kind"]) for o in map(json.loads, _lines(DATA / "messages.jsonl"))]
    return [Said(message, reason, kind, one_line(message).lowered) for message, reason, kind in dict.fromkeys(found)]


def _lines(path: Path) -> Iterator[str]:
    return (line for line in path.read_text().splitlines() if line and not line.startswith("#"))


def _fields(line: str) -> tuple[str, str, str]:
    fields = line.split("\t")
    return fields[-1].replace("⏎", "\n"), fields[2], fields[1]


def places(listed: Shortlist, catalogue: Catalogue) -> Iterator[Place]:
    """All expressions that are read."""
    yield Place("stack", "match", STACK, catalogue.stack.pattern)
    known: list[tuple[str, Pattern | None, Pattern | None]] = [
        (one.id, one.pattern, one.unless) for one in (*listed.calm, *listed.peers, *listed.faults)
    ]
    known += [(cause.id, signature.pattern, signature.unless) for cause, signature in listed.signatures]
    for number, (name, match, unless) in enumerate(known):
        for which, pattern in (("match", match), ("unless", unless)):
            if pattern is not None:
                yield Place(name, which, number, pattern)


def unsaid(rows: list[Said]) -> Iterator[tuple[str, str, str]]:
    """Whole alternatives that no stored message has: of what, in which expression, and the words."""
    catalogue = built_in()
    for place in places(Shortlist(catalogue), catalogue):
        for words in alternatives(place.pattern.source):
            (part,) = Pattern(words).parts
            if not any(part.could_be(row.lowered) and part.find(row.lowered) for row in rows):
                yield place.of, place.which, words


def unneeded(rows: list[Said]) -> Iterator[Unneeded]:
    """Every alternative that can be taken out and each stored message is still answered as before."""
    catalogue = built_in()
    listed = Shortlist(catalogue)
    before = [_answer(row, listed, catalogue) for row in rows]
    for place in places(listed, catalogue):
        parts = alternatives(place.pattern.source)
        for at, part in enumerate(parts):
            for words, kept in without(part):
                said = list(_told_apart(rows, part, kept))
                form = "|".join([*parts[:at], *([kept] if kept else []), *parts[at + 1 :]])
                changed = _changed(place, form, listed, catalogue)
                if all(_answer(rows[n], *changed) == before[n] for n in said):
                    yield Unneeded(place.of, place.which, len(said), words, part)


def without(part: str) -> Iterator[tuple[str, str]]:
    """Each alternative of a part, and the part without it: itself and nothing, then those of its groups."""
    yield part, ""
    for start, end in _groups(part):
        inner = alternatives(part[start:end])
        for n, words in enumerate(inner):
            if len(inner) > 1 and words:
                yield words, f"{part[:start]}{'|'.join([*inner[:n], *inner[n + 1 :]])}{part[end:]}"


def _groups(part: str) -> Iterator[tuple[int, int]]:
    """Where the inside of each group is; what only looks ahead or behind is not said."""
    opened: list[tuple[int, bool]] = []
    i = 0
    while i < len(part):
        width = 1
        if part[i] == "\\":
            width = 2
        elif part[i] == "[":
            width = part.index("]", i + 2 + (part[i + 1] == "^")) - i + 1
        elif part[i] == "(":
            width = 3 if part.startswith("(?:", i) else part.index(">", i) - i + 1 if part.startswith("(?P<", i) else 1
            opened.append((i + width, part.startswith(("(?=", "(?!", "(?<=", "(?<!"), i)))
        elif part[i] == ")":
            start, looks = opened.pop()
            if not looks:
                yield start, i
        i += width


def _told_apart(rows: list[Said], part: str, kept: str) -> Iterator[int]:
    """The messages in which a part finds something else than what is left of it."""
    whole, rest = Pattern(part), Pattern(kept) if kept else None
    for number, row in enumerate(rows):
        span = whole.search(row.lowered)
        if span is not None and (rest is None or rest.search(row.lowered) != span):
            yield number


class _Changed(Shortlist):
    """A shortlist that reads one expression in another form; none at all where that is empty."""

    def __init__(self, listed: Shortlist, place: Place, form: str) -> None:
        self.__dict__.update(listed.__dict__)
        self._place, self._form = place, Pattern(form) if form else None

    def present(self, lowered: str) -> Present:
        found = super().present(lowered)
        if self._place.which == "match":
            found.pop(self._place.number, None)
            parts = [part for part in self._form.parts if part.could_be(lowered)] if self._form else []
            if parts:
                found[self._place.number] = parts
        return found

    def signature(self, number: int) -> tuple[Cause, Signature]:
        cause, signature = super().signature(number)
        return cause, replace(signature, unless=self._form) if self._is_guard(number) else signature

    def recogniser(self, number: int) -> Recogniser:
        one = super().recogniser(number)
        return replace(one, unless=self._form) if self._is_guard(number) else one

    def _is_guard(self, number: int) -> bool:
        return self._place.which == "unless" and number == self._place.number


def _changed(place: Place, form: str, listed: Shortlist, catalogue: Catalogue) -> tuple[Shortlist, Catalogue]:
    if place.number == STACK:
        return listed, replace(catalogue, stack=replace(catalogue.stack, pattern=Pattern(form)))
    return _Changed(listed, place, form), catalogue


def _answer(row: Said, listed: Shortlist, catalogue: Catalogue) -> str:
    with mock.patch.object(classifying, "shortlist", return_value=listed):
        return classifying.classify(row.message, reason=row.reason, kind=row.kind, catalogue=catalogue).cause


if __name__ == "__main__":
    sys.stdout.writelines("\t".join(map(str, found)) + "\n" for found in unneeded(stored()))
