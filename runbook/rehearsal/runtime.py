"""How controllers run: the store's changes mark keys as due, each controller reconciles its due keys one after another.

A reconcile returns after how many cluster seconds it wants to look again, or None. As in controller-runtime, a key that
is marked while it is being reconciled is reconciled once more, and a conflict is simply tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.clock import ScaledClock
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Event, Store

Key = tuple[str, str]
Reconcile = Callable[[Object], Awaitable[float | None]]
Related = Callable[[Kind, Event], Iterable[Key]]
_log = logging.getLogger(__name__)
RETRY_SECONDS = 5.0


def key_of(obj: Object) -> Key:
    """Namespace (empty for cluster scope) and name."""
    return (obj["metadata"].get("namespace") or "", obj["metadata"]["name"])


class Controller:
    """Reconciles the objects of one kind. `related` names further keys to look at when another object changes."""

    def __init__(
        self, store: Store, clock: ScaledClock, kind: Kind, reconcile: Reconcile, related: Related | None = None
    ) -> None:
        self._store, self._clock, self.kind = store, clock, kind
        self._reconcile, self._related = reconcile, related
        self._due: dict[Key, float] = {}
        self._wake = asyncio.Event()

    def enqueue(self, key: Key, after: float = 0.0) -> None:
        """Look at a key after so many cluster seconds, or earlier if that was asked before."""
        when = self._clock.elapsed + after
        if self._due.get(key, when + 1) > when:
            self._due[key] = when
            self._wake.set()

    def see(self, kind: Kind, event: Event) -> None:
        """A change anywhere: the object itself, its controlling owner, and what `related` says."""
        if kind.gr == self.kind.gr and event.type != "DELETED":
            self.enqueue(key_of(event.obj))
        for owner in event.obj["metadata"].get("ownerReferences") or ():
            if owner["kind"] == self.kind.kind and owner.get("controller"):
                self.enqueue((event.obj["metadata"].get("namespace") or "", owner["name"]))
        for key in self._related(kind, event) if self._related else ():
            self.enqueue(key)

    def due(self) -> bool:
        """Whether a key is to be looked at now."""
        return any(when <= self._clock.elapsed for when in self._due.values())

    async def run(self) -> None:
        """Work until cancelled."""
        for obj in self._store.list(self.kind):
            self.enqueue(key_of(obj))
        while True:
            key = await self._next()
            found = self._store.find(self.kind, *key)
            if found is None:
                continue
            after = await self._attempt(found)
            if after is not None:
                self.enqueue(key, after)

    async def _next(self) -> Key:
        while True:
            first = min(self._due.items(), key=lambda item: item[1], default=None)
            if first is not None and first[1] <= self._clock.elapsed:
                del self._due[first[0]]
                return first[0]
            self._wake.clear()
            waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._wake.wait())]
            if first is not None:
                waits.append(asyncio.ensure_future(self._clock.sleep_until(first[1])))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def _attempt(self, obj: Object) -> float | None:
        try:
            return await self._reconcile(obj)
        except ApiError as error:
            if error.code != 409:
                _log.warning("%s %s: %s", self.kind.kind, key_of(obj), error)
            return 0.5 if error.code == 409 else RETRY_SECONDS
        except (KeyError, TypeError, ValueError, AttributeError, OSError):
            _log.exception("%s %s", self.kind.kind, key_of(obj))
            return RETRY_SECONDS


class Controllers:
    """All controllers of a cluster, fed from one subscription."""

    def __init__(self, store: Store, clock: ScaledClock) -> None:
        self.store, self.clock = store, clock
        self._controllers: list[Controller] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, kind: Kind, reconcile: Reconcile, related: Related | None = None) -> Controller:
        """Register one."""
        controller = Controller(self.store, self.clock, kind, reconcile, related)
        self._controllers.append(controller)
        return controller

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the reconciling, such as a Helm action; it ends with the cluster."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a controller's task failed", exc_info=task.exception())

    async def run(self) -> None:
        """Work until cancelled; then end everything that was started."""
        changes = self.store.subscribe(None)
        self.clock.watch(lambda: not changes.empty() or any(c.due() for c in self._controllers))
        for controller in self._controllers:
            self.spawn(controller.run())
        try:
            while True:
                kind, event = await changes.get()
                for controller in self._controllers:
                    controller.see(kind, event)
        finally:
            self.store.unsubscribe(changes)
            for task in tuple(self._tasks):
                task.cancel()
