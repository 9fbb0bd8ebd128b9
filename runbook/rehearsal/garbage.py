"""Garbage collection and namespace termination, done at once instead of by a controller that lags.

[kk:pkg/controller/garbagecollector] [kk:pkg/controller/namespace/deletion]: dependents of a deleted owner go in the
background; a foreground owner waits for the dependents that block it; a terminating namespace goes when it is empty.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from runbook.rehearsal.kinds import Kind, crd_kinds
from runbook.rehearsal.lifecycle import Object

if TYPE_CHECKING:
    from runbook.rehearsal.store import Store

BACKGROUND = {"propagationPolicy": "Background"}


def settle(store: Store, kind: Kind, type_: str, obj: Object) -> None:
    """Draw the consequences of one committed change."""
    metadata = obj["metadata"]
    if type_ == "DELETED":
        if kind.kind == "CustomResourceDefinition":
            _drop_instances(store, obj)
        for dependent in store.dependents(metadata["uid"]):
            _orphaned(store, dependent)
        for reference in metadata.get("ownerReferences") or ():
            owner = store.by_uid(reference["uid"])
            if owner is not None:
                _foreground(store, owner)
    elif type_ == "MODIFIED":
        _foreground(store, obj)
    if kind.gr == ("", "namespaces") and type_ != "DELETED":
        _terminate(store, metadata["name"])
    elif metadata.get("namespace") and type_ == "DELETED":
        _terminate(store, metadata["namespace"])


def _orphaned(store: Store, obj: Object) -> None:
    """An object one of whose owners is gone: deleted when it was the last, else freed of the dangling reference."""
    references = obj["metadata"].get("ownerReferences") or ()
    alive = [reference for reference in references if store.by_uid(reference["uid"]) is not None]
    if alive:
        _set_metadata(store, obj, "ownerReferences", alive)
    elif not obj["metadata"].get("deletionTimestamp"):
        _delete(store, obj)


def _foreground(store: Store, owner: Object) -> None:
    """Delete the dependents of an owner that is being deleted in the foreground; let it go when none blocks it."""
    metadata = owner["metadata"]
    if not metadata.get("deletionTimestamp") or "foregroundDeletion" not in (metadata.get("finalizers") or ()):
        return
    for dependent in store.dependents(metadata["uid"]):
        if not dependent["metadata"].get("deletionTimestamp"):
            _delete(store, dependent)
    if any(_blocks(dependent, metadata["uid"]) for dependent in store.dependents(metadata["uid"])):
        return
    current = store.by_uid(metadata["uid"])
    if current is not None:
        left = [f for f in current["metadata"].get("finalizers") or () if f != "foregroundDeletion"]
        _set_metadata(store, current, "finalizers", left)


def _blocks(dependent: Object, uid: str) -> bool:
    references = dependent["metadata"].get("ownerReferences") or ()
    return any(reference["uid"] == uid and reference.get("blockOwnerDeletion") for reference in references)


def orphan_dependents(store: Store, uid: str) -> None:
    """Take the reference to `uid` out of every dependent: they outlive their owner."""
    for dependent in store.dependents(uid):
        kept = [r for r in dependent["metadata"].get("ownerReferences") or () if r["uid"] != uid]
        _set_metadata(store, dependent, "ownerReferences", kept)


def _terminate(store: Store, name: str) -> None:
    """Delete what a terminating namespace holds, and the namespace once nothing is left."""
    namespaces = store.kinds["v1", "namespaces"]
    namespace = store.find(namespaces, None, name)
    if namespace is None or not namespace["metadata"].get("deletionTimestamp") or name in store.stuck_namespaces:
        return
    for obj in store.in_namespace(name):
        if not obj["metadata"].get("deletionTimestamp"):
            _delete(store, obj)
    if not store.in_namespace(name) and not namespace["metadata"].get("finalizers"):
        store.remove(namespaces, namespace)


def _drop_instances(store: Store, crd: Object) -> None:
    for kind in crd_kinds(crd):
        for obj in store.list(kind):
            store.remove(kind, obj)


def _delete(store: Store, obj: Object) -> None:
    metadata = obj["metadata"]
    if store.by_uid(metadata["uid"]) is not None:
        store.delete(store.kind_of(obj), metadata.get("namespace"), metadata["name"], BACKGROUND)


def _set_metadata(store: Store, obj: Object, field: str, value: list[object]) -> None:
    current = store.by_uid(obj["metadata"]["uid"])
    if current is not None:
        changed = copy.deepcopy(current)
        changed["metadata"][field] = value
        store.update(store.kind_of(current), current, changed)
