"""The catalogue of causes, read from causes.yaml; users add files of their own without forking.

The built-in text is package data read once. A user's file is handed over as text (whoever calls reads it): this
package opens no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from runbook.diagnosis.causetypes import Cause, Recogniser, Signature, Stack
from runbook.diagnosis.patterns import Pattern
from runbook.errors import UsageError
from runbook.model import NextAct

SCHEMA = "runbook/causes/v1"
LAYERS = (
    "registry",
    "source",
    "flux",
    "secrets",
    "helm",
    "admission",
    "cluster",
    "workload",
    "scheduling",
    "storage",
    "node",
)
_RANK = {"cause": 10, "symptom": 0}
_CAUSE_KEYS = {
    "id", "title", "layer", "role", "stage", "meaning", "hypothesis", "signatures", "structure", "captures", "next",
    "decides", "docs", "over",
}  # fmt: skip
_SIGNATURE_KEYS = {"by", "match", "peer", "fault", "kinds", "reasons", "unless", "rank", "weak"}
_REQUIRED = ("id", "title", "layer", "role", "meaning", "signatures", "next", "decides")
_ID = re.compile(r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$")


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
        causes = dict(self.causes)
        for entry, where in _entries(source, text):
            known = causes.get(str(entry.get("id")))
            if known is not None and set(entry) == {"id", "signatures"}:
                causes[known.id] = replace(
                    known, signatures=(*known.signatures, *_signatures(entry["signatures"], known.role, where))
                )
                continue
            if known is not None:
                raise UsageError(
                    f"the id {known.id} is taken; give only id and signatures to add words to it", field=where
                )
            cause = _cause(entry, where)
            causes[cause.id] = cause
        return replace(self, causes=causes, extra=True)


@lru_cache(maxsize=1)
def built_in() -> Catalogue:
    """The catalogue that ships with the package, read by libyaml: ten times as fast as what names a bad file's lines."""
    text = resources.files("runbook.diagnosis").joinpath("causes.yaml").read_bytes()
    data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  a safe loader, both
    return Catalogue(
        {c.id: c for c in (_cause(entry, "causes.yaml") for entry in data["causes"])},
        tuple(_recogniser(entry) for entry in data["calm"]),
        tuple(_recogniser(entry) for entry in data["peers"]),
        tuple(_recogniser(entry) for entry in data["faults"]),
        Stack(
            {layer: _flat(kinds) for layer, kinds in data["stack"]["kinds"].items()}, Pattern(data["stack"]["match"])
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
        Pattern(entry["match"]),
        frozenset(entry.get("kinds", ())),
        frozenset(entry.get("reasons", ())),
        Pattern(entry["unless"]) if "unless" in entry else None,
    )


def _entries(source: str, text: str) -> list[tuple[Mapping[str, Any], str]]:
    try:
        data = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"not YAML: {error.problem}", field=f"{source}:{line}") from error
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        raise UsageError(f"must be a mapping with `schema: {SCHEMA}` and `causes:`", field=f"{source}:1")
    if unknown := set(data) - {"schema", "causes"}:
        raise UsageError(f"unknown key {min(unknown)!r}; schema and causes are known", field=f"{source}:1")
    causes = data.get("causes")
    if not isinstance(causes, Sequence) or isinstance(causes, str) or not all(isinstance(c, Mapping) for c in causes):
        raise UsageError("`causes` must be a list of mappings", field=f"{source}:1")
    return [(entry, f"{source}:{entry.lc.line + 1}") for entry in causes]


def _cause(entry: Mapping[str, Any], where: str) -> Cause:
    if unknown := set(entry) - _CAUSE_KEYS:
        raise UsageError(f"unknown key {min(unknown)!r}", field=where)
    if missing := [key for key in _REQUIRED if not entry.get(key)]:
        raise UsageError(f"{missing[0]!r} is missing", field=where)
    if not _ID.match(str(entry["id"])):
        raise UsageError(f"{entry['id']!r} is not an id: lower-case words joined by hyphens", field=where)
    for key, allowed in (("layer", LAYERS), ("role", tuple(_RANK))):
        if entry[key] not in allowed:
            raise UsageError(f"{key} {entry[key]!r} is none of {', '.join(allowed)}", field=where)
    act = entry["next"]
    if not isinstance(act, Mapping) or not act.get("text") or set(act) - {"text", "command", "safe"}:
        raise UsageError("`next` must be {text, command, safe}", field=where)
    return Cause(
        str(entry["id"]),
        str(entry["title"]),
        str(entry["layer"]),
        str(entry["role"]),
        str(entry.get("stage", "")),
        str(entry["meaning"]),
        _signatures(entry["signatures"], str(entry["role"]), where),
        tuple(str(name) for name in entry.get("captures") or ()),
        NextAct(str(act["text"]), str(act.get("command", "")), bool(act.get("safe", False))),
        str(entry["decides"]),
        str(entry.get("docs", "")),
        bool(entry.get("hypothesis", False)),
        _names(entry.get("over")),
        dict(entry.get("structure") or {}),
    )


def _signatures(entries: Any, role: str, where: str) -> tuple[Signature, ...]:
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise UsageError("`signatures` must be a list with at least one entry", field=where)
    return tuple(_signature(entry, role, where) for entry in entries)


def _signature(entry: Any, role: str, where: str) -> Signature:
    if not isinstance(entry, Mapping) or set(entry) - _SIGNATURE_KEYS:
        raise UsageError(f"a signature has only the keys {', '.join(sorted(_SIGNATURE_KEYS))}", field=where)
    if not {"match", "fault", "reasons"} & set(entry):
        raise UsageError("a signature needs match, fault or reasons", field=where)
    try:
        pattern = Pattern(str(entry["match"])) if "match" in entry else None
        unless = Pattern(str(entry["unless"])) if "unless" in entry else None
    except ValueError as error:
        raise UsageError(str(error), field=where) from error
    bound = bool({"peer", "fault", "kinds", "reasons"} & set(entry))
    return Signature(
        str(entry.get("by", "")),
        pattern,
        _names(entry.get("peer")),
        _names(entry.get("fault")),
        _names(entry.get("kinds")),
        _names(entry.get("reasons")),
        unless,
        int(entry.get("rank", _RANK[role])),
        bool(entry.get("weak", False)),
        bound,
    )


def _flat(kinds: Iterable[Any]) -> frozenset[str]:
    """Names, and lists of names, as one set."""
    return frozenset(name for item in kinds for name in ([item] if isinstance(item, str) else item))


def _names(value: Any) -> frozenset[str]:
    if value is None:
        return frozenset()
    return frozenset({value} if isinstance(value, str) else (str(v) for v in value))
