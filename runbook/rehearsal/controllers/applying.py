"""Applying manifests over what is there, three-way: what the last manifest said and the new one does not is taken away.

What others wrote beside it stays, as with server-side apply and Helm's three-way merge: a Service's cluster IP, somebody's
`suspend`, the annotation of a restart. Lists are replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store


class Applier:
    """One program's applying; it remembers what it applied last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: dict[tuple[tuple[str, str], str, str], Object] = {}

    def apply(self, document: Object, namespace: str | None) -> Object:
        """Create or change the object and return it. Raises ApiError as the API server would refuse it."""
        kind, name = self._store.kind_of(document), document["metadata"]["name"]
        key = (kind.gr, namespace or "", name)
        metadata = {**document["metadata"], **({"namespace": namespace} if namespace else {})}
        wanted = {field: value for field, value in document.items() if field != "status"} | {"metadata": metadata}
        held = self._store.find(kind, namespace, name)
        if held is None:
            made = self._store.create(kind, namespace, {**document, "metadata": metadata})
        else:
            made = self._store.update(kind, held, merged(held, self._last.get(key, {}), wanted))
        self._last[key] = wanted
        return made


def merged(held: Mapping[str, Any], last: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    """`held` with `new` over it, without what only `last` and not `new` says."""
    out = {key: value for key, value in held.items() if key in new or key not in last}
    for key, value in new.items():
        if isinstance(value, Mapping) and isinstance(out.get(key), Mapping):
            before = last.get(key)
            out[key] = merged(out[key], before if isinstance(before, Mapping) else {}, value)
        else:
            out[key] = value
    return out
