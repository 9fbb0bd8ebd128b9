"""The journal: one JSON line for each thing begun, done, failed or interrupted, on disk before the act begins."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from runbook.errors import EvidenceError
from runbook.evidence.files import FILE_MODE, moment, stamp, writing

SCHEMA = "runbook/journal-line/v1"
Event = Literal["opened", "intended", "done", "failed", "interrupted", "noted", "recorded"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: its number, when it was written, what kind of event, of what, and the figures that go with it.

    `offset` is the byte at which the line begins, for a line that this process has written; -1 for one read back.
    """

    n: int
    at: datetime
    event: str
    what: str
    facts: dict[str, Any] = field(default_factory=dict)
    offset: int = -1


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A journal as found: its whole lines, and the numbers of lines that a crash cut."""

    entries: tuple[Entry, ...]
    cut: tuple[int, ...] = ()
    open_end: bool = False

    @property
    def under_way(self) -> tuple[Entry, ...]:
        """What was intended and has no end in the journal: not done, done or unknown, never assumed."""
        open_: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.event == "intended":
                open_[entry.what] = entry
            elif entry.event in ("done", "failed", "interrupted"):
                open_.pop(entry.what, None)
        return tuple(open_.values())


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Journal:
    """Append-only. `append` returns after fsync: what it says is on disk before the caller goes on. Threads may share it.

    A line that a crash cut is closed with a newline before the next one is written, so that it stays one bad line.
    """

    def __init__(self, path: Path, *, now: Callable[[], datetime] = _utc_now) -> None:
        self.path = path
        self._now = now
        self._known = _End(0, 0, False)
        self._turn = threading.Lock()

    def append(self, event: Event, what: str, **facts: Any) -> Entry:
        """Write one line and wait until it is on disk. Raises EvidenceError, saying how far the journal is safe."""
        with self._turn:
            entry, handle = self._write(event, what, facts)
        with writing(self.path, safe=_safe(entry.n - 1)), os.fdopen(handle, "ab"):
            os.fsync(handle)  # outside the turn: a file system commits what several ask for at once in one go
        return entry

    def _write(self, event: Event, what: str, facts: dict[str, Any]) -> tuple[Entry, int]:
        known = self._end()
        begin = known.size + known.open_end
        entry = Entry(known.n + 1, self._now(), event, what, facts, begin)
        line = {"schema": SCHEMA, "n": entry.n, "at": stamp(entry.at), "event": event, "what": what}
        text = json.dumps({**line, **({"facts": facts} if facts else {})}, ensure_ascii=False, allow_nan=False) + "\n"
        whole = (b"\n" if known.open_end else b"") + text.encode("utf-8", errors="backslashreplace")
        with writing(self.path, safe=_safe(known.n)):
            handle = _append(self.path, whole)
        self._known = _End(known.size + len(whole), entry.n, False)
        return entry, handle

    def _end(self) -> _End:
        """Where the journal ends: as this object left it, or read anew when another process has written since."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size == self._known.size:
            return self._known
        found = read_journal(self.path)
        return _End(size, found.entries[-1].n if found.entries else 0, found.open_end)


@dataclass(frozen=True, slots=True)
class _End:
    """A journal's length in bytes, the number of its last whole line, and whether a cut line follows it."""

    size: int
    n: int
    open_end: bool


def _safe(lines: int) -> str:
    return f"Its {lines} line(s) are safe; what this line announces was not begun."


def _append(path: Path, data: bytes) -> int:
    """Write all of it; gives the open file, which the caller syncs and closes."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE)
    try:
        while data:
            data = data[os.write(handle, data) :]
    except BaseException:
        os.close(handle)
        raise
    return handle


def read_journal(path: Path) -> ReadBack:
    """Read a journal back. Lines that a crash cut are told by their number, not raised. Raises EvidenceError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ReadBack(())
    except OSError as error:
        raise EvidenceError(f"{path} could not be read: {error.strerror}") from error
    lines = data.split(b"\n")
    read = [_entry(line) for line in lines]
    cut = tuple(n for n, (line, entry) in enumerate(zip(lines, read, strict=True), 1) if line and entry is None)
    return ReadBack(tuple(e for e in read if e is not None), cut, bool(lines[-1]))


def _entry(line: bytes) -> Entry | None:
    try:
        data = json.loads(line)
        return Entry(int(data["n"]), moment(data["at"]), str(data["event"]), str(data["what"]), data.get("facts", {}))
    except (ValueError, KeyError, TypeError):
        return None
