"""The last gate in a process of its own, so that large evidence is searched on one core while its page is made on another.

It is told the files and the known secrets on its input, never by its arguments, which everybody on the machine can read.
Whatever becomes of it, the files are searched: when it does not answer, by whoever asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from runbook.evidence.leakgate import Leak, leak_gate, searchable

LARGE = 2_000_000  # bytes from which on a process costs less than it saves
Answer = Callable[[], tuple[Leak, ...]]


def search(paths: Iterable[Path], *, known: Iterable[str] = ()) -> Answer:
    """Begin to search; what is given back waits for the leaks. Raises EvidenceError there for a file that cannot be read."""
    files, secrets = list(searchable(paths)), list(known)
    process = _begun(files, secrets) if sum(f.stat().st_size for f in files) >= LARGE else None

    def answer() -> tuple[Leak, ...]:
        leaks = _answered(process) if process is not None else None
        return leak_gate(files, known=secrets) if leaks is None else leaks

    return answer


def _begun(files: list[Path], known: list[str]) -> subprocess.Popen[str] | None:
    argv = [sys.executable, "-P", "-m", __name__]  # -P: no module of the folder we happen to stand in
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
    except OSError:
        return None
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            json.dump({"files": [str(f) for f in files], "known": known}, pipe)
    except BrokenPipeError:
        pass  # it ended: that is seen when it is asked
    process.stdin = None
    return process


def _answered(process: subprocess.Popen[str]) -> tuple[Leak, ...] | None:
    """Its leaks; None when it did not come to its end."""
    said, _ = process.communicate()
    if process.returncode:
        return None
    return tuple(Leak(Path(path), kind, line, encoded) for path, kind, line, encoded in json.loads(said))


def main() -> None:
    """Search what standard input names, and print the leaks: kinds and places, never values."""
    asked = json.load(sys.stdin)
    leaks = leak_gate(map(Path, asked["files"]), known=asked["known"])
    json.dump([(str(leak.path), leak.kind, leak.line, leak.encoded) for leak in leaks], sys.stdout)


if __name__ == "__main__":
    main()
