"""Waiting for answers: one list and one watch a kind, whatever the number of requests; each ends with a word of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Queue

from runbook.clients.kubernetes import KubeClient, WatchEvent
from runbook.domain.requests import Asked, Reply, reply
from runbook.errors import ObservationError
from runbook.model import ObjectRef

POLL = 0.25  # real seconds between looks at the clock
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was sent: of which object (uid), with which token."""

    object: ObjectRef
    uid: str
    token: str


def answers(
    client: KubeClient,
    requests: Mapping[ObjectRef, Request],
    *,
    limit: float,
    now: Callable[[], datetime],
    progress: Progress,
) -> dict[ObjectRef, Reply]:
    """The answer to each request; one that has none after `limit` seconds of the cluster's time stays `waiting`.

    Raises ObservationError when the answers cannot be listed or watched.
    """
    waiting = _Waiting(client, requests)
    began = now()
    waiting.start()
    try:
        while waiting.open and (now() - began).total_seconds() < limit:
            progress(len(requests) - len(waiting.open), len(requests), waiting.example())
            waiting.step()
    finally:
        waiting.stop()
    progress(len(requests) - len(waiting.open), len(requests), "")
    return waiting.replies


class _Waiting:
    """Watches in threads of their own; what they hear is judged in the caller's."""

    def __init__(self, client: KubeClient, requests: Mapping[ObjectRef, Request]) -> None:
        self._client, self._requests = client, requests
        self.replies: dict[ObjectRef, Reply] = {ref: Reply("waiting") for ref in requests}
        self._queue: Queue[tuple[str, WatchEvent] | ObservationError] = Queue()
        self._stopped = threading.Event()

    @property
    def open(self) -> list[ObjectRef]:
        """Requests without an end."""
        return [ref for ref, answer in self.replies.items() if not answer.ended]

    def example(self) -> str:
        """One object that is waited for, and what it says."""
        ref = next(iter(self.open), None)
        return f"{ref}: {self.replies[ref].said}"[:160].rstrip(": ") if ref else ""

    def start(self) -> None:
        """List each kind once, then watch from there."""
        for kind in dict.fromkeys(ref.kind for ref in self._requests):
            listing = self._client.list(kind)
            self._judge_all(kind, listing.items)
            if self.open:
                arguments = (kind, listing.resource_version)
                threading.Thread(target=self._follow, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """Ask the watches to end; they are daemons and hold no state."""
        self._stopped.set()

    def step(self) -> None:
        """Take in what was heard. Raises the ObservationError that ended a watch."""
        try:
            got = self._queue.get(timeout=POLL)
        except Empty:
            return
        if isinstance(got, ObservationError):
            raise got
        kind, event = got
        if event.relisted is not None:
            self._judge_all(kind, event.relisted.items)
        elif event.type == "DELETED" and event.object is not None:
            self._gone(event.object.ref)
        elif event.object is not None:
            self._judge(event.object)

    def _follow(self, kind: str, version: str) -> None:
        failed = ObservationError(f"watch of {kind}", "it ended before the answers came")
        try:
            for event in self._client.watch(kind, version, until=self._stopped.is_set, silence=10.0):
                self._queue.put((kind, event))
        except ObservationError as error:
            failed = error
        finally:
            if not self._stopped.is_set():
                self._queue.put(failed)

    def _judge_all(self, kind: str, items: tuple[object, ...]) -> None:
        seen = set()
        for item in items:
            if isinstance(item, Asked):
                seen.add(item.ref)
                self._judge(item)
        for ref in [r for r in self.open if r.kind == kind and r not in seen]:
            self._gone(ref)

    def _judge(self, obj: object) -> None:
        if not isinstance(obj, Asked) or obj.ref not in self._requests:
            return
        request = self._requests[obj.ref]
        if obj.metadata.uid != request.uid:
            self.replies[obj.ref] = Reply("gone", "another object of that name took its place")
        elif not self.replies[obj.ref].ended:
            self.replies[obj.ref] = reply(obj, request.token)

    def _gone(self, ref: ObjectRef) -> None:
        if ref in self._requests and not self.replies[ref].ended:
            self.replies[ref] = Reply("gone", "it was deleted")
