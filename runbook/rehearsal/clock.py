"""The cluster's one clock: scaled, and unable to jump. It advances by small steps and stands still while work is left.

A step never exceeds what a tick is meant to take, and none is taken while a controller has something due or a node
really pulls an image: that takes real time, which at ×300 would be minutes. So a busy machine makes the night slower,
never different: a timeout of five minutes gives everything else its five minutes at ×10 and at ×300 alike.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

TICK = 0.02  # real seconds
HEAD_START = timedelta(hours=6)


class ScaledClock:
    """Cluster time. `scale` is how many of its seconds pass in a real one."""

    def __init__(self, scale: float, *, start: datetime | None = None) -> None:
        self._scale = scale
        self._epoch = start or datetime.now(UTC) - HEAD_START
        self._elapsed = 0.0
        self._waiters: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._standing = 0
        self._at_work: list[Callable[[], bool]] = []

    @property
    def scale(self) -> float:
        """Cluster seconds per real second."""
        return self._scale

    @property
    def elapsed(self) -> float:
        """Cluster seconds since the start."""
        return self._elapsed

    def now(self) -> datetime:
        """Cluster time, aware UTC."""
        return self._epoch + timedelta(seconds=self._elapsed)

    async def run(self) -> None:
        """Tick until cancelled."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            if not any(at_work() for at_work in self._at_work):
                self.advance(min(now - last, 1.5 * TICK) * self._scale)
            last = now

    def watch(self, at_work: Callable[[], bool]) -> None:
        """Let no tick pass while this tells that something is still to be done at the time that it is."""
        self._at_work.append(at_work)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Let no time pass meanwhile: for what takes real time and would take none, or other, in the cluster's."""
        self._standing += 1
        try:
            yield
        finally:
            self._standing -= 1

    def advance(self, seconds: float) -> None:
        """Let cluster time pass and wake whoever waited for it; nothing happens while it is `standing`."""
        if self._standing:
            return
        self._elapsed += seconds
        while self._waiters and self._waiters[0][0] <= self._elapsed:
            future = heapq.heappop(self._waiters)[2]
            if not future.done():
                future.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Wait this many cluster seconds."""
        await self.sleep_until(self._elapsed + max(0.0, seconds))

    async def sleep_until(self, elapsed: float) -> None:
        """Wait until `elapsed` reaches a value."""
        if elapsed <= self._elapsed:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (elapsed, next(self._order), future))
        await future
