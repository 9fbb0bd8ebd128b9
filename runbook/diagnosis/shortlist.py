"""Which expressions could hold of a message at all, found by four-byte pieces of what they must contain.

A catalogue has a thousand literals and a message a few hundred pieces. The pieces are read as numbers, those that start
at an even place only, two runs over the bytes; the few that a literal also has name the literals to look for, and a
literal that is there names the expressions to try. Nothing that could hold is left out: a literal is listed by one piece of
its even and one of its odd places, and one too short for both is always looked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain

from runbook.diagnosis.catalogue import Catalogue
from runbook.diagnosis.causetypes import Cause, Recogniser, Signature
from runbook.diagnosis.patterns import Part, Pattern

_SIZE, _STEP = 4, 2
Present = dict[int, list[Part]]
_Entry = tuple[str, tuple[tuple[int, Part], ...]]


class Index:
    """Numbered patterns by the literals of their alternatives."""

    def __init__(self, patterns: Mapping[int, Pattern]) -> None:
        owners: dict[str, list[tuple[int, Part]]] = defaultdict(list)
        for number, pattern in patterns.items():
            for part in pattern.parts:
                for literal in part.literals:
                    owners[literal].append((number, part))
        common = Counter(piece for literal in owners for piece in set(_all_pieces(literal)))
        by_piece: dict[int, list[_Entry]] = defaultdict(list)
        always: list[_Entry] = []
        for literal, which in owners.items():
            runs = _all_pieces(literal)
            if len(runs) < _STEP:
                always.append((literal, tuple(which)))
                continue
            for first in range(_STEP):
                rarest = min(runs[first::_STEP], key=lambda piece: (piece in _frequent(), common[piece]))
                if (entry := (literal, tuple(which))) not in by_piece[rarest]:
                    by_piece[rarest].append(entry)
        self._by_piece = {piece: tuple(entries) for piece, entries in by_piece.items()}
        self._known = frozenset(self._by_piece)
        self._always = tuple(always)

    def present(self, lowered: str) -> Present:
        """The parts by pattern number of which a literal is in the text (which is in lower case)."""
        found: Present = {}
        for place in (self._always, *map(self._by_piece.__getitem__, self._known.intersection(pieces(lowered)))):
            for literal, which in place:
                if literal in lowered:
                    for number, part in which:
                        parts = found.get(number)
                        if parts is None:
                            found[number] = [part]
                        elif part not in parts:
                            parts.append(part)
        return found


class Shortlist:
    """A catalogue's calm, peers, faults and signatures under one numbering; a lower number takes precedence.

    Signatures that no text is needed for are found by their faults, their reasons or their exit codes.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        signatures = [(cause, signature) for cause in catalogue.causes.values() for signature in cause.signatures]
        self.signatures: tuple[tuple[Cause, Signature], ...] = tuple(sorted(signatures, key=lambda s: -s[1].rank))
        self.calm, self.peers, self.faults = catalogue.calm, catalogue.peers, catalogue.faults
        self.first_peer = len(self.calm)
        self.first_fault = self.first_peer + len(self.peers)
        self.first_signature = self.first_fault + len(self.faults)
        self._recognisers = recognisers = [*self.calm, *self.peers, *self.faults]
        patterns = {number: recogniser.pattern for number, recogniser in enumerate(recognisers)}
        self._by_fault: dict[str, list[int]] = defaultdict(list)
        self._by_reason: dict[str, list[int]] = defaultdict(list)
        self._by_code: dict[int, list[int]] = defaultdict(list)
        for number, (_, signature) in enumerate(self.signatures, self.first_signature):
            if signature.pattern is not None:
                patterns[number] = signature.pattern
                continue
            if signature.faults or signature.reasons:
                by_word = self._by_fault if signature.faults else self._by_reason
                for key in signature.faults or signature.reasons:
                    by_word[key].append(number)
            else:
                for code in signature.exit_codes:
                    self._by_code[code].append(number)
        self._index = Index(patterns)
        self._said = _said([*self.calm, *self.peers])

    def present(self, lowered: str) -> Present:
        """The expressions that could hold, by number."""
        return self._index.present(lowered)

    def said(self, reason: str, kind: str) -> frozenset[int]:
        """The calm and the peers that a reason or a kind says without words."""
        return self._said.get(reason, _NONE) | self._said.get(kind, _NONE)

    def in_order(self, found: Present, said: frozenset[int]) -> tuple[list[int], list[int], list[int], list[int]]:
        """The numbers of the calm, the peers, the faults and the worded signatures to try, each by precedence."""
        numbers = sorted(said.union(found) if said else found)
        peers = bisect_left(numbers, self.first_peer)
        faults = bisect_left(numbers, self.first_fault)
        signatures = bisect_left(numbers, self.first_signature)
        return numbers[:peers], numbers[peers:faults], numbers[faults:signatures], numbers[signatures:]

    def wordless(self, fault: str, reason: str, code: int | None) -> list[int]:
        """The numbers of the signatures that a fault, a reason or an exit code says without words."""
        said = self._by_fault.get(fault, []) + self._by_reason.get(reason, [])
        return said + self._by_code.get(code, []) if code else said

    def recogniser(self, number: int) -> Recogniser:
        """The calm, peer or fault of this number."""
        return self._recognisers[number]

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


def pieces(text: str) -> Iterable[int]:
    """The pieces of four bytes of a text at its even places, as numbers."""
    data = memoryview(text.encode("utf-8", "replace"))
    size = len(data)
    if size < _SIZE + _STEP:
        return [data[:_SIZE].cast("I")[0]] if size >= _SIZE else ()
    return chain(data[: size & ~3].cast("I"), data[_STEP : _STEP + ((size - _STEP) & ~3)].cast("I"))


def _all_pieces(literal: str) -> list[int]:
    """The four bytes at each place of a literal."""
    data = memoryview(literal.encode("utf-8", "replace"))
    return [data[i : i + _SIZE].cast("I")[0] for i in range(len(data) - _SIZE + 1)]


# Pieces that nearly every message has are poor guides.
_FREQUENT = (
    "error: failed not found to the for ing ation ed: or: of is https:// get in connection connect image ready timeout "
    "certificate unknown authority pull secret webhook release chart install upgrade service namespace context deadline "
    "exceeded resource invalid value refused dial tcp repository reference source unable cannot denied forbidden "
    "rpc error: code = unknown desc = failed to resolve reference: failed to create: failed to get: failed calling could not "
    "container not ready: context deadline exceeded: connection refused: request denied: no such manifest"
)


@lru_cache(maxsize=1)
def _frequent() -> frozenset[int]:
    padded = (f" {word} " for word in _FREQUENT.split())
    return frozenset(piece for word in (*padded, _FREQUENT) for piece in _all_pieces(word))


@lru_cache(maxsize=8)
def shortlist(catalogue: Catalogue) -> Shortlist:
    """The catalogue's shortlist, made once."""
    return Shortlist(catalogue)
