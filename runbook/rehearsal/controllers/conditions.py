"""Conditions as controllers write them: a transition time that moves only when the status does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runbook.rehearsal.lifecycle import Object

Condition = dict[str, Any]


def found(obj: Mapping[str, Any] | None, type_: str) -> Condition | None:
    """A condition of an object's status, or None."""
    conditions: Sequence[Condition] = ((obj or {}).get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == type_), None)


def is_true(obj: Mapping[str, Any] | None, type_: str) -> bool:
    """Whether it is there and True."""
    condition = found(obj, type_)
    return condition is not None and condition["status"] == "True"


def with_conditions(
    obj: Object, now: str, wanted: Mapping[str, tuple[str, str, str] | None], *, generation: bool = True
) -> list[Condition]:
    """The object's conditions with `wanted` set: type → (status, reason, message); None removes one."""
    conditions = list((obj.get("status") or {}).get("conditions") or ())
    for type_, value in wanted.items():
        old = next((c for c in conditions if c["type"] == type_), None)
        if value is None:
            conditions = [c for c in conditions if c["type"] != type_]
            continue
        status, reason, message = value
        since = old["lastTransitionTime"] if old and old["status"] == status else now
        new: Condition = {"type": type_, "status": status, "lastTransitionTime": since}
        new |= {"reason": reason, "message": message}
        if generation and "generation" in obj["metadata"]:
            new["observedGeneration"] = obj["metadata"]["generation"]
        kept = [new if c["type"] == type_ else c for c in conditions]
        conditions = kept if old else [*conditions, new]
    return conditions


def owned_by(owner: Object) -> list[dict[str, Any]]:
    """ownerReferences of a child that `owner` controls."""
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def annotation(obj: Mapping[str, Any], key: str) -> str:
    """An annotation's value, or an empty string."""
    return str((obj["metadata"].get("annotations") or {}).get(key, ""))


def deleting(obj: Mapping[str, Any]) -> bool:
    """Whether somebody asked for its deletion."""
    return bool(obj["metadata"].get("deletionTimestamp"))
