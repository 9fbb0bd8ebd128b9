"""Message → cause. Structure first, words second, the longest proof of the highest rank wins, and `unknown` is an answer.

The same words mean different repairs for different peers: who is at the other end is found before what went wrong.
Where the words of two causes meet and neither proof is clearly the longer one, the answer is `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from runbook.diagnosis.catalogue import Catalogue, built_in
from runbook.diagnosis.causetypes import Cause, Signature
from runbook.diagnosis.negation import denied
from runbook.diagnosis.patterns import Span, longest
from runbook.diagnosis.shortlist import Present, Shortlist, shortlist
from runbook.diagnosis.unwrap import Line, one_line

Role = Literal["cause", "symptom", "unknown"]


class _Hit(NamedTuple):
    """A signature that holds, and where: how it ranks, whose it is, and the span of its words."""

    wins: tuple[int, bool, int]
    cause: Cause
    signature: Signature
    span: Span | None


class _Told(NamedTuple):
    """What an answer was made of: its reason and its captures are put into words when somebody asks for them."""

    line: Line
    catalogue: Catalogue
    hit: _Hit | None
    otherwise: str


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
        return _why(self.told, self.peer) if self.told.hit else self.told.otherwise

    @property
    def captures(self) -> Mapping[str, str]:
        """What the message names: image, host, Secret and the like."""
        if self.told is None or self.told.hit is None:
            return {}
        hit, line = self.told.hit, self.told.line
        found = _captures(self.told.catalogue, hit.cause, line)
        if hit.span is None or hit.signature.pattern is None or not hit.signature.pattern.groups:
            return found
        named = hit.signature.pattern.named(hit.span, line.lowered)
        return {**found, **{name: line.words_at(*where) for name, where in named.items()}}


def classify(
    message: object,
    *,
    reason: str = "",
    kind: str = "",
    exit_code: int | None = None,
    catalogue: Catalogue | None = None,
) -> Classification:
    """Name the cause that a status message, event or log line supports, or `unknown`.

    `reason` is the condition's or event's reason, `kind` the kind of object that carries it, `exit_code` how the
    container ended that it speaks of; all may be left out.
    """
    text = message if isinstance(message, str) else "" if message is None else str(message)
    if catalogue is None and len(text) <= _REMEMBERED:
        return _remembered(text, reason, kind, exit_code)
    return _classify(text, reason, kind, exit_code, catalogue or built_in())


_REMEMBERED = 4096
_CLEARLY = 1.5  # times as long as the other's a proof must be to win
_STRONG, _FAR = 9, 5  # from this rank on words prove; so much higher a rank is not disputed


@lru_cache(maxsize=4096)
def _remembered(text: str, reason: str, kind: str, code: int | None) -> Classification:
    return _classify(text, reason, kind, code, built_in())


def _classify(text: str, reason: str, kind: str, code: int | None, catalogue: Catalogue) -> Classification:
    line = one_line(text)
    listed = shortlist(catalogue)
    found = listed.present(line.lowered)
    said = listed.said(reason, kind)
    calm, peers, faults, worded = listed.in_order(found, said)
    if calm and _first(calm, said, listed, found, line)[0]:
        return _unknown(line, catalogue, "", "", "it says that all is well")
    peer, peer_span = _first(peers, said, listed, found, line)
    fault, fault_span = _first(faults, said, listed, found, line)
    best: list[_Hit] = []
    lowered = line.lowered
    wordless = listed.wordless(fault, reason, code)
    for number in sorted(worded + wordless) if wordless else worded:
        cause, signature = listed.signature(number)
        rank = signature.rank
        if best and rank < best[0].wins[0] and (rank < _STRONG or best[0].cause.role == "symptom"):
            break
        if signature.bound and not _fits(signature, peer, fault, reason, kind, code):
            continue
        span = None
        if signature.pattern is not None and (span := longest(found[number], lowered)) is None:
            continue
        if signature.unless is not None and signature.unless.holds(lowered):
            continue
        if signature.weak and not catalogue.stack.speaks(cause.layer, kind, lowered):
            continue
        length = _length(span) + (_length(peer_span) + _length(fault_span) if signature.faults else len(reason))
        best.append(_Hit((rank, cause.role == "cause", length), cause, signature, span))
    if not best:
        return _unknown(line, catalogue, peer, fault, "")
    won, rivals = _winner(best)
    if rivals:
        return _unknown(line, catalogue, peer, fault, f"its words are as good for {' or '.join(rivals)}")
    if no := denied(line.lowered, won.span or (fault_span if won.signature.faults else None)):
        return _unknown(line, catalogue, peer, fault, f"it says that there is none: “{no}”")
    without = reason or (f"exit code {code}" if won.signature.exit_codes else "")
    told = _Told(line, catalogue, won, line.words_at(*fault_span) if fault_span else without)
    role: Role = "symptom" if won.cause.role == "symptom" else "cause"
    return Classification(won.cause.id, role, peer, fault, line.cut, told)


def _winner(hits: list[_Hit]) -> tuple[_Hit, list[str]]:
    """The best proof, and all causes that the words are as good for: none where one is clearly better or a special case."""
    if len(hits) == 1:
        return hits[0], []
    won = max(hits, key=lambda hit: hit.wins)
    rivals = [hit for hit in hits if hit.cause.id != won.cause.id and _as_good(hit, won)]
    if not rivals:
        return won, []
    for special in (won, *rivals):
        others = {hit.cause.id for hit in (won, *rivals)} - {special.cause.id, *special.cause.over}
        if not others:
            return special, []
    return won, sorted({hit.cause.id for hit in (won, *rivals)})


def _as_good(hit: _Hit, won: _Hit) -> bool:
    """Whether another proof is nearly as long, or of a rank that is nearly as high."""
    (rank, is_cause, length), (best, is_best_cause, longest_proof) = hit.wins, won.wins
    if is_cause != is_best_cause:
        return False
    return length * _CLEARLY > longest_proof if rank == best else best - rank < _FAR


def _unknown(line: Line, catalogue: Catalogue, peer: str, fault: str, why: str) -> Classification:
    told = _Told(line, catalogue, None, why or _why_not(line, peer, fault))
    return Classification("unknown", "unknown", peer, fault, line.cut, told)


def _fits(signature: Signature, peer: str, fault: str, reason: str, kind: str, code: int | None) -> bool:
    return (
        (not signature.faults or fault in signature.faults)
        and (not signature.peers or peer in signature.peers)
        and (not signature.kinds or kind in signature.kinds)
        and (not signature.reasons or reason in signature.reasons)
        and (not signature.exit_codes or code in signature.exit_codes)
    )


def _length(span: Span | None) -> int:
    return span[1] - span[0] if span else 0


def _first(
    numbers: list[int], said: frozenset[int], listed: Shortlist, found: Present, line: Line
) -> tuple[str, Span | None]:
    """The first that recognises the line, and where its words are; a kind or reason counts like words."""
    for number in numbers:
        recogniser = listed.recogniser(number)
        if recogniser.unless is not None and number not in said and recogniser.unless.holds(line.lowered):
            continue
        span = longest(found[number], line.lowered) if number in found else None
        if span is not None or number in said:
            return recogniser.id, span
    return "", None


def _captures(catalogue: Catalogue, cause: Cause, line: Line) -> dict[str, str]:
    found = {}
    for name in cause.captures:
        for pattern in catalogue.captures.get(name, ()):
            if match := pattern.search(line.text):
                found[name] = match.group(name)
                break
    return found


def _why(told: _Told, peer: str) -> str:
    hit, line = told.hit, told.line
    if hit is None:
        return told.otherwise
    proof = line.words_at(*hit.span) if hit.span else told.otherwise
    words = proof if len(proof) <= 120 else f"{proof[:117]}..."
    parts = [f"“{words}” ({hit.signature.who})" if hit.signature.who else f"“{words}”"]
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
