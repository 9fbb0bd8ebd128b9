"""The objects of the cluster and the ways to find them: by name, by uid, by owner, by namespace, in order."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable

from runbook.rehearsal import apierrors
from runbook.rehearsal.changes import encode
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object

Key = tuple[str, str]  # namespace ("" for cluster scope), name
Resource = tuple[str, str]  # group, plural
Objects = list[Object]


class ObjectIndex:
    """All objects. They are plain dictionaries and must never be changed in place by anyone."""

    def __init__(self) -> None:
        super().__init__()
        self._held: defaultdict[Resource, dict[Key, Object]] = defaultdict(dict)
        self._order: dict[Resource, list[Key]] = {}
        self._uids: dict[str, tuple[Resource, Key]] = {}
        self._owned: defaultdict[str, dict[str, None]] = defaultdict(dict)  # owner uid -> dependents' uids, in order
        self._json: dict[str, tuple[str, bytes]] = {}

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """One object. Raises ApiError 404."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise apierrors.not_found(kind, name)
        return found

    def find(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """One object, or None."""
        return self._held[kind.gr].get((namespace or "", name))

    def list(self, kind: Kind, namespace: str | None = None, match: Callable[[Object], bool] | None = None) -> Objects:
        """Objects sorted by namespace and name; `namespace` None means all; `match` filters."""
        held = self._held[kind.gr]
        order = self._order.get(kind.gr)
        if order is None:
            order = self._order[kind.gr] = sorted(held)
        if namespace is not None:
            order = order[bisect_left(order, (namespace, "")) : bisect_left(order, (f"{namespace}\0", ""))]
        found = (held[key] for key in order)
        return [obj for obj in found if match is None or match(obj)]

    def by_uid(self, uid: str) -> Object | None:
        """The object with this uid, or None."""
        place = self._uids.get(uid)
        return None if place is None else self._held[place[0]].get(place[1])

    def dependents(self, uid: str) -> Objects:
        """Objects that name `uid` among their ownerReferences."""
        return [obj for one in tuple(self._owned.get(uid, ())) if (obj := self.by_uid(one)) is not None]

    def in_namespace(self, namespace: str) -> Objects:
        """Everything a namespace holds."""
        return [obj for held in self._held.values() for key, obj in held.items() if namespace and key[0] == namespace]

    def bytes(self, obj: Object) -> bytes:
        """The object's JSON as served, encoded once per version."""
        metadata = obj["metadata"]
        have = self._json.get(metadata["uid"])
        if have is None or have[0] != metadata["resourceVersion"]:
            have = (metadata["resourceVersion"], encode(obj).encode())
            if metadata["uid"] in self._uids:
                self._json[metadata["uid"]] = have
        return have[1]

    def index(self, kind: Kind, new: Object, old: Object | None, *, gone: bool) -> None:
        """Put `new` in the place of `old`, or take it away."""
        uid, key = new["metadata"]["uid"], (new["metadata"].get("namespace") or "", new["metadata"]["name"])
        for reference in (old or {}).get("metadata", {}).get("ownerReferences") or ():
            self._owned[reference["uid"]].pop(uid, None)
        if gone:
            self._held[kind.gr].pop(key, None)
            self._uids.pop(uid, None)
            self._json.pop(uid, None)
        else:
            self._held[kind.gr][key] = new
            self._uids[uid] = (kind.gr, key)
            for reference in new["metadata"].get("ownerReferences") or ():
                self._owned[reference["uid"]][uid] = None
        if gone or old is None:
            self._order.pop(kind.gr, None)
