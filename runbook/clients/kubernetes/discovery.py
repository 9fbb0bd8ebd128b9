"""Which version of each kind the server serves: the group's preferred one, never assumed (semantics 1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from runbook.clients.kubernetes.transport import Transport
from runbook.domain.kinds import KINDS
from runbook.domain.probes import ServedKind
from runbook.errors import MalformedError

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


def discover(transport: Transport) -> Mapping[str, ServedKind]:
    """Kind → the version served. A kind whose group or resource is absent is absent from the mapping."""
    what = "API discovery"
    groups = {g.name: g for g in _decoded(transport.get("/apis", what).content, _Groups, what).groups}
    found: dict[str, ServedKind] = {}
    served: dict[tuple[str, str], set[str]] = {}
    for entry in KINDS.values():
        if not entry.group:
            found[entry.kind] = ServedKind(entry.kind, "", entry.fallback, entry.plural)
            continue
        group = groups.get(entry.group)
        if group is None:
            continue
        version = group.preferred_version.version or group.versions[0].version
        key = (entry.group, version)
        if key not in served:
            answer = transport.get(f"/apis/{entry.group}/{version}", what).content
            served[key] = {r.name for r in _decoded(answer, _Resources, what).resources}
        if entry.plural in served[key]:
            found[entry.kind] = ServedKind(entry.kind, entry.group, version, entry.plural)
    return found


def _decoded(content: bytes, type_: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise MalformedError(what, str(error)) from error
