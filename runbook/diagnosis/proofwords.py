"""Which words of a message proved its cause, as they stand in the message: whoever shows a part of it shows these."""

from __future__ import annotations

import re

from runbook.diagnosis.catalogue import Catalogue
from runbook.diagnosis.classify import classify

_SHORT = 200  # a message that is shown whole needs no words picked out
_LEAST = 4  # letters of a piece that still says something
_PIECES = re.compile(r"…|\s{2,}")


def proof_words(message: str, cause: str, kind: str, catalogue: Catalogue) -> str:
    """The longest piece of the proof that stands in the message; empty where it is short, or proved by other than words."""
    if len(message) <= _SHORT:
        return ""
    found = classify(message, kind=kind, catalogue=catalogue if catalogue.extra else None)
    if found.cause != cause or found.told is None or found.told.hit is None:
        return ""
    told, hit = found.told, found.told.hit
    proof = told.line.words_at(*hit.span) if hit.span else told.otherwise if hit.signature.faults else ""
    lowered = " ".join(message.split()).lower()
    pieces = [p.strip(" \"'") for p in _PIECES.split(proof)]
    there = [p for p in pieces if len(p) >= _LEAST and p.lower() in lowered]
    return max(there, key=len, default="")
