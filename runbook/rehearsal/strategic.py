"""Strategic merge patch for the built-in kinds: lists with a merge key are merged by it, all others are replaced."""

from __future__ import annotations

import copy
from typing import Any

# k8s.io/api `patchMergeKey` tags
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "conditions": "type",
    "ownerReferences": "uid",
    "secrets": "name",
    "addresses": "type",
    "podIPs": "ip",
    "taints": "key",
}
PRIMITIVE_SETS = frozenset(("finalizers",))


def merge_key(path: tuple[str, ...]) -> str | None:
    """The key that identifies an item of the list at `path`, None for a list that is replaced as a whole."""
    if path and path[-1] == "ports":
        return "containerPort" if "containers" in path or "initContainers" in path else "port"
    return MERGE_KEYS.get(path[-1]) if path else None


def strategic_patch(document: Any, patch: Any, path: tuple[str, ...] = ()) -> Any:
    """`document` with the patch merged into it; directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList` obeyed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    merged = dict(document) if isinstance(document, dict) else {}
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            merged[field] = [item for item in merged.get(field) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            merged.pop(key, None)
        elif isinstance(value, list):
            order = patch.get(f"$setElementOrder/{key}")
            merged[key] = _merge_list(merged.get(key) or [], value, order, (*path, key))
        else:
            merged[key] = strategic_patch(merged.get(key), value, (*path, key))
    return merged


def _merge_list(current: list[Any], patch: list[Any], order: list[Any] | None, path: tuple[str, ...]) -> list[Any]:
    if path[-1] in PRIMITIVE_SETS:
        return [*current, *(item for item in patch if item not in current)]
    key = merge_key(path)
    if key is None or not all(isinstance(item, dict) for item in patch):
        return copy.deepcopy(patch)
    merged = [] if any(item.get("$patch") == "replace" for item in patch) else list(current)
    for item in patch:
        directive = item.get("$patch")
        if directive == "replace":
            continue
        index = next((i for i, have in enumerate(merged) if have.get(key) == item.get(key)), None)
        if directive == "delete":
            merged = [have for have in merged if have.get(key) != item.get(key)]
        elif index is None:
            merged.append(strategic_patch({}, item, path))
        else:
            merged[index] = strategic_patch(merged[index], item, path)
    if order:
        place = {item.get(key): i for i, item in enumerate(order)}
        merged.sort(key=lambda have: place.get(have.get(key), len(place)))
    return merged
