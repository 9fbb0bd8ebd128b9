"""Sets of fields, as `fieldsV1` writes them: what an object holds, what a change touches [smd:typed, fieldpath].

A path is the tuple of its elements in their written form: `f:spec`, `k:{"name":"main"}`, `v:"a-finalizer"`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any

from runbook.rehearsal.changes import encode
from runbook.rehearsal.listtypes import DEFAULTS, Fields, ListType, Types

Path = tuple[str, ...]
FieldSet = frozenset[Path]
ITSELF = "."


def element(item: Any, kind: ListType) -> str:
    """How a list item is named. A list map's item that lacks a key is named by the key's default."""
    if not kind.keys or not isinstance(item, dict):
        return f"v:{encode(item)}"
    return "k:" + encode({key: item.get(key, DEFAULTS.get(key)) for key in sorted(kind.keys)})


def members(value: Any, types: Types, path: Path = (), fields: Fields = ()) -> Iterator[Path]:
    """The leaves of a value, and the items of its list maps."""
    kind = types.list_type(fields)
    if isinstance(value, dict) and value and not types.atomic(fields):
        for key, item in value.items():
            inner = (*path, f"f:{key}")
            if types.undeclared((*fields, key)):
                yield inner
            yield from members(item, types, inner, (*fields, key))
    elif isinstance(value, list) and value and kind is not None:
        for item in value:
            inner = (*path, element(item, kind))
            yield inner
            if isinstance(item, dict):
                yield from members(item, types, inner, fields)
    elif path:
        yield path


def duplicate(value: Any, types: Types, fields: Fields = ()) -> str | None:
    """What is wrong with the first list that names an item twice, in the server's words; None when none does."""
    if isinstance(value, dict):
        found = (duplicate(item, types, (*fields, key)) for key, item in value.items())
        return next((problem for problem in found if problem), None)
    kind = types.list_type(fields)
    if kind is None or not isinstance(value, list):
        return None
    seen: set[str] = set()
    for item in value:
        name = element(item, kind)
        if name in seen:
            path = "".join(f".{field}" for field in fields)
            return f"{path}: duplicate entries for key {shown((name,))}"
        seen.add(name)
    return next((problem for item in value if (problem := duplicate(item, types, fields))), None)


def difference(old: Any, new: Any, types: Types, path: Path = (), fields: Fields = ()) -> tuple[set[Path], set[Path]]:
    """The fields that are new or other in `new`, and those that are gone from `old`."""
    changed: set[Path] = set()
    removed: set[Path] = set()
    if old == new:
        return changed, removed
    pairs = _pairs(old, new, types, path, fields)
    if pairs is None:
        return {path, *members(new, types, path, fields)}, removed
    for inner, names, had, has in pairs:
        if had is None:
            changed |= {inner, *members(has[0], types, inner, names)} if has else set()
        elif has is None:
            removed |= {inner, *members(had[0], types, inner, names)}
        else:
            more = difference(had[0], has[0], types, inner, names)
            changed, removed = changed | more[0], removed | more[1]
    return changed, removed


Side = tuple[Any] | None  # a value that is there, even when it is null


def _pairs(
    old: Any, new: Any, types: Types, path: Path, fields: Fields
) -> list[tuple[Path, Fields, Side, Side]] | None:
    """What stands under the same name on both sides; None when the two are compared as a whole."""
    if isinstance(old, dict) and isinstance(new, dict) and not types.atomic(fields):
        return [
            (
                (*path, f"f:{key}"),
                (*fields, key),
                (old[key],) if key in old else None,
                (new[key],) if key in new else None,
            )
            for key in {**old, **new}
        ]
    kind = types.list_type(fields)
    if isinstance(old, list) and isinstance(new, list) and kind is not None:
        had, has = ({element(item, kind): item for item in items} for items in (old, new))
        return [
            ((*path, key), fields, (had[key],) if key in had else None, (has[key],) if key in has else None)
            for key in {**had, **has}
        ]
    return None


def merged(live: Any, config: Any, types: Types, fields: Fields = ()) -> Any:
    """`live` with `config` merged into it, as server-side apply merges."""
    kind = types.list_type(fields)
    if isinstance(live, dict) and isinstance(config, dict) and not types.atomic(fields):
        both = dict(live)
        for key, value in config.items():
            both[key] = merged(live.get(key), value, types, (*fields, key))
        return both
    if isinstance(live, list) and isinstance(config, list) and kind is not None:
        items = {element(item, kind): item for item in live}
        for item in config:
            name = element(item, kind)
            items[name] = merged(items.get(name), item, types, fields) if isinstance(item, dict) else item
        return list(items.values())
    return copy.deepcopy(config)


def without(obj: Any, gone: Iterable[Path], types: Types) -> Any:
    """A copy of the object less the fields at `gone` with all below them, and less the maps and lists that this empties."""
    obj = copy.deepcopy(obj)
    for path in sorted(gone, key=len):
        removed = _remove(obj, path, types)
        above = path[:-1]
        while removed and len(above) > 1 and _walk(obj, above, types)[2] in ({}, []):
            removed, above = _remove(obj, above, types), above[:-1]
    return obj


def _step(value: Any, name: str, types: Types, fields: Fields) -> tuple[Any, Any]:
    """The key or index under which an element stands in `value`, and what is there; `(None, None)` when nothing is."""
    if name.startswith("f:"):
        key = name[2:]
        return (key, value[key]) if isinstance(value, dict) and key in value else (None, None)
    kind = types.list_type(fields)
    for index, item in enumerate(value if isinstance(value, list) and kind else ()):
        if kind is not None and element(item, kind) == name:
            return index, item
    return None, None


def _walk(obj: Any, path: Path, types: Types) -> tuple[Any, Any, Any]:
    """The container of the last element, its key there, and its value."""
    fields: Fields = ()
    container, key, value = None, None, obj
    for name in path:
        container = value
        key, value = _step(container, name, types, fields)
        if key is None:
            return None, None, None
        fields = (*fields, name[2:]) if name.startswith("f:") else fields
    return container, key, value


def _remove(obj: Any, path: Path, types: Types) -> bool:
    container, key, _ = _walk(obj, path, types)
    if container is None:
        return False
    del container[key]
    return True


def written(paths: Iterable[Path]) -> dict[str, Any]:
    """The set as `fieldsV1`."""
    tree: dict[str, Any] = {}
    every = set(paths)
    for path in sorted(every):
        node = tree
        for name in path:
            node = node.setdefault(name, {})
    for path in every:
        node = tree
        for name in path:
            node = node[name]
        if node:
            node[ITSELF] = {}
    return tree


def read(tree: dict[str, Any], path: Path = ()) -> Iterator[Path]:
    """The reverse of `written`."""
    if path and (not tree or ITSELF in tree):
        yield path
    for name, inner in tree.items():
        if name != ITSELF:
            yield from read(inner, (*path, name))


def shown(path: Path) -> str:
    """A path as conflicts name it: `.spec.containers[name="main"].image`."""
    text = ""
    for name in path:
        kind, _, rest = name.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += "[" + ",".join(f"{key}={encode(value)}" for key, value in json.loads(rest).items()) + "]"
        else:
            text += f"[={rest}]"
    return text
