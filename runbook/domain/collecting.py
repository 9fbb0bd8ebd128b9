"""The cyclic collector is held back while much is made that stays: the objects of a list, the walks of an explanation.

None of it holds cycles, and walking it again and again, because more of it is being made, costs half to all of the making.
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
