"""The log of committed writes: what watches resume from, and what controllers subscribe to."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import cached_property

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object

FIRST_RV = 1_000
encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True)
class Event:
    """One committed write: `type` is ADDED, MODIFIED or DELETED, `old` the version before it."""

    rv: int
    type: str
    obj: Object
    old: Object | None

    @cached_property
    def data(self) -> bytes:
        """The object's JSON, made once for all watchers."""
        return encode(self.obj).encode()


Subscription = asyncio.Queue[tuple[Kind, Event]]


class ChangeLog:
    """The last `history` writes, and the queues that get each further one."""

    def __init__(self, history: int) -> None:
        self.rv = FIRST_RV
        self._log: deque[tuple[Kind, Event]] = deque(maxlen=history)
        self._subscribers: defaultdict[tuple[str, str] | None, set[Subscription]] = defaultdict(set)

    def append(self, kind: Kind, event: Event) -> None:
        """Log a write and tell whoever subscribed."""
        self._log.append((kind, event))
        for queue in (*self._subscribers[kind.gr], *self._subscribers[None]):
            queue.put_nowait((kind, event))

    def subscribe(self, kind: Kind | None) -> Subscription:
        """A queue that gets every later write of one kind, or of all (None)."""
        queue: Subscription = asyncio.Queue()
        self._subscribers[kind.gr if kind else None].add(queue)
        return queue

    def unsubscribe(self, queue: Subscription) -> None:
        """Stop feeding a queue."""
        for queues in self._subscribers.values():
            queues.discard(queue)

    def subscriptions(self, kind: Kind) -> int:
        """How many queues are fed with this kind's writes."""
        return len(self._subscribers[kind.gr])

    def since(self, kind: Kind, rv: int) -> list[Event]:
        """Writes of a kind after a resourceVersion, oldest first.

        Raises ApiError 410 when the log no longer reaches back that far, 504 for a version of the future.
        """
        if rv > self.rv:
            message = f"Too large resource version: {rv}, current: {self.rv}"
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            raise ApiError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})
        oldest = self._log[0][1].rv if len(self._log) == self._log.maxlen else FIRST_RV + 1
        if rv < oldest - 1:
            raise ApiError(410, "Expired", f"too old resource version: {rv} ({oldest - 1})")
        return [event for logged, event in self._log if logged.gr == kind.gr and event.rv > rv]
