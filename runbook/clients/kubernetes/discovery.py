"""Which version of each kind the server serves: the group's preferred one, never assumed (semantics 1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from runbook.clients.kubernetes.transport import Transport
from runbook.domain.kinds import KINDS
from runbook.domain.legible import decoded
from runbook.domain.probes import ServedKind
from runbook.errors import MalformedError, ObservationError

T = TypeVar("T")


class _Version(msgspec.Struct, rename="camel"):
    version: str = ""


class _Group(msgspec.Struct, rename="camel"):
    name: str = ""
    versions: list[_Version] = []
    preferred_version: _Version = msgspec.field(default_factory=_Version)


class _Groups(msgspec.Struct):
    kind: str = ""
    groups: list[_Group] = []


class _Resource(msgspec.Struct):
    name: str = ""
    kind: str = ""


class _Resources(msgspec.Struct):
    resources: list[_Resource] = []


@dataclass(frozen=True)
class Discovered:
    """Kind → the version served, or why its group did not say. A kind in neither is not served."""

    served: Mapping[str, ServedKind]
    failed: Mapping[str, ObservationError]


def discover(transport: Transport) -> Discovered:
    """Ask for the groups, then for each group's resources: a group that does not answer takes no other with it."""
    what = "API discovery"
    groups = {g.name: g for g in _decoded(transport.get("/apis", what).content, _Groups, what).groups}
    found: dict[str, ServedKind] = {}
    failed: dict[str, ObservationError] = {}
    served: dict[tuple[str, str], set[str] | ObservationError] = {}
    for entry in KINDS.values():
        if not entry.group:
            found[entry.kind] = ServedKind(entry.kind, "", entry.fallback, entry.plural)
            continue
        group = groups.get(entry.group)
        if group is None:
            continue
        for version in _versions(group, every=entry.optional):
            if (entry.group, version) not in served:
                served[entry.group, version] = _plurals(transport, entry.group, version)
            plurals = served[entry.group, version]
            if isinstance(plurals, ObservationError):
                failed[entry.kind] = plurals
            elif entry.plural in plurals:
                failed.pop(entry.kind, None)
                found[entry.kind] = ServedKind(entry.kind, entry.group, version, entry.plural)
                break
    return Discovered(found, failed)


def _versions(group: _Group, *, every: bool) -> list[str]:
    """The preferred version; with `every` the others after it: a project may still serve a kind at an older one only."""
    first = group.preferred_version.version or next((v.version for v in group.versions), "")
    return [first, *(v.version for v in group.versions if every and v.version != first)]


def _plurals(transport: Transport, group: str, version: str) -> set[str] | ObservationError:
    what = f"API discovery of {group}"
    if not version:
        return MalformedError(what, "it names no version")
    try:
        answer = transport.get(f"/apis/{group}/{version}", what).content
        return {r.name for r in _decoded(answer, _Resources, what).resources}
    except ObservationError as error:
        return error


def _decoded(content: bytes, type_: type[T], what: str) -> T:
    try:
        return decoded(content, type_)  # type: ignore[no-any-return]
    except msgspec.DecodeError as error:
        raise MalformedError(what, str(error)) from error
