"""Message → cause. Structure first, words second, the longest proof of the highest rank wins, and `unknown` is an answer.

The same words mean different repairs for different peers: who is at the other end is found before what went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from re import Pattern
from typing import Literal

from runbook.diagnosis.catalogue import Catalogue, Cause, Signature, built_in
from runbook.diagnosis.patterns import longest
from runbook.diagnosis.shortlist import Present, Shortlist, shortlist
from runbook.diagnosis.unwrap import Line, one_line

Role = Literal["cause", "symptom", "unknown"]


@dataclass(frozen=True, slots=True)
class _Hit:
    cause: Cause
    signature: Signature
    proof: str
    groups: Mapping[str, str]
    wins: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Told:
    """What an answer was made of: its reason and its captures are put into words when somebody asks for them."""

    line: Line
    catalogue: Catalogue
    hit: _Hit | None
    proof: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Classification:
    """What a message means. `fault` and `peer` are the wire's, if any; `cut` says that its end is missing."""

    cause: str
    role: Role
    peer: str = ""
    fault: str = ""
    cut: bool = False
    told: _Told | None = field(default=None, repr=False, compare=False)

    @property
    def why(self) -> str:
        """Which words of whom proved it, or why nothing did."""
        if self.told is None:
            return ""
        return _why(self.told, self.peer) if self.told.hit else self.told.why_not

    @property
    def captures(self) -> Mapping[str, str]:
        """What the message names: image, host, Secret and the like."""
        if self.told is None or self.told.hit is None:
            return {}
        hit = self.told.hit
        return {**_captures(self.told.catalogue, hit.cause, self.told.line), **hit.groups}


def classify(
    message: object, *, reason: str = "", kind: str = "", catalogue: Catalogue | None = None
) -> Classification:
    """Name the cause that a status message, event or log line supports, or `unknown`.

    `reason` is the condition's or event's reason, `kind` the kind of object that carries it; both may be empty.
    """
    text = message if isinstance(message, str) else "" if message is None else str(message)
    if catalogue is None and len(text) <= _REMEMBERED:
        return _remembered(text, reason, kind)
    return _classify(text, reason, kind, catalogue or built_in())


_REMEMBERED = 4096


@lru_cache(maxsize=4096)
def _remembered(text: str, reason: str, kind: str) -> Classification:
    return _classify(text, reason, kind, built_in())


def _classify(text: str, reason: str, kind: str, catalogue: Catalogue) -> Classification:
    line = one_line(text)
    listed = shortlist(catalogue)
    found = listed.present(line.lowered)
    said = listed.said(reason, kind)
    calm, peers, faults = listed.recognisers(found, said)
    if calm and _first(calm, said, listed, found, line)[0]:
        return _unknown(line, catalogue, "", "", "it says that all is well")
    peer, peer_proof = _first(peers, said, listed, found, line)
    fault, fault_proof = _first(faults, said, listed, found, line)
    wire = (peer, fault, len(peer_proof) + len(fault_proof))
    best: list[_Hit] = []
    for number in listed.worded(found, fault, reason):
        cause, signature = listed.signature(number)
        if best and signature.rank < best[0].wins[0]:
            break
        hit = _hit(cause, signature, line, found.get(number), wire, (reason, kind))
        if hit is not None and (not best or hit.wins >= best[0].wins):
            best = [*best, hit] if best and hit.wins == best[0].wins else [hit]
    if not best:
        return _unknown(line, catalogue, peer, fault, "")
    if len(rivals := {hit.cause.id for hit in best}) > 1:
        return _unknown(line, catalogue, peer, fault, f"its words are as good for {' or '.join(sorted(rivals))}")
    told = _Told(line, catalogue, best[0], best[0].proof or fault_proof or reason, "")
    role: Role = "symptom" if best[0].cause.role == "symptom" else "cause"
    return Classification(best[0].cause.id, role, peer, fault, line.cut, told)


def _unknown(line: Line, catalogue: Catalogue, peer: str, fault: str, why: str) -> Classification:
    told = _Told(line, catalogue, None, "", why or _why_not(line, peer, fault))
    return Classification("unknown", "unknown", peer, fault, line.cut, told)


def _hit(
    cause: Cause,
    signature: Signature,
    line: Line,
    regexes: list[Pattern[str]] | None,
    wire: tuple[str, str, int],
    said: tuple[str, str],
) -> _Hit | None:
    (peer, fault, wire_length), (reason, kind) = wire, said
    if signature.faults and fault not in signature.faults:
        return None
    if signature.peers and peer not in signature.peers:
        return None
    if signature.kinds and kind not in signature.kinds:
        return None
    if signature.reasons and reason not in signature.reasons:
        return None
    proof, groups, length = "", {}, wire_length if signature.faults else len(reason)
    if signature.pattern is not None:
        match = longest(regexes or (), line.lowered)
        if match is None:
            return None
        proof = line.words_at(*match.span())
        length += len(proof)
        groups = {name: line.words_at(*match.span(name)) for name in signature.pattern.groups if match[name]}
    if signature.unless is not None and signature.unless.search(line.lowered):
        return None
    return _Hit(cause, signature, proof, groups, (signature.rank, cause.role == "cause", length))


def _first(numbers: list[int], said: frozenset[int], listed: Shortlist, found: Present, line: Line) -> tuple[str, str]:
    """The first that recognises the line, with the words that did; a kind or reason counts like words."""
    for number in numbers:
        recogniser = listed.recogniser(number)
        if recogniser.unless is not None and number not in said and recogniser.unless.search(line.lowered):
            continue
        match = longest(found.get(number, ()), line.lowered)
        if match is not None or number in said:
            return recogniser.id, line.words_at(*match.span()) if match else ""
    return "", ""


def _captures(catalogue: Catalogue, cause: Cause, line: Line) -> dict[str, str]:
    found = {}
    for name in cause.captures:
        for pattern in catalogue.captures.get(name, ()):
            if match := pattern.search(line.text):
                found[name] = match.group(name)
                break
    return found


def _why(told: _Told, peer: str) -> str:
    hit, line, proof = told.hit, told.line, told.proof
    if hit is None:
        return told.why_not
    words = proof if len(proof) <= 120 else f"{proof[:117]}..."
    parts = [f"“{words}” ({hit.signature.by})" if hit.signature.by else f"“{words}”"]
    if hit.signature.faults:
        parts.append(f"said of {peer or 'nobody in particular'}")
    if layers := line.layers:
        parts.append("inside " + " inside ".join(reversed(layers)))
    if line.cut:
        parts.append("the message is cut")
    return ", ".join(parts)


def _why_not(line: Line, peer: str, fault: str) -> str:
    if not line.text:
        return "there is no message"
    if fault and not peer:
        return f"it says {fault} and not of whom"
    return "the message is cut and what is left has no known words" if line.cut else "no known words in it"
