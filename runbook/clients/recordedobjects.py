"""One recorded object: its name, when the cluster last wrote to it, and its struct; or why it cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from runbook.domain.cluster import ConfigMap, Generic, Secret
from runbook.domain.custom import WITH_SPEC
from runbook.domain.kinds import KINDS, called, decode
from runbook.domain.meta import Resource
from runbook.domain.pullsecrets import names_only
from runbook.model import ObjectRef

_TIME_KEYS = frozenset(
    {
        "creationTimestamp", "deletionTimestamp", "lastTransitionTime", "lastUpdateTime", "lastHeartbeatTime", "lastProbeTime",
        "firstTimestamp", "lastTimestamp", "eventTime", "lastObservedTime", "time", "startTime", "completionTime", "startedAt",
        "finishedAt", "firstDeployed", "lastDeployed", "lastScheduleTime", "renewTime", "lastReconciled", "firstReconciled",
    }
)  # fmt: skip
_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$")
_TEXTS = frozenset({"message", "reason"})
_USERS = frozenset({"spec", "data", "annotations", "labels", "values"})
_DEEPEST = 60
_DROPPED = msgspec.Raw(b'""')


@dataclass(frozen=True, slots=True)
class Read:
    """An object as it was read; `problem` says why its struct is only a name, `odd` that bytes of it are no UTF-8."""

    ref: ObjectRef
    newest: datetime | None
    version: int | None
    uid: str
    object: Resource
    problem: str = ""
    odd: bool = False

    def older_than(self, other: Read) -> bool:
        """By resourceVersion where both are of one object, else by the newest time in them."""
        if self.uid and self.uid == other.uid and self.version is not None and other.version is not None:
            return self.version < other.version
        return other.newest is not None and (self.newest is None or self.newest < other.newest)

    def same_as(self, other: Read) -> bool:
        """Whether it is but another copy: of two of them neither is history."""
        mine, yours = ((r.newest, r.version, r.uid, r.object, r.problem) for r in (self, other))
        return mine == yours


def read(document: bytes | msgspec.Raw, kind: str, version: str, where: str) -> Read:
    """Read one object found at `where`. Raises msgspec.ValidationError when it has no name."""
    odd, tree = False, {}
    try:
        tree = msgspec.json.decode(document)
    except UnicodeDecodeError:
        odd, document = True, text_of(document)
        tree = msgspec.json.decode(document)
    metadata = tree.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise msgspec.ValidationError("metadata.name is missing")
    ref = ObjectRef(called(kind, version), str(metadata.get("namespace") or ""), metadata["name"])
    newest, number = max(_times(tree), default=None), str(metadata.get("resourceVersion", ""))
    revision = int(number) if number.isdecimal() else None
    found, problem = _decoded(document, tree, kind, version)
    return Read(ref, newest, revision, str(metadata.get("uid") or ""), found, problem and f"{problem} ({where})", odd)


def text_of(document: bytes | msgspec.Raw) -> bytes:
    """The document with every byte that is no UTF-8 replaced."""
    return bytes(document).decode("utf-8", errors="replace").encode()


def _decoded(document: bytes | msgspec.Raw, tree: dict[str, Any], kind: str, version: str) -> tuple[Resource, str]:
    known = KINDS.get(kind)
    if known is None or known.group != version.rpartition("/")[0]:
        return _generic(tree, kind, version, Generic)
    if issubclass(known.struct, Generic):
        return _generic(tree, kind, version, known.struct)
    try:
        return _without_values(decode(kind, document)), ""
    except msgspec.ValidationError:
        pass
    try:
        return _without_values(decode(kind, json.dumps(_mended(tree, 0)).encode())), ""
    except msgspec.ValidationError as error:
        return Generic(kind=kind), str(error)


def _generic(tree: dict[str, Any], kind: str, version: str, struct: type[Generic]) -> tuple[Resource, str]:
    """An object of a kind without a struct. A status or spec of another shape than usual is no reason to lose it."""
    named = {"kind": kind, "apiVersion": version, "metadata": _mended(tree["metadata"], 0)}
    spec = {"spec": tree.get("spec")} if kind in WITH_SPEC else {}
    status = {"status": _mended(tree.get("status") or {}, 0)}
    problem = ""
    for parts in ({**spec, **status}, status, spec, {}):
        try:
            return msgspec.convert({**named, **parts}, type=struct), ""
        except msgspec.ValidationError as error:
            problem = str(error)
    return Generic(kind=kind), problem


def _without_values(obj: Resource) -> Resource:
    """Of Secrets and ConfigMaps only the names of their keys matter, and of pull Secrets those of their registries."""
    if isinstance(obj, (Secret, ConfigMap)) and obj.data:
        kept = names_only(obj.data) if isinstance(obj, Secret) else {}
        return msgspec.structs.replace(obj, data={**dict.fromkeys(obj.data, _DROPPED), **kept})
    return obj


def _mended(value: Any, depth: int) -> Any:
    """A field that is null takes its default, as one that is absent; a message that is no text is written as one."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, list):
        return [_mended(v, depth + 1) for v in value if v is not None]
    if not isinstance(value, dict):
        return value
    return {
        k: json.dumps(v) if k in _TEXTS and not isinstance(v, str) else _mended(v, depth + 1)
        for k, v in value.items()
        if v is not None
    }


def _times(value: Any, depth: int = 0) -> Iterator[datetime]:
    """The times at which the cluster wrote something; certificates' dates and users' own fields are none."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _TIME_KEYS and (at := _time(inner)) is not None:
                yield at
            elif isinstance(inner, (dict, list)) and key not in _USERS:
                yield from _times(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _times(inner, depth + 1)


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str) or not _TIME.match(value):
        return None
    try:
        at = datetime.fromisoformat(value.replace("Z", "+00:00") if len(value) <= 26 else value[:26] + "+00:00")
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
