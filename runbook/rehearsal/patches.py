"""Merge patch (RFC 7386) and JSON patch (RFC 6902), as the API server applies them."""

from __future__ import annotations

import copy
from typing import Any

from runbook.rehearsal import apierrors
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.strategic import strategic_patch

MERGE, JSON, STRATEGIC = (f"application/{name}+json" for name in ("merge-patch", "json-patch", "strategic-merge-patch"))
APPLY = "application/apply-patch+yaml"


def accepted(kind: Kind) -> tuple[str, ...]:
    """The patch types that the kind takes, in the order a 415 names them."""
    return (JSON, MERGE, APPLY) if kind.crd else (JSON, MERGE, STRATEGIC, APPLY)


def patched(kind: Kind, old: dict[str, Any], content_type: str, patch: Any) -> dict[str, Any]:
    """`old` with the patch applied. Raises 415 on a type not taken, 400 or 422 on a patch that cannot be applied."""
    media = content_type.partition(";")[0].strip()
    if media == JSON:
        if not isinstance(patch, list):
            raise undecodable(patch, "[]handlers.jsonPatchOp")
        wrong = next((operation for operation in patch if not isinstance(operation, dict)), None)
        if wrong is not None:
            raise undecodable(wrong, "handlers.jsonPatchOp")
        new = json_patch(old, patch)
    elif media == MERGE or (media == STRATEGIC and not kind.crd):
        if not isinstance(patch, dict):
            raise undecodable(patch, "map[string]interface {}", "" if media == STRATEGIC else "error decoding patch: ")
        new = merge_patch(old, patch) if media == MERGE else strategic_patch(old, patch)
    else:
        raise apierrors.unsupported_media(", ".join(accepted(kind)))
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise apierrors.rejected()
    return new


def undecodable(value: Any, wanted: str, prefix: str = "error decoding patch: ") -> apierrors.ApiError:
    """400 for JSON of the wrong kind, in Go's words."""
    return apierrors.bad_request(
        f"{prefix}json: cannot unmarshal {apierrors.go_word(value)} into Go value of type {wanted}"
    )


def merge_patch(document: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(document: Any, operations: list[Any]) -> Any:
    """RFC 6902. Raises 422 for a failed test or a path that is not there, as the API server does."""
    document = copy.deepcopy(document)
    for operation in operations:
        try:
            _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise apierrors.rejected() from error
    return document


def _walk(document: Any, pointer: str) -> tuple[Any, Any]:
    """The container a JSON pointer ends in, and the key or index inside it."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for part in parts[:-1]:
        document = document[_key(document, part)]
    return document, _key(document, parts[-1])


def _key(container: Any, part: str) -> str | int:
    return (len(container) if part == "-" else int(part)) if isinstance(container, list) else part


def _operate(document: Any, operation: dict[str, Any]) -> None:
    container, key = _walk(document, operation["path"])
    name = operation["op"]
    value = copy.deepcopy(operation.get("value"))
    if name in ("move", "copy"):
        source, source_key = _walk(document, operation["from"])
        value = copy.deepcopy(source[source_key])
        if name == "move":
            del source[source_key]
    if name == "test":
        if (container.get(key) if isinstance(container, dict) else container[key]) != value:
            raise ValueError("testing value failed")
    elif name == "remove":
        del container[key]
    elif name == "replace":
        if isinstance(container, list):
            _ = container[key]  # raises when there is nothing to replace; in a map there need not be
        container[key] = value
    elif name in ("add", "move", "copy"):
        if isinstance(container, list):
            if key > len(container):
                raise IndexError("index out of bounds")
            container.insert(key, value)
        else:
            container[key] = value
    else:
        raise ValueError(f"unexpected kind {name!r}")
