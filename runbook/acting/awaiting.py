"""Waiting for answers: one list and one watch a kind, whatever the number of requests; each ends with a word of its own.

An API server that restarts meanwhile is waited for too: what was missed is in the list that is read when it is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Queue

from runbook.clients.kubernetes import KubeClient, Listing, WatchEvent
from runbook.domain.requests import Asked, Reply, reply
from runbook.errors import DeniedError, MalformedError, MissingError, ObservationError
from runbook.model import ObjectRef

PAGE = 2_000  # objects of a list: a thousand releases are one request
POLL = 0.25  # real seconds between looks at the clock
BATCH = 500  # events between two looks at it
SILENCE = 10.0  # real seconds without a byte before a watch is asked for again
AWAY, RETRY = 60.0, 1.0  # real seconds that the API server may be away, and between two tries
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
    silence: float = SILENCE,
    note: Callable[[str], None] = lambda _note: None,
) -> dict[ObjectRef, Reply]:
    """The answer to each request; one that has none after `limit` seconds of the cluster's time stays `waiting`.

    `note` hears what is to be said of how a list came about. Raises ObservationError when the answers cannot be listed or watched.
    """
    waiting = _Waiting(client, requests, silence, note)
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

    def __init__(
        self, client: KubeClient, requests: Mapping[ObjectRef, Request], silence: float, note: Callable[[str], None]
    ) -> None:
        self._client, self._requests, self._silence, self._note = client, requests, silence, note
        self.replies: dict[ObjectRef, Reply] = {ref: Reply("waiting") for ref in requests}
        self.open = dict.fromkeys(requests)  # requests without an end, in their order
        self._queue: Queue[tuple[str, WatchEvent] | ObservationError] = Queue()
        self._stopped = threading.Event()

    def example(self) -> str:
        """One object that is waited for, and what it says."""
        ref = next(iter(self.open), None)
        return f"{ref}: {self.replies[ref].said}"[:160].rstrip(": ") if ref else ""

    def start(self) -> None:
        """List each kind once, then watch from there."""
        for kind in dict.fromkeys(ref.kind for ref in self._requests):
            listing = self._client.list(kind, page=PAGE)
            self._judge_all(listing)
            if self.open:
                arguments = (kind, listing.resource_version)
                threading.Thread(target=self._follow, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """Ask the watches to end; they are daemons and hold no state."""
        self._stopped.set()

    def step(self) -> None:
        """Take in what was heard. Raises the ObservationError that ended a watch."""
        try:
            self._take_in(self._queue.get(timeout=POLL))
            for _ in range(BATCH):
                self._take_in(self._queue.get_nowait())
        except Empty:
            return

    def _take_in(self, got: tuple[str, WatchEvent] | ObservationError) -> None:
        if isinstance(got, ObservationError):
            raise got
        event = got[1]
        if event.relisted is not None:
            self._judge_all(event.relisted)
        elif event.unreadable is not None and event.type == "DELETED":
            self._gone(event.unreadable.ref, event.unreadable.uid)
        elif event.unreadable is not None:
            self._not_read(event.unreadable.ref, event.unreadable.why)
        elif event.object is not None and event.type == "DELETED":
            self._gone(event.object.ref, event.object.metadata.uid)
        elif event.object is not None:
            self._judge(event.object)

    def _follow(self, kind: str, version: str) -> None:
        failed = ObservationError(f"watch of {kind}", "it ended before the answers came")
        try:
            self._listen(kind, version)
        except ObservationError as error:
            failed = error
        finally:
            if not self._stopped.is_set():
                self._queue.put(failed)

    def _listen(self, kind: str, version: str) -> None:
        """Watch, and watch again from a new list when the server was away. Raises when it stays away, or refuses."""
        away_since: float | None = None
        while not self._stopped.is_set():
            try:
                if away_since is not None:
                    listing = self._client.list(kind, page=PAGE)
                    self._queue.put((kind, WatchEvent("RELISTED", None, listing)))
                    away_since, version = None, listing.resource_version
                for event in self._client.watch(kind, version, until=self._stopped.is_set, silence=self._silence):
                    self._queue.put((kind, event))
            except (DeniedError, MissingError, MalformedError):
                raise
            except ObservationError:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since >= AWAY:
                    raise
                self._stopped.wait(RETRY)

    def _judge_all(self, listing: Listing) -> None:
        for note in listing.notes:
            self._note(note)
        seen = {ref for ref, _ in listing.malformed}
        for item in listing.items:
            seen.add(item.ref)
            self._judge(item)
        for ref in [r for r in self.open if r.kind == listing.kind and r not in seen]:
            self._gone(ref, self._requests[ref].uid)
        for ref, why in listing.malformed:
            self._not_read(ref, why)

    def _not_read(self, ref: ObjectRef, why: str) -> None:
        if ref in self.open:
            self.replies[ref] = Reply("waiting", f"what the server says of it cannot be read: {why}")

    def _judge(self, obj: object) -> None:
        if not isinstance(obj, Asked) or obj.ref not in self.open:
            return
        request = self._requests[obj.ref]
        if obj.metadata.uid != request.uid:
            self._answer(obj.ref, Reply("gone", "another object of that name took its place"))
        else:
            self._answer(obj.ref, reply(obj, request.token))

    def _gone(self, ref: ObjectRef, uid: str) -> None:
        if ref in self.open and self._requests[ref].uid == uid:
            self._answer(ref, Reply("gone", "it was deleted"))

    def _answer(self, ref: ObjectRef, answer: Reply) -> None:
        """An end stays what it was: what comes of an object later is no answer to this request."""
        self.replies[ref] = answer
        if answer.ended:
            del self.open[ref]
