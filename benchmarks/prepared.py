"""The answers of a static API server, made before anything is measured: lists and their pages, Tables, discovery, gzip.

A Table is what a real server answers `kubectl get` with: a row of cells for each object, beside the object's own metadata.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from runbook.domain.kinds import KINDS
from runbook.rehearsal.kinds import builtin_kinds
from runbook.rehearsal.tables import table

PAGE = 500
NOW = datetime(2025, 10, 17, 11, 16, tzinfo=UTC)  # ages in a Table are counted to here
WARNINGS = "?fieldSelector=type=Warning"  # what people ask of events
TABLE = "#table"  # after a path: its list as a Table
PACKED_FROM = (
    128 * 1024
)  # bytes of an answer from which an API server packs it, and how hard it tries [kapiserver:writers.go]
_LEVEL = 1
_VERSIONS = {"source.toolkit.fluxcd.io": "v1", "kustomize.toolkit.fluxcd.io": "v1", "helm.toolkit.fluxcd.io": "v2", "bitnami.com": "v1alpha1"}  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """Whole lists and their pages by path, single objects and discovery, and what of all this is held packed too."""

    lists: Mapping[str, tuple[bytes, ...]]
    whole: Mapping[str, bytes]
    singles: Mapping[str, bytes]
    packed: Mapping[bytes, bytes] = field(default_factory=dict)

    def with_gzip(self) -> Answers:
        """The same answers of a server that packs the large ones for who asks."""
        every = [*(page for pages in self.lists.values() for page in pages), *self.whole.values()]
        return replace(self, packed={b: gzip.compress(b, _LEVEL, mtime=0) for b in every if len(b) > PACKED_FROM})


def prepare(objects: Iterable[Mapping[str, Any]], *, tables: Collection[str] = ()) -> Answers:
    """Lists of these objects; of the kinds in `tables`, built-in ones, Tables too."""
    found: dict[str, list[bytes]] = {}
    rows: dict[str, list[bytes]] = {}
    singles: dict[str, bytes] = {}
    for obj in objects:
        data = json.dumps(obj, separators=(",", ":")).encode()
        path = path_of(obj["kind"])
        found.setdefault(path, []).append(data)
        if obj["kind"] == "Event" and obj["type"] == "Warning":
            found.setdefault(path + WARNINGS, []).append(data)
        if obj["kind"] == "Namespace":
            singles[f"{path}/{obj['metadata']['name']}"] = data
        if obj["kind"] in tables:
            rows.setdefault(path, []).append(_row(obj))
    lists = {p: tuple(_pages(_head(p), items, PAGE)) for p, items in found.items()}
    whole = {p: next(_pages(_head(p), items, len(items))) for p, items in found.items()}
    for path, items in rows.items():
        lists[path + TABLE] = tuple(_pages(_table_head(path), items, PAGE))
        whole[path + TABLE] = next(_pages(_table_head(path), items, len(items)))
    return Answers(lists, whole, {**_discovery(), **_empty(), **singles})


def path_of(kind: str) -> str:
    """Where the list of a kind is."""
    entry = KINDS[kind]
    version = entry.fallback or _VERSIONS.get(entry.group, "v1")
    return f"/apis/{entry.group}/{version}/{entry.plural}" if entry.group else f"/api/{version}/{entry.plural}"


def _pages(head: str, items: list[bytes], size: int) -> Iterator[bytes]:
    """The list in pages of so many, as an API server sends it; a page's token is its number."""
    count = max(1, -(-len(items) // max(1, size)))
    for number in range(count):
        last = number == count - 1
        more = "" if last else f',"continue":"{number + 1}","remainingItemCount":{len(items) - (number + 1) * size}'
        begun = head.replace("MORE", more).encode()
        yield begun + b",".join(items[number * size : (number + 1) * size]) + b"]}"


def _head(path: str) -> str:
    kind = _kind_at(path)
    version = path_of(kind).split("/", 2)[2].rpartition("/")[0].removeprefix("/")
    return f'{{"kind":"{kind}List","apiVersion":"{version}","metadata":{{"resourceVersion":"9"MORE}},"items":['


def _kind_at(path: str) -> str:
    return next(k.kind for k in KINDS.values() if path_of(k.kind) == path.removesuffix(WARNINGS))


def _table(kind: str, objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """As the embedded cluster prints it: each row with the metadata of its object."""
    entry = next(k for k in builtin_kinds() if k.kind == kind)
    return table(entry, [dict(o) for o in objects], {}, NOW)


def _row(obj: Mapping[str, Any]) -> bytes:
    return json.dumps(_table(obj["kind"], [obj])["rows"][0], separators=(",", ":")).encode()


def _table_head(path: str) -> str:
    empty = _table(_kind_at(path), ())
    columns = json.dumps(empty["columnDefinitions"], separators=(",", ":"))
    begun = f'{{"kind":"Table","apiVersion":"{empty["apiVersion"]}","metadata":{{"resourceVersion":"9"MORE}},'
    return f'{begun}"columnDefinitions":{columns},"rows":['


_SERVED = [k for k in KINDS.values() if not k.optional]


def _empty() -> dict[str, bytes]:
    """What is listed of kinds that there are no objects of."""
    return {path: next(_pages(_head(path), [], 1)) for path in {path_of(k.kind) for k in _SERVED}}


def _discovery() -> dict[str, bytes]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in _SERVED:
        version = entry.fallback or _VERSIONS.get(entry.group, "v1")
        groups.setdefault((entry.group, version), []).append(
            {"name": entry.plural, "kind": entry.kind, "namespaced": entry.namespaced, "verbs": ["get", "list"]}
        )
    found: dict[str, Any] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.2"},
        "/apis": {"kind": "APIGroupList", "groups": [
            {"name": g, "versions": [{"groupVersion": f"{g}/{v}", "version": v}], "preferredVersion": {"groupVersion": f"{g}/{v}", "version": v}}
            for g, v in groups if g]},
    }  # fmt: skip
    for (group, version), resources in groups.items():
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        found[path] = {
            "kind": "APIResourceList",
            "groupVersion": f"{group}/{version}".lstrip("/"),
            "resources": resources,
        }
    return {path: json.dumps(body).encode() for path, body in found.items()}
