"""The last gate in processes of its own, so that large evidence is searched on all cores while its page is made.

Each is told the files and the known secrets on its input, never by its arguments, which everybody on the machine can read.
Whatever becomes of one, its files are searched: when it does not answer, by whoever asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from runbook.evidence.leakgate import Leak, leak_gate, searchable

LARGE = 2_000_000  # bytes from which on a process costs less than it saves
PACKED = 30  # times as many bytes as gzip leaves of objects, roughly
MOST = 4  # processes, also on a machine that has a hundred cores and other work for them
Answer = Callable[[], tuple[Leak, ...]]


def search(paths: Iterable[Path], *, known: Iterable[str] = ()) -> Answer:
    """Begin to search; what is given back waits for the leaks. Raises EvidenceError there for a file that cannot be read."""
    files, secrets = list(searchable(paths)), list(known)
    begun = [(share, _begun(share, secrets)) for share in shares(files)]

    def answer() -> tuple[Leak, ...]:
        if not begun:
            return leak_gate(files, known=secrets)
        answers = [(share, _answered(process)) for share, process in begun]  # all have ended before one may raise
        found = [leak_gate(share, known=secrets) if leaks is None else leaks for share, leaks in answers]
        return tuple(sorted((leak for leaks in found for leak in leaks), key=lambda leak: files.index(leak.path)))

    return answer


def shares(files: Sequence[Path]) -> list[list[Path]]:
    """The files in one share of about the same work for each process that is worth starting; none for small evidence."""
    work = {file: file.stat().st_size * (PACKED if file.suffix == ".gz" else 1) for file in files}
    number = min(MOST, os.cpu_count() or 1, sum(work.values()) // LARGE)
    found: list[list[Path]] = [[] for _ in range(number)]
    for file in sorted(files, key=lambda f: work[f], reverse=True) if found else ():
        min(found, key=lambda share: sum(work[f] for f in share)).append(file)
    return found


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


def _answered(process: subprocess.Popen[str] | None) -> tuple[Leak, ...] | None:
    """Its leaks; None when it did not come to its end, or never began."""
    if process is None:
        return None
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
