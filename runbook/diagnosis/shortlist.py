"""Which expressions could hold of a message at all, found by four-byte pieces of what they must contain.

A catalogue has a thousand literals and a message a few hundred pieces. The pieces are read as numbers, four runs over
the bytes; the few that a literal also has name the literals to look for, and a literal that is there names the
expressions to try. Nothing that could hold is left out: a literal too short for a piece is always looked for.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from runbook.diagnosis.catalogue import Catalogue, Cause, Recogniser, Signature
from runbook.diagnosis.patterns import Pattern

_SIZE = 4
Present = dict[int, list[re.Pattern[str]]]
_Entry = tuple[str, tuple[tuple[int, re.Pattern[str]], ...]]


class Index:
    """Numbered patterns by the literals of their alternatives."""

    def __init__(self, patterns: Mapping[int, Pattern]) -> None:
        owners: dict[str, list[tuple[int, re.Pattern[str]]]] = defaultdict(list)
        for number, pattern in patterns.items():
            for literal, regex in pattern.parts:
                owners[literal].append((number, regex))
        common = Counter(piece for literal in owners for piece in set(_runs(literal)))
        by_piece: dict[int, list[_Entry]] = defaultdict(list)
        always: list[_Entry] = []
        for literal, which in owners.items():
            runs = _runs(literal)
            place = by_piece[min(runs, key=lambda p: (_weight(p), common[p]))] if runs else always
            place.append((literal, tuple(which)))
        self._by_piece = {piece: tuple(entries) for piece, entries in by_piece.items()}
        self._known = frozenset(self._by_piece)
        self._always = tuple(always)

    def present(self, lowered: str) -> Present:
        """The expressions by pattern number whose literal is in the text (which is in lower case)."""
        found: Present = {}
        for piece in self._known.intersection(pieces(lowered)):
            _add(found, self._by_piece[piece], lowered)
        _add(found, self._always, lowered)
        return found


def _add(found: Present, entries: Iterable[_Entry], lowered: str) -> None:
    for literal, which in entries:
        if literal in lowered:
            for number, regex in which:
                found.setdefault(number, []).append(regex)


class Shortlist:
    """A catalogue's calm, peers, faults and signatures under one numbering; a lower number takes precedence.

    Signatures that no text is needed for are found by their faults or their reasons.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        signatures = [(cause, signature) for cause in catalogue.causes.values() for signature in cause.signatures]
        self.signatures: tuple[tuple[Cause, Signature], ...] = tuple(sorted(signatures, key=lambda s: -s[1].rank))
        self.calm, self.peers, self.faults = catalogue.calm, catalogue.peers, catalogue.faults
        self.first_peer = len(self.calm)
        self.first_fault = self.first_peer + len(self.peers)
        self.first_signature = self.first_fault + len(self.faults)
        recognisers = [*self.calm, *self.peers, *self.faults]
        patterns = {number: recogniser.pattern for number, recogniser in enumerate(recognisers)}
        self._by_fault: dict[str, list[int]] = defaultdict(list)
        self._by_reason: dict[str, list[int]] = defaultdict(list)
        for number, (_, signature) in enumerate(self.signatures, self.first_signature):
            if signature.pattern is not None:
                patterns[number] = signature.pattern
                continue
            place, keys = (
                (self._by_fault, signature.faults) if signature.faults else (self._by_reason, signature.reasons)
            )
            for key in keys:
                place[key].append(number)
        self._index = Index(patterns)
        self._said = _said([*self.calm, *self.peers])

    def present(self, lowered: str) -> Present:
        """The expressions that could hold, by number."""
        return self._index.present(lowered)

    def said(self, reason: str, kind: str) -> frozenset[int]:
        """The calm and the peers that a reason or a kind says without words."""
        return self._said.get(reason, _NONE) | self._said.get(kind, _NONE)

    def recognisers(self, found: Present, said: frozenset[int]) -> tuple[list[int], list[int], list[int]]:
        """The numbers of the calm, the peers and the faults to try, in order of precedence."""
        calm, peers, faults = list[int](), list[int](), list[int]()
        for number in sorted(said.union(found)):
            if number >= self.first_signature:
                break
            place = calm if number < self.first_peer else peers if number < self.first_fault else faults
            place.append(number)
        return calm, peers, faults

    def worded(self, found: Present, fault: str, reason: str) -> list[int]:
        """The numbers of the signatures to try, highest rank first."""
        first = self.first_signature
        numbers = {n for n in found if n >= first}
        numbers.update(self._by_fault.get(fault, ()), self._by_reason.get(reason, ()))
        return sorted(numbers)

    def recogniser(self, number: int) -> Recogniser:
        """The calm, peer or fault of this number."""
        if number < self.first_peer:
            return self.calm[number]
        if number < self.first_fault:
            return self.peers[number - self.first_peer]
        return self.faults[number - self.first_fault]

    def signature(self, number: int) -> tuple[Cause, Signature]:
        """The signature of this number, and its cause."""
        return self.signatures[number - self.first_signature]


_NONE: frozenset[int] = frozenset()


def _said(recognisers: Sequence[Recogniser]) -> dict[str, frozenset[int]]:
    """The numbers of recognisers by the kinds and reasons that say them without words; nothing says nothing."""
    said: dict[str, set[int]] = defaultdict(set)
    for number, recogniser in enumerate(recognisers):
        for key in (*recogniser.kinds, *recogniser.reasons):
            said[key].add(number)
    return {key: frozenset(numbers) for key, numbers in said.items() if key}


def pieces(text: str) -> set[int]:
    """All pieces of four bytes of a text, as numbers."""
    data = memoryview(text.encode("utf-8", "replace"))
    size = len(data) & ~3
    found = set(data[:size].cast("I"))
    for offset in range(1, _SIZE):
        end = offset + ((len(data) - offset) & ~3)
        if end > offset:
            found.update(data[offset:end].cast("I"))
    return found


def _runs(literal: str) -> list[int]:
    data = literal.encode("utf-8", "replace")
    return [memoryview(data)[i : i + _SIZE].cast("I")[0] for i in range(len(data) - _SIZE + 1)]


# Pieces that nearly every message has are poor guides.
_FREQUENT = (
    "erro fail led  not  to  the for ing ion tion ed: or:  of  is http ://  get  in ect age  in connect ready time"
)


@lru_cache(maxsize=1)
def _frequent() -> frozenset[int]:
    padded = (f" {word} " for word in _FREQUENT.split())
    return frozenset(piece for word in padded for piece in _runs(word))


def _weight(piece: int) -> int:
    return int(piece in _frequent())


@lru_cache(maxsize=8)
def shortlist(catalogue: Catalogue) -> Shortlist:
    """The catalogue's shortlist, made once."""
    return Shortlist(catalogue)
