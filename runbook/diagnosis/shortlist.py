"""Which signatures could hold of a message at all, found by four-letter pieces of what they must contain.

A catalogue has hundreds of literals and a message a few hundred pieces: one intersection of two sets leaves a handful
of signatures to try. It never leaves one out that could hold: who lacks a literal of that length is always tried.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache

from runbook.diagnosis.catalogue import Catalogue, Cause, Recogniser, Signature
from runbook.diagnosis.patterns import Pattern

_SIZE = 4


class Pieces:
    """Numbered patterns by one piece of each of their literals; a number without a pattern is always a candidate."""

    def __init__(self, patterns: Sequence[Pattern | None]) -> None:
        common = Counter(p for pattern in patterns if pattern for lit in pattern.literals for p in pieces(lit))
        by_piece: dict[str, set[int]] = defaultdict(set)
        always = set()
        for number, pattern in enumerate(patterns):
            if pattern is None or not all(len(literal) >= _SIZE for literal, _ in pattern.parts):
                always.add(number)
                continue
            for literal in pattern.literals:
                rarest = min(sorted(pieces(literal)), key=lambda piece: common[piece])
                by_piece[rarest].add(number)
        self._by_piece = {piece: frozenset(numbers) for piece, numbers in by_piece.items()}
        self._known = frozenset(self._by_piece)
        self._always = frozenset(always)

    def candidates(self, found: set[str]) -> set[int]:
        """The numbers whose pattern could be in a text with these pieces."""
        return set(self._always).union(*(self._by_piece[piece] for piece in found & self._known))


class Shortlist:
    """A catalogue's signatures, peers and faults by the pieces of their literals."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.signatures: tuple[tuple[Cause, Signature], ...] = tuple(
            (cause, signature) for cause in catalogue.causes.values() for signature in cause.signatures
        )
        self._signatures = Pieces([signature.pattern for _, signature in self.signatures])
        self._peers = Pieces([_pattern(peer) for peer in catalogue.peers])
        self._faults = Pieces([fault.pattern for fault in catalogue.faults])
        self._catalogue = catalogue

    def of(self, lowered: str) -> tuple[list[Recogniser], list[Recogniser], list[tuple[Cause, Signature]]]:
        """Peers, faults and signatures that could hold of a text in lower case, each in the catalogue's order."""
        found = pieces(lowered)
        return (
            [self._catalogue.peers[n] for n in sorted(self._peers.candidates(found))],
            [self._catalogue.faults[n] for n in sorted(self._faults.candidates(found))],
            [self.signatures[n] for n in sorted(self._signatures.candidates(found))],
        )


def pieces(text: str) -> set[str]:
    """All pieces of four letters of a text."""
    return set(map("".join, zip(text, text[1:], text[2:], text[3:], strict=False)))


def _pattern(peer: Recogniser) -> Pattern | None:
    """None for a peer that a kind or a reason says without words."""
    return None if peer.kinds or peer.reasons else peer.pattern


@lru_cache(maxsize=8)
def shortlist(catalogue: Catalogue) -> Shortlist:
    """The catalogue's shortlist, made once."""
    return Shortlist(catalogue)
