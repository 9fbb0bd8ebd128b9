"""A line of the report, and a recorded state as the rules read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from runbook.domain.cluster import Event
from runbook.domain.meta import Resource
from runbook.model import ObjectRef, Snapshot

_NEVER = datetime.min.replace(tzinfo=UTC)


class Failure(NamedTuple):
    """One line of its report. `reason` is the word of the API that the text itself quotes, or empty."""

    ref: ObjectRef
    text: str
    reason: str = ""


class Recorded:
    """A recorded state, and its events as `kubectl get events --field-selector involvedObject.name=` lists them."""

    def __init__(self, state: Snapshot) -> None:
        self.state = state
        self._events: dict[str, list[Event]] = defaultdict(list)
        for event in sorted(state.seen(Event), key=lambda e: (e.metadata.namespace, e.metadata.name)):
            self._events[event.involved_object.name].append(event)

    def has(self, kind: type[Resource], namespace: str, name: str) -> bool:
        """Whether the object is there; of a kind that was not recorded nothing is said to be missing."""
        ref = ObjectRef(kind.KIND, namespace, name)
        return kind.KIND not in self.state.objects or any(o.ref == ref for o in self.state.seen(kind))

    def latest(self, namespace: str, name: str) -> Event | None:
        """FetchLatestEvent, pkg/util/util.go: by name alone, of whatever kind, and by lastTimestamp alone."""
        mine = [event for event in self._events[name] if event.metadata.namespace == namespace]
        return max(mine, key=lambda e: e.last_timestamp or _NEVER, default=None)

    def said(self, name: str) -> Iterator[Event]:
        """All events about anything of that name, in all namespaces."""
        yield from self._events[name]


def latest(recorded: Recorded, obj: Resource, *reasons: str) -> Iterator[Failure]:
    """The latest event about anything of that name and namespace, if it is of one of these reasons."""
    event = recorded.latest(obj.metadata.namespace, obj.metadata.name)
    if event is not None and event.reason in reasons and event.message:
        yield Failure(obj.ref, event.message)


def named(obj: Resource) -> str:
    """`namespace/name`."""
    return f"{obj.metadata.namespace}/{obj.metadata.name}"
