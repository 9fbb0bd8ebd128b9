"""Measured quiet: a watch over pods, releases, Warning events and nodes. Every disturbance restarts the clock, with a reason.

One look after fifteen minutes proves nothing (a crash loop at its five-minute back-off looks Running most of the time),
and neither does a watch that has gone silent: it is listed anew, and what cannot be read again is not quiet. Quiet that
is long enough is confirmed by one more list of everything: a scaled clock may outrun the time after which silence shows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from queue import Empty, Queue

from runbook.clients.kubernetes import KubeClient, Listing, WatchEvent
from runbook.domain.cluster import Event, Node
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Resource, condition, is_true
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
    note: Callable[[str], None] = lambda _note: None,
) -> SoakWindow:
    """Wait until `wanted_seconds` of quiet were measured, or until `patience` times that long was spent.

    Times are the cluster's (`now`); `note` hears what is to be said of how a list came about. Raises ObservationError when what is watched cannot be listed.
    """
    watch = _Quiet(client, inventory, note)
    began = quiet_since = now()
    resets: list[SoakReset] = []
    watch.start()
    try:
        while (passed := (now() - began).total_seconds()) < wanted_seconds * patience and not stop():
            heard = list(watch.disturbances())
            over = not heard and (now() - quiet_since).total_seconds() >= wanted_seconds
            if over:
                heard = list(watch.confirm())
            for reason, name in heard:
                quiet_since = now()
                resets.append(SoakReset(quiet_since, reason, name))
            quiet = (now() - quiet_since).total_seconds()
            if progress:
                progress("soak", int(min(quiet, wanted_seconds)), int(wanted_seconds))
            if (over and not heard) or passed < 0:
                break
            watch.wait(POLL)
    finally:
        watch.stop()
    ended = now()
    quiet = max(0.0, min((ended - quiet_since).total_seconds(), wanted_seconds))
    return SoakWindow(wanted_seconds, quiet, began, ended, tuple(resets), watch.samples)


class _Quiet:
    """Watches in threads of their own; what differs from the baseline is a disturbance."""

    def __init__(self, client: KubeClient, inventory: Inventory, note: Callable[[str], None]) -> None:
        self._client, self._note = client, note
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
            self._baseline(kind, self._told(listing))
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
        failed = ObservationError(f"watch of {kind}", "it ended before the soak did")
        try:
            for event in self._client.watch(kind, version, until=self._stopped.is_set, silence=10.0):
                self._queue.put((kind, event))
        except ObservationError as error:
            failed = error
        finally:  # whatever ended it: a watch that is no more must never look like quiet
            if not self._stopped.is_set():
                self._queue.put(failed)

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
                yield from self._compared(kind, self._told(event.relisted))
            elif event.unreadable is not None:
                # of the namespaces that are watched, of none (a node), or of one that cannot be read either
                if event.unreadable.ref.namespace in {*self._namespaces, ""}:
                    yield f"a {kind} cannot be read", f"{event.unreadable.ref}: {event.unreadable.why}"
            elif event.object is not None:
                yield from self._changed(kind, event.object, gone=event.type == "DELETED")

    def confirm(self) -> Iterable[tuple[str, str]]:
        """What a list of everything shows that no watch has told. Raises ObservationError when it cannot be listed."""
        for kind in WATCHED:
            yield from self._compared(kind, self._told(self._client.list(kind)))

    def _told(self, listing: Listing) -> tuple[Resource, ...]:
        for note in listing.notes:
            self._note(note)
        return listing.items

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
        key, name = (kind, item.metadata.uid), str(item.ref)
        if not self._counts(item):
            self._marks.pop(key, None)  # a pod that has finished is no longer one that could disturb
            return
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
        statuses = (*(item.status.init_container_statuses or ()), *(item.status.container_statuses or ()))
        ready = condition(item.status.conditions, "Ready")
        since = ready.last_transition_time if ready else None  # a flap between two looks leaves only this behind
        restarts = sum(s.restart_count for s in statuses)
        images = tuple(s.image_id for s in statuses)
        known = ("ready", is_true(item.status.conditions, "Ready"), "ready since", since)
        return ("restarts", restarts, *known, "images", images)
    if isinstance(item, HelmRelease):
        history = item.status.history or ()
        version = history[0].version if history else 0
        return ("revision", version, "ready", is_true(item.status.conditions, "Ready"))
    if isinstance(item, Node):
        pressures = [(c.type, c.status) for c in item.status.conditions or () if c.type != "Ready"]
        told = (part for pair in sorted(pressures) for part in pair)
        return ("ready", is_true(item.status.conditions, "Ready"), "cordoned", bool(item.spec.unschedulable), *told)
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
