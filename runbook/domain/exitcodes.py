"""What a container's exit code says by itself.

126 and 127 are the shell's: found and not executable, not found [POSIX, Shell Command Language 2.8.2]; runc says the same
of a container's own command. From 129 on the code is 128 and the number of the signal that ended it.
"""

from __future__ import annotations

import signal

COMMAND = (126, 127)
KILLED = (137, 143)  # from outside: what it said last is not why
_BY_SIGNAL = 128
_WORDS = {
    126: "its command was found and cannot be executed",
    127: "its command was not found",
    134: "SIGABRT: it gave up by itself, as an assertion does",
    137: "SIGKILL: killed from outside, for memory or because it did not end in time when a probe or somebody asked it to",
    139: "SIGSEGV: a fault in its own memory",
    143: "SIGTERM: asked from outside to end, as a probe or a deletion does",
}
_NAMES = {_BY_SIGNAL + one.value: one.name for one in signal.Signals if one.value < 32}


def name(code: int | None) -> str:
    """The signal that ended it, such as `SIGKILL`; empty when none did."""
    return _NAMES.get(code or 0, "")


def words(code: int | None) -> str:
    """`SIGSEGV: a fault in its own memory`; empty for a code that only its program could explain."""
    return _WORDS.get(code or 0, name(code))
