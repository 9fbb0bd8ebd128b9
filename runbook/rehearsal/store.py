"""The cluster's state: every version of an object is immutable, every write gets the next resourceVersion and is logged.

Controllers read and write here directly; the HTTP API is another client of the same methods. One event loop, no locks.
Garbage collection and namespace termination happen inside the write that causes them (see `garbage`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from runbook.rehearsal import apierrors, events, garbage, lifecycle, patches
from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.changes import ChangeLog, Event, Subscription
from runbook.rehearsal.crds import builtin_crds
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.objects import ObjectIndex
from runbook.rehearsal.served import ServedKinds

__all__ = ["ApiError", "Clock", "Event", "Kind", "Object", "Store", "Subscription"]


class Clock(Protocol):
    """Where cluster time comes from. `now` is aware UTC, `scale` how many cluster seconds pass in a real one."""

    @property
    def scale(self) -> float:
        """Cluster seconds per real second."""

    def now(self) -> datetime:
        """Cluster time, aware UTC."""


class Store(ObjectIndex, ServedKinds):
    """All objects of the cluster. Objects are plain dictionaries and must never be changed in place by anyone."""

    def __init__(self, clock: Clock, crds: Iterable[Object] | None = None, *, history: int = 10_000) -> None:
        """`crds` are CustomResourceDefinition objects (None: the built-in set); `history` is how many writes a watch can resume over."""
        super().__init__()
        self.clock = clock
        self.changes = ChangeLog(history)
        self._events: dict[tuple[str, ...], tuple[str, str]] = {}
        self._unsettled: deque[tuple[Kind, str, Object]] = deque()
        self._settling = False
        self.stuck_namespaces: set[str] = set()  # terminating, and their content is never deleted
        definitions = self.by_kind["apiextensions.k8s.io/v1", "CustomResourceDefinition"]
        for crd in builtin_crds() if crds is None else crds:
            self.create(definitions, None, crd, trusted=True)

    # reading

    def now(self) -> str:
        """Cluster time as timestamps are written."""
        return lifecycle.rfc3339(self.clock.now())

    @property
    def rv(self) -> int:
        """The resourceVersion of the last write."""
        return self.changes.rv

    # writing

    def create(
        self, kind: Kind, namespace: str | None, obj: Object, dry: bool = False, trusted: bool = False
    ) -> Object:
        """Store a new object and return it.

        `trusted` keeps uid, creationTimestamp, generation and status as given: for manifests that describe a past.
        Raises ApiError 400 (another namespace), 404 (namespace missing), 403 (namespace terminating), 409, 422.
        """
        given = (obj.get("metadata") or {}).get("namespace")
        place = self._namespace(kind, namespace or given, given, obj) if kind.namespaced else ""
        new = lifecycle.created(kind, place, obj, self.clock.now(), trusted=trusted)
        if self.find(kind, place, new["metadata"]["name"]) is not None:
            raise apierrors.already_exists(kind, new["metadata"]["name"])
        return new if dry else self._commit(kind, "ADDED", new, None)

    def _namespace(self, kind: Kind, namespace: str | None, given: str | None, obj: Object) -> str:
        if not namespace:
            raise apierrors.bad_request("an empty namespace may not be set during creation")
        if given and given != namespace:
            raise apierrors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        found = self.get(self.kinds["v1", "namespaces"], None, namespace)
        if found["metadata"].get("deletionTimestamp"):
            raise apierrors.terminating(kind, (obj.get("metadata") or {}).get("name", ""), namespace)
        return namespace

    def update(
        self,
        kind: Kind,
        old: Object,
        new: Object,
        dry: bool = False,
        sub: str | None = None,
        *,
        managed: list[Object] | None = None,
    ) -> Object:
        """Replace `old` by `new` and return what is stored; `old` itself, with no event, when nothing changes.

        `sub="status"` takes only status, labels and annotations from `new`; else status is kept where it is a
        subresource. A resourceVersion in `new` must be the stored one; `managed` replaces the record of managers.
        Raises ApiError 400, 409, 422.
        """
        current = self.find(kind, old["metadata"].get("namespace"), old["metadata"]["name"])
        if current is None or current["metadata"]["uid"] != old["metadata"]["uid"]:
            raise apierrors.not_found(kind, old["metadata"]["name"])
        metadata = new.get("metadata") or {}
        # never changed in place: not copied
        kept = metadata.get("managedFields", current["metadata"].get("managedFields"))
        bare = {**new, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
        changed = lifecycle.updated(kind, current, bare, sub)
        record = managed if managed is not None else kept
        return self.replace(kind, current, changed, record, dry)

    def replace(
        self, kind: Kind, current: Object, changed: Object, managed: list[Object] | None, dry: bool = False
    ) -> Object:
        """Store `changed`, a copy nobody else holds, as `update` planned it, with the record of managers."""
        changed["metadata"].pop("managedFields", None)
        changed["metadata"] |= {"managedFields": managed} if managed else {}
        if changed == current or dry:
            return current if changed == current else changed
        return self._commit(kind, "DELETED" if lifecycle.finished(kind, changed) else "MODIFIED", changed, current)

    def patch(
        self, kind: Kind, old: Object, content_type: str, patch: Any, *, dry: bool = False, sub: str | None = None
    ) -> Object:
        """Apply a merge, JSON or strategic patch (415 for others; strategic for built-in kinds only)."""
        current = self.by_uid(old["metadata"]["uid"])
        if current is None:
            raise apierrors.not_found(kind, old["metadata"]["name"])
        new = patches.patched(kind, current, content_type, patch)
        return self.update(kind, current, new, dry, sub)

    def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        options: Mapping[str, Any] | None = None,
        dry: bool = False,
    ) -> tuple[Object, bool]:
        """Delete and return the object's last version and whether it is gone.

        `options` are DeleteOptions: preconditions (409), propagationPolicy (Background unless said), gracePeriodSeconds.
        Not gone: finalizers, a pod's grace period (end it with gracePeriodSeconds 0), a namespace with content.
        """
        old, options = self.get(kind, namespace, name), options or {}
        lifecycle.check_preconditions(kind, old, options)
        new, gone = lifecycle.being_deleted(kind, old, options, self.clock.now())
        if dry or new is old:
            return old, gone
        if options.get("propagationPolicy") == "Orphan":
            garbage.orphan_dependents(self, old["metadata"]["uid"])
        stored = self._commit(kind, "DELETED" if gone else "MODIFIED", new, old)
        return stored, self.by_uid(old["metadata"]["uid"]) is None

    def remove(self, kind: Kind, obj: Object) -> None:
        """Take an object away whatever holds it: what the collector does last."""
        self._commit(kind, "DELETED", {**obj, "metadata": dict(obj["metadata"])}, obj)

    def status(self, obj: Object, **fields: Any) -> Object | None:
        """Merge `fields` into the live object's status (None removes a field). None when that object is gone."""
        kind = self.kind_of(obj)
        current = self.by_uid(obj["metadata"]["uid"])
        if current is None:
            return None
        status = patches.merge_patch(current.get("status") or {}, fields)
        return self.update(kind, current, {"metadata": {}, "status": status}, sub="status")

    def event(
        self,
        obj: Object,
        type_: str,
        reason: str,
        message: str,
        source: str,
        *,
        field_path: str = "",
        host: str = "",
    ) -> Object | None:
        """Record an Event about `obj`; an equal one counts up instead. None when its namespace takes no objects."""
        kind, now = self.kinds["v1", "events"], self.clock.now()
        key = events.event_key(obj, type_, reason, message, source, path=field_path)
        have = self.find(kind, *self._events.get(key, ("", "")))
        if have is not None:
            return self.update(kind, have, events.repeated(have, now))
        new = events.new_event(
            obj, type_, reason, message, source, now=now, serial=self.rv, field_path=field_path, host=host
        )
        namespace = new["metadata"]["namespace"]
        home = self.find(self.kinds["v1", "namespaces"], None, namespace)
        if home is None or home["metadata"].get("deletionTimestamp"):
            return None
        stored = self.create(kind, namespace, new)
        self._events[key] = (namespace, stored["metadata"]["name"])
        return stored

    # watching

    def subscribe(self, kind: Kind | None) -> Subscription:
        """A queue of `(kind, event)` that gets every later write of one kind, or of all (None)."""
        return self.changes.subscribe(kind)

    def unsubscribe(self, queue: Subscription) -> None:
        """Stop feeding a queue."""
        self.changes.unsubscribe(queue)

    # committing

    def _commit(self, kind: Kind, type_: str, new: Object, old: Object | None) -> Object:
        self.changes.rv += 1
        new["metadata"]["resourceVersion"] = str(self.changes.rv)
        self.index(kind, new, old, gone=type_ == "DELETED")
        self.changes.append(kind, Event(self.changes.rv, type_, new, old))
        if kind.kind == "CustomResourceDefinition":
            self.define(type_, new)
        self._unsettled.append((kind, type_, new))
        self._settle()
        return new

    def _settle(self) -> None:
        if self._settling:
            return
        self._settling = True
        try:
            while self._unsettled:
                garbage.settle(self, *self._unsettled.popleft())
        finally:
            self._settling = False
