"""Measured quiet: a watch over pods, releases, Warning events and nodes. Every disturbance restarts the clock, with a reason.

One look after fifteen minutes proves nothing (a crash loop at its five-minute back-off looks Running most of the time),
and neither does a watch that has gone silent: it is listed anew, and what cannot be read again is not quiet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from queue import Empty, Queue

from runbook.clients.kubernetes import KubeClient, WatchEvent
from runbook.domain.cluster import Event, Node
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Resource, is_true
from runbook.domain.pods import Pod
from runbook.domain.probes import SoakReset, SoakWindow
from runbook.errors import ObservationError
from runbook.inventory.model import Inventory

WATCHED = ("Pod", "HelmRelease", "Event", "Node")
POLL = 0.25  # real seconds between looks at the clock
Mark = tuple[object, ...]
Progress = Callable[[str, int, int], None]


def soak(
    client: KubeClient,
    inventory: Inventory,
    *,
    wanted_seconds: float,
    now: Callable[[], datetime],
    progress: Progress | None = None,
    patience: float = 3.0,
    stop: Callable[[], bool] = lambda: False,
) -> SoakWindow:
    """Wait until `wanted_seconds` of quiet were measured, or until `patience` times that long was spent.

    Times are the cluster's (`now`). Raises ObservationError when what is watched cannot be listed.
    """
    watch = _Quiet(client, inventory)
    began = quiet_since = now()
    resets: list[SoakReset] = []
    watch.start()
    try:
        while (passed := (now() - began).total_seconds()) < wanted_seconds * patience and not stop():
            for reason, name in watch.disturbances():
                quiet_since = now()
                resets.append(SoakReset(quiet_since, reason, name))
            quiet = (now() - quiet_since).total_seconds()
            if progress:
                progress("soak", int(min(quiet, wanted_seconds)), int(wanted_seconds))
            if quiet >= wanted_seconds or passed < 0:
                break
            watch.wait(POLL)
    finally:
        watch.stop()
    ended = now()
    quiet = min((ended - quiet_since).total_seconds(), wanted_seconds)
    return SoakWindow(wanted_seconds, quiet, began, ended, tuple(resets), watch.samples)


class _Quiet:
    """Watches in threads of their own; what differs from the baseline is a disturbance."""

    def __init__(self, client: KubeClient, inventory: Inventory) -> None:
        self._client = client
        self._namespaces = {r.namespace for r in inventory.releases} | {
            r.workload.namespace for r in inventory.infrastructure
        }
        self._queue: Queue[tuple[str, WatchEvent] | ObservationError] = Queue()
        self._stopped = threading.Event()
        self._marks: dict[tuple[str, str], Mark] = {}
        self._threads: list[threading.Thread] = []
        self.samples = 0

    def start(self) -> None:
        """List the baseline, then watch from it."""
        for kind in WATCHED:
            listing = self._client.list(kind)
            self._baseline(kind, listing.items)
            thread = threading.Thread(target=self._follow, args=(kind, listing.resource_version), daemon=True)
            self._threads.append(thread)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask the watches to end. They are daemons and hold no state: nothing waits for their last byte."""
        self._stopped.set()

    def wait(self, seconds: float) -> None:
        """Wait between two looks; interruptible."""
        self._stopped.wait(seconds)

    def _follow(self, kind: str, version: str) -> None:
        try:
            for event in self._client.watch(kind, version, until=self._stopped.is_set, silence=10.0):
                self._queue.put((kind, event))
        except ObservationError as error:
            if not self._stopped.is_set():
                self._queue.put(error)

    def disturbances(self) -> Iterable[tuple[str, str]]:
        """What happened since the last look. Raises the ObservationError that ended a watch."""
        while True:
            try:
                got = self._queue.get_nowait()
            except Empty:
                return
            if isinstance(got, ObservationError):
                raise got
            kind, event = got
            self.samples += 1
            if event.relisted is not None:
                yield from self._compared(kind, event.relisted.items)
            elif event.object is not None:
                yield from self._changed(kind, event.object, gone=event.type == "DELETED")

    def _baseline(self, kind: str, items: Iterable[Resource]) -> None:
        for item in items:
            if self._counts(item):
                self._marks[kind, item.metadata.uid] = mark(item)

    def _compared(self, kind: str, items: Iterable[Resource]) -> Iterable[tuple[str, str]]:
        listed = {i.metadata.uid: i for i in items if self._counts(i)}
        for uid in [u for k, u in self._marks if k == kind and u not in listed]:
            del self._marks[kind, uid]
            if kind != "Event":
                yield f"a {kind} is gone", uid
        for item in listed.values():
            yield from self._changed(kind, item, gone=False)

    def _changed(self, kind: str, item: Resource, *, gone: bool) -> Iterable[tuple[str, str]]:
        if not self._counts(item):
            return
        key, name = (kind, item.metadata.uid), str(item.ref)
        before = self._marks.pop(key, None) if gone else self._marks.get(key)
        if gone:
            if kind != "Event":
                yield f"{kind} was deleted", name
            return
        after = mark(item)
        self._marks[key] = after
        if before is None:
            yield (f"Warning event {item.reason}" if isinstance(item, Event) else f"a new {kind} appeared"), name
        elif before != after:
            yield difference(item, before, after), name

    def _counts(self, item: Resource) -> bool:
        if isinstance(item, Event):
            return item.type == "Warning" and item.involved_object.namespace in self._namespaces
        if isinstance(item, Pod):
            finished = item.status.phase == "Succeeded"
            return item.metadata.namespace in self._namespaces and not finished
        return isinstance(item, Node) or item.metadata.namespace in self._namespaces


def mark(item: Resource) -> Mark:
    """What must not change while it is quiet (semantics 8)."""
    if isinstance(item, Pod):
        statuses = item.status.container_statuses or ()
        restarts = sum(s.restart_count for s in statuses)
        images = tuple(s.image_id for s in statuses)
        return ("restarts", restarts, "ready", is_true(item.status.conditions, "Ready"), "images", images)
    if isinstance(item, HelmRelease):
        history = item.status.history or ()
        version = history[0].version if history else 0
        return ("revision", version, "ready", is_true(item.status.conditions, "Ready"))
    if isinstance(item, Node):
        return ("ready", is_true(item.status.conditions, "Ready"), "cordoned", bool(item.spec.unschedulable))
    if isinstance(item, Event):
        return ("count", item.count or (item.series.count if item.series else 1))
    return ()


def difference(item: Resource, before: Mark, after: Mark) -> str:
    """The first thing that changed, in words."""
    old: Mapping[object, object] = dict(zip(before[::2], before[1::2], strict=True))
    new: Mapping[object, object] = dict(zip(after[::2], after[1::2], strict=True))
    for key, value in new.items():
        if old.get(key) != value:
            if isinstance(item, Event):
                return f"Warning event {item.reason} again"
            return f"{key} {old.get(key)} → {value}" if key != "images" else "an image changed"
    return "changed"
