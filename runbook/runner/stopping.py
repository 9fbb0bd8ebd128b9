"""Ctrl-C, SIGTERM and the deadline become an interrupt of the kernel; a kernel that does not heed it is killed.

papermill dies of SIGTERM and leaves its kernel behind (papermill#508); here whatever stops a run is recorded by it. So a
signal is only noted when it comes, and acted upon where that is safe: no import, no file and no page is left half done.
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
SOON = 0.1  # seconds between two looks for a kernel that is not there yet
AGAIN = 0.5  # seconds between two interrupts: a kernel ignores those that come between two cells
Reason = Literal["", "interrupted", "terminated", "deadline"]
CODES: dict[Reason, int] = {"": 0, "interrupted": 130, "terminated": 143, "deadline": 124}
WORDS: dict[Reason, str] = {
    "": "",
    "interrupted": "stopped by Ctrl-C",
    "terminated": "stopped by SIGTERM",
    "deadline": "the deadline passed",
}


class Stopper:
    """Holds why a run must stop, and makes its kernel stop."""

    def __init__(self, *, grace: float = GRACE) -> None:
        self.reason: Reason = ""
        self._kernel: Callable[[], int | None] | None = None
        self._begun: Callable[[], bool] = lambda: True
        self._grace = grace
        self._timers: list[threading.Timer] = []

    @property
    def exit_code(self) -> int:
        """124 deadline, 130 Ctrl-C, 143 SIGTERM; 0 when nothing stopped it."""
        return CODES[self.reason]

    def stop(self, reason: Reason) -> None:
        """Interrupt the kernel now, and kill it when it does not heed. The second call kills at once."""
        again, self.reason = bool(self.reason), self.reason or reason
        self._send(signal.SIGKILL if again else signal.SIGINT)

    @contextmanager
    def watching(self, deadline: float | None) -> Iterator[None]:
        """Listen to signals (in the main thread) and to the clock for the length of a `with` block."""
        if deadline is not None:
            self._later(max(0.0, deadline), lambda: self.stop("deadline"))
        try:
            with _heard_by(lambda number: self.stop(_reason(number))):
                yield
        finally:
            self._cancel()

    @contextmanager
    def holding(self, kernel: Callable[[], int | None], begun: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Stop this kernel, when it is time. `kernel` gives its process id, or None yet. After the block only signals count.

        One that has not `begun` a cell holds nothing and is killed at once.
        """
        self._kernel, self._begun = kernel, begun
        if self.reason:  # it came between the last look at it and now
            self._send(signal.SIGINT)
        try:
            yield
        finally:
            self._kernel = None
            self._cancel()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _cancel(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _send(self, number: signal.Signals, spent: float = 0.0) -> None:
        """To the kernel, and to one that is being started as soon as it is there; again and again, and then for good."""
        if self._kernel is None:
            return
        pid = self._kernel()
        sent = number if self._begun() else signal.SIGKILL
        if pid is not None:
            try:
                os.kill(pid, sent)
            except ProcessLookupError:
                return  # it ended by itself, which is what was wanted
        if sent is not signal.SIGKILL or pid is None:
            wait = SOON if pid is None else min(AGAIN, self._grace)
            following = signal.SIGKILL if spent + wait >= self._grace else number
            self._later(wait, lambda: self._send(following, spent + wait))


@contextmanager
def undisturbed() -> Iterator[None]:
    """A block that signals wait for: sealing, say. Raises InterruptedRun after it when one came."""
    noted: list[Reason] = []
    with _heard_by(lambda number: noted.append(_reason(number))):
        yield
    if noted:
        raise stopped(noted[0])


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises InterruptedRun, as Ctrl-C raises KeyboardInterrupt, wherever nothing else listens for it."""

    def heard(number: int) -> None:
        raise stopped(_reason(number))

    with _heard_by(heard, signal.SIGTERM):
        yield


def stopped(reason: Reason) -> InterruptedRun:
    """Why it stopped, as the error that ends the process with the right code."""
    return InterruptedRun(WORDS[reason], exit_code=CODES[reason])


def _reason(number: int) -> Reason:
    return "terminated" if number == signal.SIGTERM else "interrupted"


@contextmanager
def _heard_by(act: Callable[[int], None], *numbers: signal.Signals) -> Iterator[None]:
    """Signals call `act`, in the main thread; in another nobody can listen."""

    def heard(number: int, _frame: FrameType | None) -> None:
        act(number)

    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in numbers or (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
