"""The catalogue of causes, read from causes.yaml; users add files of their own without forking.

The built-in text is package data read once. A user's file is handed over as text (whoever calls reads it): this
package opens no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any, get_args

import yaml

from runbook.diagnosis.causetypes import Cause, Layer, Recogniser, Signature, Stack
from runbook.diagnosis.patterns import Pattern
from runbook.model import NextAct

LAYERS: tuple[str, ...] = get_args(Layer)
_RANK = {"cause": 10, "symptom": 0}


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All causes by id, and the words for calm, peers, wire faults and captures, each in order of precedence."""

    causes: Mapping[str, Cause]
    calm: tuple[Recogniser, ...]
    peers: tuple[Recogniser, ...]
    faults: tuple[Recogniser, ...]
    stack: Stack
    captures: Mapping[str, tuple[re.Pattern[str], ...]]
    extra: bool = False

    def extended(self, source: str, text: str) -> Catalogue:
        """This catalogue and a user's file. Raises UsageError naming file, line and reason when the file is bad."""
        from runbook.diagnosis.own import Known, entries

        causes = dict(self.causes)
        peers, faults = (frozenset(recogniser.id for recogniser in some) for some in (self.peers, self.faults))
        for entry in entries(source, text, Known(frozenset(causes), peers, faults, frozenset(self.captures))):
            known = causes.get(entry["id"])
            if known is None:
                causes[entry["id"]] = _cause(entry)
            else:
                more = _signatures(entry["signatures"], known.role)
                causes[known.id] = replace(known, signatures=(*known.signatures, *more))
        return replace(self, causes=causes, extra=True)


@lru_cache(maxsize=1)
def built_in() -> Catalogue:
    """The catalogue that ships with the package, read by libyaml: ten times as fast as what names a bad file's lines."""
    text = resources.files("runbook.diagnosis").joinpath("causes.yaml").read_bytes()
    data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  a safe loader, both
    return Catalogue(
        {c.id: c for c in (_cause(entry, trusted=True) for entry in data["causes"])},
        tuple(_recogniser(entry) for entry in data["calm"]),
        tuple(_recogniser(entry) for entry in data["peers"]),
        tuple(_recogniser(entry) for entry in data["faults"]),
        Stack(
            {layer: _flat(kinds) for layer, kinds in data["stack"]["kinds"].items()},
            Pattern(data["stack"]["match"], trusted=True),
        ),
        {name: tuple(re.compile(p, re.IGNORECASE) for p in patterns) for name, patterns in data["captures"].items()},
    )


def load(extra: Iterable[tuple[str, str]] = ()) -> Catalogue:
    """The built-in catalogue and users' files, given as pairs of file name and text, in that order."""
    catalogue = built_in()
    for source, text in extra:
        catalogue = catalogue.extended(source, text)
    return catalogue


def _recogniser(entry: Mapping[str, Any]) -> Recogniser:
    return Recogniser(
        entry["id"],
        Pattern(entry["match"], trusted=True),
        frozenset(entry.get("kinds", ())),
        frozenset(entry.get("reasons", ())),
        Pattern(entry["unless"], trusted=True) if "unless" in entry else None,
    )


def _cause(entry: Mapping[str, Any], *, trusted: bool = False) -> Cause:
    return Cause(
        entry["id"],
        entry["title"],
        entry["layer"],
        entry["role"],
        entry.get("stage", ""),
        entry["meaning"],
        _signatures(entry["signatures"], entry["role"], trusted=trusted),
        tuple(entry.get("captures", ())),
        NextAct(entry["next"]["text"], entry["next"].get("command", ""), entry["next"].get("safe", False)),
        entry["decides"],
        entry.get("docs", ""),
        entry.get("hypothesis", False),
        _names(entry.get("over")),
        dict(entry.get("structure", {})),
    )


def _signatures(entries: Iterable[Mapping[str, Any]], role: str, *, trusted: bool = False) -> tuple[Signature, ...]:
    return tuple(_signature(entry, _RANK[role], trusted=trusted) for entry in entries)


def _signature(entry: Mapping[str, Any], rank: int, *, trusted: bool) -> Signature:
    return Signature(
        entry.get("by", ""),
        Pattern(entry["match"], trusted=trusted) if "match" in entry else None,
        _names(entry.get("peer")),
        _names(entry.get("fault")),
        _names(entry.get("kinds")),
        _names(entry.get("reasons")),
        Pattern(entry["unless"], trusted=trusted) if "unless" in entry else None,
        entry.get("rank", rank),
        entry.get("weak", False),
        bool({"peer", "fault", "kinds", "reasons", "exit_codes"} & set(entry)),
        frozenset(entry.get("exit_codes", ())),
        entry.get("versions", ""),
    )


def _flat(kinds: Iterable[Any]) -> frozenset[str]:
    """Names, and lists of names, as one set."""
    return frozenset(name for item in kinds for name in ([item] if isinstance(item, str) else item))


def _names(value: str | Iterable[str] | None) -> frozenset[str]:
    return frozenset([value] if isinstance(value, str) else value or ())
