"""Message → cause. Structure first, words second, the longest proof of the highest rank wins, and `unknown` is an answer.

The same words mean different repairs for different peers: who is at the other end is found before what went wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from runbook.diagnosis.catalogue import Catalogue, Cause, Recogniser, Signature, built_in
from runbook.diagnosis.shortlist import shortlist
from runbook.diagnosis.unwrap import Line, one_line

Role = Literal["cause", "symptom", "unknown"]


@dataclass(frozen=True, slots=True)
class Classification:
    """What a message means. `why` says which words of whom proved it; `fault` and `peer` are the wire's, if any."""

    cause: str
    role: Role
    why: str
    captures: Mapping[str, str] = field(default_factory=dict)
    peer: str = ""
    fault: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Hit:
    cause: Cause
    signature: Signature
    proof: str
    groups: Mapping[str, str]
    wins: tuple[int, int, int]


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
    peers, faults, signatures = shortlist(catalogue).of(line.lowered)
    peer, peer_proof = _first(peers, line, reason, kind)
    fault, fault_proof = _first(faults, line, "", "")
    wire = (peer, fault, len(peer_proof) + len(fault_proof))
    hits = sorted(_hits(signatures, line, wire, (reason, kind)), key=lambda h: h.wins, reverse=True)
    if not hits:
        return Classification("unknown", "unknown", _why_not(line, peer, fault), {}, peer, fault, line.cut)
    best = hits[0]
    rivals = {h.cause.id for h in hits if h.wins == best.wins}
    if len(rivals) > 1:
        names = " or ".join(sorted(rivals))
        return Classification("unknown", "unknown", f"its words are as good for {names}", {}, peer, fault, line.cut)
    proof = best.proof or fault_proof or reason
    return Classification(
        best.cause.id,
        "symptom" if best.cause.role == "symptom" else "cause",
        _why(best, proof, line, peer, fault),
        {**_captures(catalogue, best.cause, line), **best.groups},
        peer,
        fault,
        line.cut,
    )


def _hits(
    signatures: Iterable[tuple[Cause, Signature]], line: Line, wire: tuple[str, str, int], said: tuple[str, str]
) -> Iterator[_Hit]:
    for cause, signature in signatures:
        if hit := _hit(cause, signature, line, wire, said):
            yield hit


def _hit(
    cause: Cause, signature: Signature, line: Line, wire: tuple[str, str, int], said: tuple[str, str]
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
        match = signature.pattern.search(line.words, line.lowered)
        if match is None:
            return None
        proof = match.group(0)
        length += len(proof)
        groups = {name: value for name, value in match.groupdict().items() if value}
    if signature.unless is not None and signature.unless.search(line.words, line.lowered):
        return None
    return _Hit(cause, signature, proof, groups, (signature.rank, cause.role == "cause", length))


def _first(recognisers: Iterable[Recogniser], line: Line, reason: str, kind: str) -> tuple[str, str]:
    """The first that recognises the line, with the words that did; a kind or reason counts like words."""
    for recogniser in recognisers:
        if match := recogniser.pattern.search(line.words, line.lowered):
            return recogniser.id, match.group(0)
        if (kind and kind in recogniser.kinds) or (reason and reason in recogniser.reasons):
            return recogniser.id, ""
    return "", ""


def _captures(catalogue: Catalogue, cause: Cause, line: Line) -> dict[str, str]:
    found = {}
    for name in cause.captures:
        for pattern in catalogue.captures.get(name, ()):
            if match := pattern.search(line.text):
                found[name] = match.group(name)
                break
    return found


def _why(hit: _Hit, proof: str, line: Line, peer: str, fault: str) -> str:
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
