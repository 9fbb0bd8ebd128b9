"""How files of a record come to disk: whole or not at all, private, and with the one clear error when they cannot."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from runbook.errors import EvidenceError, ParameterError, RunFolderError

FILE_MODE, FOLDER_MODE = 0o600, 0o700
_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}


def stamp(when: datetime) -> str:
    """`2025-10-17T11:15:58Z`, with microseconds only where there are some. Naive times are refused."""
    if when.tzinfo is None:
        raise ValueError("a time of a record must be aware")
    whole = when.astimezone(UTC)
    return whole.isoformat(timespec="microseconds" if whole.microsecond else "seconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The time a record's field says; raises ValueError."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return when.astimezone(UTC)


@contextmanager
def writing(path: Path, *, safe: str = "Everything recorded before it is safe.") -> Iterator[None]:
    """Turn an operating system's error while `path` is written into an EvidenceError that says what is safe."""
    try:
        yield
    except OSError as error:
        why = _FULL.get(error.errno or 0, error.strerror or type(error).__name__)
        raise EvidenceError(f"{path} could not be written: {why}", hint=safe) from error


def outputs_folder(path: Path) -> Path:
    """Make the archive's folder, private. One that cannot be written is a usage error: nothing was touched yet."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        handle, name = tempfile.mkstemp(dir=path, prefix=".writable.")
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        why = _FULL.get(error.errno or 0, error.strerror or type(error).__name__)
        raise ParameterError(
            f"{path} cannot be written: {why}", field="outputs", hint="Choose another folder; nothing was touched."
        ) from error
    return path


def private_folder(path: Path) -> Path:
    """Make a folder of mode 0700, with its parents. An existing one is left as it is."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    return path


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> Path:
    """Write by rename after fsync, so that a reader sees the old file or the new one and never a part.

    Without `sync` the caller syncs the folder, once for all the files it writes there: only then are their names on disk.
    """
    with writing(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(FILE_MODE)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        if sync:
            sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Make a rename or a new name in the folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_bytes(data: Any, *, indent: int | None = 2) -> bytes:
    """JSON for a record: sorted keys, UTF-8, no NaN, a newline at the end."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    line = text.encode("utf-8", errors="backslashreplace")
    return (_indented(line, indent) if indent else line) + b"\n"


def _indented(line: bytes, indent: int) -> bytes:
    """As json indents, which does it in Python and takes longer for that than the disk for a small file."""
    try:
        return msgspec.json.format(line, indent=indent)
    except msgspec.DecodeError:  # half a surrogate pair, which is JSON to Python alone
        text = json.dumps(json.loads(line), indent=indent, ensure_ascii=False)
        return text.encode("utf-8", errors="backslashreplace")


def read_object(path: Path, folder: Path) -> dict[str, Any]:
    """A JSON object of a run folder. Raises RunFolderError: missing, truncated or foreign."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        why = "there is no such folder" if not folder.is_dir() else f"it holds no {path.name}"
        raise RunFolderError(f"{folder} is not a run's record: {why}", hint="`runbook runs` lists the runs.") from None
    except OSError as error:
        raise RunFolderError(f"{path} could not be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RunFolderError(
            f"{path} is truncated or not JSON: {error}", hint="What else lies there is safe."
        ) from error
    if not isinstance(data, dict):
        raise RunFolderError(f"{path} is foreign: not a JSON object", hint="`runbook runs` lists the runs.")
    return data


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes while one of its files is read, changed and written back."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
