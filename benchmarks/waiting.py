"""Waiting for releases that turn ready one after another: requests, and how long after its sending a change is noticed.

Ours is the waiting of `30-reconcile` itself (`acting.awaiting.answers`), in this process. Beside it `kubectl wait`, which
asks about one release after another, and `kubectl get` every two seconds. The server is a process of its own; it writes down
when it sends what, by the clock that all processes of a machine share.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.changing import FAULTS
from benchmarks.clusters import static_kubeconfig
from benchmarks.environment import tool
from benchmarks.releases import REQUEST
from runbook.acting.awaiting import SILENCE, Request, answers
from runbook.clients.kubernetes import connect
from runbook.model import ObjectRef

KIND = "helmreleases.helm.toolkit.fluxcd.io"
GAP = 0.005  # seconds between two changes on average: a thousand releases in five seconds
POLL = 2.0  # seconds between two looks of whom polls
LIMIT = 300.0
PATIENCE = 1.0  # seconds without a byte, when faults are tried: ours waits ten
_WORDS = {"True": "ready", "False": "failed"}


@dataclass
class Known:
    """What a way told: when each release came to its end, in their order or by name; and how, where it says so."""

    times: list[float] = field(default_factory=list)
    by_name: dict[str, float] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


Way = Callable[[str, int], Known]


@dataclass(frozen=True, slots=True)
class Waited:
    """One round: requests for releases (lists, watches, single reads), and seconds each change took to be noticed."""

    requests: int
    late: tuple[float, ...]

    @property
    def p95(self) -> float:
        """Seconds within which 95 of 100 changes were noticed."""
        return sorted(self.late)[max(0, round(len(self.late) * 0.95) - 1)]


def measure(folder: Path, count: int, rounds: int) -> dict[str, list[Waited]]:
    """Every way in turn, those of kubectl when it is found. `kubectl wait` has a tenth to do: it takes 0.2 s for one."""
    ways: dict[str, tuple[Way, int]] = {f"ours, {count}": (ours, count)}
    if kubectl := tool("kubectl"):
        ways[f"kubectl get every 2 s, {count}"] = (lambda config, count: _polled(kubectl, config, count), count)
        ways[f"kubectl wait, {count // 10}"] = (lambda config, _count: _kubectl_wait(kubectl, config), count // 10)
    found: dict[str, list[Waited]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (way, number) in ways.items():
            found[name].append(_round(folder, way, number))
    return found


def faults(folder: Path, count: int) -> dict[str, Waited]:
    """Each fault up to three times within one wait, while some releases fail and some look ready before they are."""
    return {f: _round(folder, lambda config, n: ours(config, n, PATIENCE), count, fault=f) for f in FAULTS}


def _round(folder: Path, way: Way, count: int, *, fault: str = "") -> Waited:
    """Raises SystemExit when a change was not noticed, was noticed before it came, or was taken for another."""
    with _served(count, fault) as address:
        known = way(str(static_kubeconfig(folder, address)), count)
        with urllib.request.urlopen(f"{address}/facts") as response:  # noqa: S310 - our own server
            facts = json.load(response)
    times = known.by_name or dict(zip(facts["sent"], known.times, strict=True))
    late = tuple(times[name] - at for name, at in facts["sent"].items())
    if len(late) != count or min(late) < 0:
        raise SystemExit(
            f"{fault or 'no fault'}: {len(late)} of {count} changes were noticed, the first {min(late)} s late"
        )
    if known.words and known.words != {name: _WORDS[ready] for name, ready in facts["ends"].items()}:
        raise SystemExit(f"{fault or 'no fault'}: a release was taken for what it was not")
    return Waited(sum(facts["asked"].get(verb, 0) for verb in ("list", "watch", "get")), late)


@contextmanager
def _served(count: int, fault: str) -> Iterator[str]:
    argv = [sys.executable, "-m", "benchmarks.changing", str(count), "--gap", str(GAP), "--fault", fault]
    argv += ["--traps"] if fault else []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.kill()


def ours(config: str, count: int, silence: float = SILENCE) -> Known:
    """The product's own waiting: what it tells of its progress is when it knew."""
    refs = [ObjectRef("HelmRelease", f"team-{n % 20}", f"app-{n:04}") for n in range(count)]
    wanted = {ref: Request(ref, f"uid-{n}", REQUEST) for n, ref in enumerate(refs)}
    client, known = connect(kubeconfig=config), Known()

    def progress(done: int, _total: int, _what: str) -> None:
        known.times += [time.monotonic()] * (done - len(known.times))

    try:
        found = answers(client, wanted, limit=LIMIT, now=lambda: datetime.now(UTC), progress=progress, silence=silence)
    finally:
        client.close()
    known.words = {ref.name: answer.word for ref, answer in found.items()}
    return known


def _kubectl_wait(kubectl: str, config: str) -> Known:
    """It prints a line for each release that it knows to be ready."""
    argv = [kubectl, "--kubeconfig", config, "wait", "--for=condition=Ready", KIND, "--all", "-A"]
    known = Known()
    with subprocess.Popen([*argv, f"--timeout={LIMIT:.0f}s"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ends = threading.Timer(LIMIT, process.kill)  # its own timeout does not count while it waits for a first list
        ends.start()
        for line in process.stdout:
            known.by_name[line.split()[0].rpartition("/")[2]] = time.monotonic()
        ends.cancel()
    if process.returncode:
        raise SystemExit(f"kubectl wait ended with {process.returncode}")
    return known


def _polled(kubectl: str, config: str, count: int) -> Known:
    """What scripts do: ask for all, look, sleep."""
    known, ends = Known(), time.monotonic() + LIMIT
    while len(known.by_name) < count and time.monotonic() < ends:
        argv = [kubectl, "--kubeconfig", config, "get", KIND, "-A", "-o", "json"]
        items = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)["items"]
        now = time.monotonic()
        for item in items:
            if item["status"]["conditions"][0]["status"] == "True":
                known.by_name.setdefault(item["metadata"]["name"], now)
        if len(known.by_name) < count:
            time.sleep(POLL)
    return known
