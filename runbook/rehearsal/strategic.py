"""Strategic merge patch for the built-in kinds: lists with a merge key are merged by it, all others are replaced."""

from __future__ import annotations

import copy
from typing import Any

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.listtypes import Types

TYPES = Types()


def strategic_patch(document: Any, patch: Any, path: tuple[str, ...] = ()) -> Any:
    """`document` with the patch merged into it; directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList` obeyed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = _directive(patch)
    if directive == "delete":
        return {}
    if directive == "replace":
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


def _directive(patch: dict[str, Any]) -> Any:
    """What `$patch` says of a map or list item. Raises ApiError 500 on a word the server does not know."""
    word = patch.get("$patch", "merge")
    if word not in ("merge", "replace", "delete"):
        raise ApiError(500, "", f"unknown patch type: {go_text(word)} in map: {go_text(patch)}")
    return word


def _merge_list(current: list[Any], patch: list[Any], order: list[Any] | None, path: tuple[str, ...]) -> list[Any]:
    kind = TYPES.list_type(path)
    if kind is None:
        return copy.deepcopy(patch)
    if not kind.keys:
        return [*current, *(item for item in patch if item not in current)]
    key = kind.merge_key
    if order is not None:
        _check_order(patch, order, key)
    merged = [] if any(item.get("$patch") == "replace" for item in patch) else list(current)
    for item in patch:
        directive = _directive(item)
        if directive == "replace":
            continue
        if key not in item:
            raise ApiError(500, "", f"map: {go_text(item)} does not contain declared merge key: {key}")
        index = next((i for i, have in enumerate(merged) if have.get(key) == item[key]), None)
        if directive == "delete":
            merged = [have for have in merged if have.get(key) != item[key]]
        elif index is None:
            merged.append(strategic_patch({}, item, path))
        else:
            merged[index] = strategic_patch(merged[index], item, path)
    wanted = [item.get(key) for item in order or patch]
    return _ordered(merged, wanted, [item.get(key) for item in current], key)


def _check_order(patch: list[Any], order: list[Any], key: str) -> None:
    """Raises ApiError 500 unless the patch names its items in the order that `$setElementOrder` gives."""
    left = iter([item.get(key) for item in order])
    if not all(item.get(key) in left for item in patch if "$patch" not in item):
        told = f"{go_text(patch)}\n doesn't match $setElementOrder list:\n{go_text(order)}\n"
        raise ApiError(500, "", f"The order in patch list:\n{told}")


def _ordered(merged: list[Any], wanted: list[Any], live: list[Any], key: str) -> list[Any]:
    """The patch's items in its order, the others where they stood [kam:pkg/util/strategicpatch normalizeElementOrder]."""
    named = sorted((item for item in merged if item[key] in wanted), key=lambda item: wanted.index(item[key]))
    others = [item for item in merged if item[key] not in wanted]
    done: list[Any] = []
    while named and others:
        first, other = named[0][key], others[0][key]
        behind = first in live and other in live and live.index(other) < live.index(first)
        done.append((others if behind else named).pop(0))
    return [*done, *named, *others]


def go_text(value: Any) -> str:
    """A value as Go prints it."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)
