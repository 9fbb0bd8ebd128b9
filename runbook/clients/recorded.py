"""Recorded objects instead of a cluster: any number of files of `kubectl get -o json` or `-o yaml`, or folders of them.

"Now" is the newest time in the input. What is not in the input was not observed: each absent kind is a Gap, never
an empty list.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from runbook.domain.cluster import Generic
from runbook.domain.kinds import KINDS, decode
from runbook.domain.meta import Resource
from runbook.errors import UsageError
from runbook.model import Gap, ObjectRef, Snapshot

CLUSTER = "recorded"
LARGEST = 200_000_000  # bytes of one file

_SUFFIXES = (".json", ".yaml", ".yml")
_TIME_KEYS = frozenset(
    {
        "creationTimestamp", "deletionTimestamp", "lastTransitionTime", "lastUpdateTime", "lastHeartbeatTime", "lastProbeTime",
        "firstTimestamp", "lastTimestamp", "eventTime", "lastObservedTime", "time", "startTime", "completionTime", "startedAt",
        "finishedAt", "firstDeployed", "lastDeployed", "lastScheduleTime", "renewTime", "lastReconciled", "firstReconciled",
    }
)  # fmt: skip
_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$")
_DEEPEST = 60


@dataclass
class _Found:
    """What the files hold so far."""

    objects: dict[ObjectRef, tuple[datetime | None, Resource]] = field(default_factory=dict)
    malformed: list[tuple[ObjectRef, str]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    newest: datetime | None = None


def load(paths: Sequence[Path]) -> Snapshot:
    """Read files and folders into a snapshot. Of an object that occurs twice the one with the newer time counts.

    Raises UsageError (exit 2) naming the file, and line and column where it has them, when a file is missing, too
    large, empty, cut off or holds no objects; in a folder, files that hold no objects are left aside.
    """
    found = _Found()
    for path in paths:
        _read(path, found)
    if found.newest is None:
        names = ", ".join(str(p) for p in paths)
        raise UsageError(f"no object with a time in {names}", hint="Give files made by kubectl get -o json or -o yaml.")
    objects: dict[str, list[Resource]] = defaultdict(list)
    for ref, (_, obj) in found.objects.items():
        objects["Generic" if isinstance(obj, Generic) else ref.kind].append(obj)
    served = {kind: tuple(objects.get(kind, ())) for kind in {*objects, *(k for k in found.kinds if k in KINDS)}}
    gaps = {k.kind: Gap(k.plural, "not in the input") for k in KINDS.values() if k.kind not in served}
    return Snapshot(found.newest, CLUSTER, served, gaps, tuple(found.malformed))


def _read(path: Path, found: _Found) -> None:
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in _SUFFIXES)
        before = len(found.objects)
        for file in files:
            for document in _documents(file, strict=False):
                _take(document, found, file, strict=False)
        if len(found.objects) == before:
            raise UsageError(
                "no recorded objects in this folder", field=str(path), hint="It looks for *.json, *.yaml and *.yml."
            )
        return
    documents = list(_documents(path, strict=True))
    for document in documents:
        _take(document, found, path, strict=True)
    if not documents:
        raise UsageError("the file is empty", field=str(path))


def _documents(path: Path, *, strict: bool) -> Iterator[Any]:
    text = _text(path)
    if not text.strip():
        return
    if text.lstrip()[0] in "{[":
        try:
            yield json.loads(text)
            return
        except json.JSONDecodeError as error:
            where = f"{path}:{error.lineno}:{error.colno}"
            if path.suffix == ".json" or strict:
                raise UsageError(f"not JSON: {error.msg}", field=where, hint="Is the file cut off?") from error
        except RecursionError as error:
            raise UsageError("nested too deeply", field=str(path)) from error
    try:
        yield from (document for document in YAML(typ="safe", pure=True).load_all(text) if document is not None)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageError(f"not YAML: {error.problem}", field=where) from error
    except YAMLError as error:
        raise UsageError(f"not YAML: {error}", field=str(path)) from error


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise UsageError(f"{size} bytes; at most {LARGEST} are read from one file", field=str(path))
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"not UTF-8 at byte {error.start}", field=str(path)) from error
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", field=str(path)) from error


def _take(document: Any, found: _Found, path: Path, *, strict: bool, depth: int = 0) -> None:
    """One document: an object, or a List of them, or a List of Lists."""
    if isinstance(document, list) and depth < _DEEPEST:
        for item in document:
            _take(item, found, path, strict=strict, depth=depth + 1)
        return
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        if strict:
            raise UsageError("holds something that is not an object: kind is missing", field=str(path))
        return
    kind = document["kind"]
    if kind.endswith("List") and isinstance(document.get("items"), list):
        if kind != "List":
            found.kinds.add(kind.removesuffix("List"))
        for item in document["items"]:
            served = (
                {"kind": kind.removesuffix("List"), "apiVersion": document.get("apiVersion", "")}
                if kind != "List"
                else {}
            )
            _take({**served, **item} if isinstance(item, dict) else item, found, path, strict=strict, depth=depth + 1)
        return
    _take_object(document, kind, found, path)


def _take_object(document: dict[str, Any], kind: str, found: _Found, path: Path) -> None:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        found.malformed.append((ObjectRef(kind, "", "?"), f"metadata.name is missing ({path.name})"))
        return
    ref = ObjectRef(kind, str(metadata.get("namespace") or ""), metadata["name"])
    newest = max(_times(document), default=None)
    if newest is not None:
        found.newest = max(found.newest or newest, newest)
    earlier = found.objects.get(ref)
    if earlier is not None and earlier[0] is not None and (newest is None or newest < earlier[0]):
        return
    try:
        found.objects[ref] = (newest, _decoded(document, kind))
    except msgspec.ValidationError as error:
        found.malformed.append((ref, str(error)))


def _decoded(document: dict[str, Any], kind: str) -> Resource:
    known = KINDS.get(kind)
    group = str(document.get("apiVersion") or "").rpartition("/")[0]
    slim = {k: v for k, v in _without_nulls(document, 0).items() if k != "managedFields"}
    body = json.dumps(slim, default=_plain).encode()
    if known is None or known.group != group:
        return msgspec.json.decode(body, type=Generic)
    return decode(kind, body)


def _without_nulls(value: Any, depth: int) -> Any:
    """A field that is null takes its default, as one that is absent."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        return {str(k): _without_nulls(v, depth + 1) for k, v in value.items() if v is not None}
    return [_without_nulls(v, depth + 1) for v in value] if isinstance(value, list) else value


def _plain(value: Any) -> str:
    """YAML reads times as times; an object's fields have them as texts."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def _times(value: Any, depth: int = 0) -> Iterator[datetime]:
    """The times at which the cluster wrote something; certificates' dates and users' own fields are none."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _TIME_KEYS and (at := _time(inner)) is not None:
                yield at
            elif isinstance(inner, (dict, list)) and key != "spec":
                yield from _times(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _times(inner, depth + 1)


def _time(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, str) and _TIME.match(value):
        return datetime.fromisoformat(value.replace("Z", "+00:00") if len(value) <= 26 else value[:26] + "+00:00")
    return None
