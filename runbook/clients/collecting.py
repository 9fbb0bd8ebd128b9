"""The cyclic collector is held back while a list is read: what comes of it holds no cycles, and is alive to stay.

Walking fifty thousand pods again and again, because the next ones are being made, cost half as much as making them.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TURN = threading.Lock()
_holding = 0  # threads that hold it back at the moment
_is_ours = False  # whether it was on before the first of them


@contextmanager
def held_back() -> Iterator[None]:
    """No collection for the length of a `with` block, in any thread; one that was off before stays off."""
    global _holding, _is_ours  # noqa: PLW0603  # the collector is the process's, and so is who holds it back
    with _TURN:
        if not _holding:
            _is_ours = gc.isenabled()
            gc.disable()
        _holding += 1
    try:
        yield
    finally:
        with _TURN:
            _holding -= 1
            if not _holding and _is_ours:
                gc.enable()
