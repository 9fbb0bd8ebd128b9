"""Ctrl-C, SIGTERM and the deadline become an interrupt of the kernel; a kernel that does not heed it is killed.

papermill dies of SIGTERM and leaves its kernel behind (papermill#508); here whatever stops a run is recorded by it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Literal

from runbook.errors import InterruptedRun

GRACE = 10.0  # seconds a kernel has to come back from an interrupt
Reason = Literal["", "interrupted", "terminated", "deadline"]


class Stopper:
    """Holds why a run must stop, and makes its kernel stop. `kernel` gives the kernel's process id, or None yet."""

    def __init__(self, kernel: Callable[[], int | None], *, grace: float = GRACE) -> None:
        self.reason: Reason = ""
        self._kernel = kernel
        self._grace = grace
        self._timers: list[threading.Timer] = []

    @property
    def exit_code(self) -> int:
        """124 deadline, 130 Ctrl-C, 143 SIGTERM; 0 when nothing stopped it."""
        return {"": 0, "interrupted": 130, "terminated": 143, "deadline": 124}[self.reason]

    def stop(self, reason: Reason) -> None:
        """Interrupt the kernel now, and kill it when it does not heed. The second call kills at once."""
        again, self.reason = bool(self.reason), self.reason or reason
        self._signal(signal.SIGKILL if again else signal.SIGINT)
        if not again:
            self._later(self._grace, lambda: self._signal(signal.SIGKILL))

    @contextmanager
    def watching(self, deadline: float | None) -> Iterator[None]:
        """Listen to signals (in the main thread) and to the clock for the length of a `with` block."""
        if deadline is not None:
            self._later(max(0.0, deadline), lambda: self.stop("deadline"))
        listens = threading.current_thread() is threading.main_thread()
        before: dict[signal.Signals, Any] = {}
        if listens:
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, self._heard)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for timer in self._timers:
                timer.cancel()

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        first = not self.reason
        self.stop("terminated" if number == signal.SIGTERM else "interrupted")
        if first and self._kernel() is None:
            raise InterruptedRun("stopped before the kernel was there", exit_code=self.exit_code)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _signal(self, number: signal.Signals) -> None:
        pid = self._kernel()
        if pid is None:
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return  # it ended by itself, which is what was wanted
