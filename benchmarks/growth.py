"""What a cluster ten and fifty times as large costs: seconds and memory of a list of pods, and of a snapshot's causes."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import largecluster, staticserver
from benchmarks.clusters import static_kubeconfig
from benchmarks.measure import Sample, interleaved, median
from benchmarks.snapshot import ASKED, OURS

_LIST = """
from runbook.clients.kubernetes import connect
from runbook.domain.podstatus import troubles
pods = connect(kubeconfig={kubeconfig!r}).list("Pod").items
print(len(pods), sum(bool(troubles(p)) for p in pods))
"""
_CONNECTED = "from runbook.clients.kubernetes import connect\nconnect(kubeconfig={kubeconfig!r})"
_CAUSES = "from runbook.diagnosis import built_in, explain\nbuilt_in()"


@dataclass(frozen=True, slots=True)
class Size:
    """Seconds and MB beyond those of a process that imports the same and reads the kubeconfig, at so many pods."""

    pods: int
    list_seconds: float
    list_mb: float
    causes_seconds: float
    causes_mb: float


def measure(folder: Path, sizes: Sequence[int], rounds: int) -> list[Size]:
    """Each size on a server of its own."""
    return [_at(folder, pods, rounds) for pods in sizes]


def slope(low: Size, high: Size, what: str) -> float:
    """What a pod more costs in the larger cluster ÷ in the smaller one: 1 is linear, less is better than that."""
    return float(getattr(high, what)) / high.pods / (float(getattr(low, what)) / low.pods)


def _at(folder: Path, pods: int, rounds: int) -> Size:
    with staticserver.serving(largecluster.objects(pods)) as address:
        kubeconfig = str(static_kubeconfig(folder, address))
        samples = interleaved(
            {
                "connected": [sys.executable, "-c", _CONNECTED.format(kubeconfig=kubeconfig)],
                "with causes": [sys.executable, "-c", f"{_CONNECTED}\n{_CAUSES}".format(kubeconfig=kubeconfig)],
                "list": [sys.executable, "-c", _LIST.format(kubeconfig=kubeconfig)],
                "causes": [sys.executable, "-c", OURS.format(kubeconfig=kubeconfig, kinds=ASKED)],
            },
            rounds=rounds,
        )
    failed = [name for name, found in samples.items() if any(s.exit_code for s in found)]
    if failed:
        raise SystemExit(f"did not end well: {', '.join(failed)}")
    bases = (("list", "connected"), ("causes", "with causes"))
    more = [figure(samples[what]) - figure(samples[base]) for what, base in bases for figure in (median, _peak)]
    return Size(pods, *more)


def _peak(samples: Sequence[Sample]) -> float:
    return statistics.median(s.peak_mb for s in samples)
