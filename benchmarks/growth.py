"""What a cluster ten and fifty times as large costs: seconds and memory of a list of pods, and of a snapshot's causes.

Whole processes, all sizes in turn within each round, less what a process takes that imports the same and asks for nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import largecluster, staticserver
from benchmarks.clusters import static_kubeconfig
from benchmarks.measure import Sample, ended_well, interleaved, median, peak
from benchmarks.prepared import prepare
from benchmarks.snapshot import ASKED, OURS

_LIST = """
from runbook.clients.kubernetes import connect
from runbook.domain.podstatus import troubles
pods = connect(kubeconfig={kubeconfig!r}).list("Pod").items
assert (len(pods), sum(bool(troubles(p)) for p in pods)) == {wanted}, "not all of them"
"""
_CONNECTED = "from runbook.clients.kubernetes import connect\nconnect(kubeconfig={kubeconfig!r})"
_CAUSES = "from runbook.diagnosis import built_in, explain\nbuilt_in()"
_CONTROLLERS = 4  # Flux's own pods, in every cluster


@dataclass(frozen=True, slots=True)
class Size:
    """Seconds and MB beyond those of a process that imports the same and reads the kubeconfig, at so many pods."""

    pods: int
    list_seconds: float
    list_mb: float
    causes_seconds: float
    causes_mb: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Each size, and all samples by size and way."""

    sizes: list[Size]
    samples: dict[str, list[Sample]]


def measure(folder: Path, sizes: Sequence[int], rounds: int) -> Measured:
    """Each size on a server of its own, all of them in turn."""
    with ExitStack() as stack:
        commands: dict[str, list[str]] = {}
        for pods in sizes:
            commands |= _commands(stack, folder, pods)
        samples = interleaved(commands, rounds=rounds)
    ended_well(samples)
    return Measured([_size(pods, samples) for pods in sizes], samples)


def slope(low: Size, high: Size, what: str) -> float:
    """What a pod more costs in the larger cluster ÷ in the smaller one: 1 is linear, less is better than that."""
    return float(getattr(high, what)) / high.pods / (float(getattr(low, what)) / low.pods)


def _commands(stack: ExitStack, folder: Path, pods: int) -> dict[str, list[str]]:
    objects = list(largecluster.objects(pods))
    count = sum(o["kind"] in ASKED for o in objects)
    address = stack.enter_context(staticserver.answering(prepare(objects)))
    place = folder / str(pods)
    place.mkdir()
    kubeconfig = str(static_kubeconfig(place, address))
    wanted = (pods + _CONTROLLERS, largecluster.unhealthy(pods))
    codes = {
        "connected": _CONNECTED.format(kubeconfig=kubeconfig),
        "with causes": f"{_CONNECTED}\n{_CAUSES}".format(kubeconfig=kubeconfig),
        "list": _LIST.format(kubeconfig=kubeconfig, wanted=wanted),
        "causes": OURS.format(kubeconfig=kubeconfig, kinds=ASKED, count=count),
    }
    return {_named(pods, way): [sys.executable, "-c", code] for way, code in codes.items()}


def _named(pods: int, way: str) -> str:
    return f"{pods} pods: {way}"


def _size(pods: int, samples: Mapping[str, Sequence[Sample]]) -> Size:
    more = [
        figure(samples[_named(pods, what)]) - figure(samples[_named(pods, base)])
        for what, base in (("list", "connected"), ("causes", "with causes"))
        for figure in (median, peak)
    ]
    return Size(pods, *more)
