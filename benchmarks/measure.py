"""Whole processes measured from outside: wall time and peak memory, interleaved, as medians."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One process: seconds of wall time, peak resident memory of it and its children in MB, exit code."""

    seconds: float
    peak_mb: float
    exit_code: int


def run(argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Sample:
    """Run one command to its end; its output is thrown away."""
    began = time.perf_counter()
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    )
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], sum(_resident(pid) for pid in _family(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    took = time.perf_counter() - began
    done.set()
    watcher.join()
    return Sample(took, peak[0] / 1e6, code)


def interleaved(commands: Mapping[str, Sequence[str]], *, rounds: int) -> dict[str, list[Sample]]:
    """Each command `rounds` times, taking turns, so that a busy moment of the machine hits all of them alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, argv in commands.items():
            samples[name].append(run(argv))
    return samples


def median(samples: Sequence[Sample]) -> float:
    """Median of the seconds."""
    return statistics.median(s.seconds for s in samples)


def peak(samples: Sequence[Sample]) -> float:
    """Median of the peak memory, in MB."""
    return statistics.median(s.peak_mb for s in samples)


def ended_well(samples: Mapping[str, Sequence[Sample]]) -> None:
    """Raises RuntimeError naming the ways of which a process ended with another code than 0."""
    if failed := [name for name, found in samples.items() if any(s.exit_code for s in found)]:
        raise RuntimeError(f"did not end well: {', '.join(failed)}")


def python(code: str) -> list[str]:
    """A command that runs a snippet in a fresh interpreter."""
    return [sys.executable, "-c", code]


def _family(pid: int) -> list[int]:
    found, queue = [], [pid]
    while queue:
        found.append(current := queue.pop())
        try:
            tasks = list(Path(f"/proc/{current}/task").glob("*/children"))
        except OSError:
            continue  # the process ended while we looked
        for task in tasks:
            try:
                queue += [int(child) for child in task.read_text().split()]
            except OSError:
                continue  # the thread ended while we looked
    return found


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0  # the process ended while we looked
    return pages * os.sysconf("SC_PAGE_SIZE")
