"""Listing and classifying all pods of a large cluster: `runbook.clients` against what people use, from two servers.

Whole processes, their peak memory among it. The static server sends the same prepared answers to all of them, so that what
is measured is what each makes of them: pages of pods, or of a Table with their metadata, which is what `kubectl get pods` asks
for. A second one packs large answers as a real API server does; the `kubernetes` client does not ask for that. The embedded
cluster makes its pages itself, never packed, and its share is in every time. What each way counts is checked before.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import embedded, largecluster, staticserver
from benchmarks.clusters import static_kubeconfig
from benchmarks.environment import tool
from benchmarks.measure import Sample, ended_well, interleaved
from benchmarks.prepared import prepare

OURS, SERVED, CLIENT, NOTHING = "runbook", "runbook, as served", "kubernetes client", "nothing"
GET, JSON, RAW = "kubectl get pods", "kubectl get -o json", "kubectl get --raw"
GZIP = ", gzip"  # after a way's name: from a server that packs
_OURS = """
from runbook.clients.kubernetes import connect
from runbook.domain.podstatus import troubles
client = connect(kubeconfig={kubeconfig!r})
pods = client.list("Pod"{more}).items
print(len(pods), sum(bool(troubles(p)) for p in pods))
"""
_TYPED = """
from kubernetes import client, config
config.load_kube_config({kubeconfig!r})
api, pods, token = client.CoreV1Api(), [], None
while token != "":
    page = api.list_pod_for_all_namespaces(limit=500, _continue=token)
    pods, token = pods + page.items, page.metadata._continue or ""
waiting = lambda p: any(s.state.waiting for s in p.status.container_statuses or [])
print(len(pods), sum(map(waiting, pods)))
"""
Counts = tuple[int, int]  # pods, and those of them that are not well


@dataclass(frozen=True)
class Way:
    """A command, and how many pods and unhealthy ones its output shows."""

    argv: list[str]
    counted: Callable[[str], Counts]


@dataclass(frozen=True)
class Measured:
    """Samples by way, the size of a pod in kB and the share of managedFields in it, and which ways could not be tried here."""

    samples: dict[str, list[Sample]]
    kilobytes: float
    managed: float
    missing: tuple[str, ...]


def measure(folder: Path, pods: int, rounds: int) -> Measured:
    """Every way in turn, from servers that have all answers ready, one of which packs them."""
    objects = list(largecluster.pods_alone(pods))
    answers = prepare(objects, tables=("Pod",))
    with ExitStack() as stack:
        ways: dict[str, Way] = {}
        for name, served in (("", answers), (GZIP, answers.with_gzip())):
            address = stack.enter_context(staticserver.answering(served))
            place = folder / f"static{name.replace(', ', '-')}"
            place.mkdir()
            ways |= {f"{way}{name}": how for way, how in _ways(str(static_kubeconfig(place, address))).items()}
        for way in (CLIENT, NOTHING, SERVED):
            ways.pop(way + GZIP)
        return _measured(ways, pods, rounds, objects)


def measure_embedded(folder: Path, pods: int, rounds: int) -> Measured:
    """Every way in turn, over TLS from the embedded cluster, which makes every page anew."""
    with embedded.large(folder, pods) as cluster:
        return _measured(_ways(str(cluster.kubeconfig)), pods, rounds, list(largecluster.pods_alone(100)))


def _ways(kubeconfig: str) -> dict[str, Way]:
    """Those of kubectl where it is found."""
    python = [sys.executable, "-c"]
    ways = {
        OURS: Way([*python, _OURS.format(kubeconfig=kubeconfig, more="")], _said),
        SERVED: Way([*python, _OURS.format(kubeconfig=kubeconfig, more=", as_served=True")], _said),
        CLIENT: Way([*python, _TYPED.format(kubeconfig=kubeconfig)], _said),
        NOTHING: Way([*python, "from runbook.clients.kubernetes import connect"], lambda _: (0, 0)),
    }
    if kubectl := tool("kubectl"):
        get = [kubectl, "--kubeconfig", kubeconfig, "get"]
        ways[GET] = Way([*get, "pods", "-A"], _in_table)
        ways[JSON] = Way([*get, "pods", "-A", "-o", "json"], _in_json)
        ways[RAW] = Way([*get, "--raw", "/api/v1/pods"], _in_json)
    return ways


def _measured(ways: dict[str, Way], pods: int, rounds: int, objects: list[dict[str, Any]]) -> Measured:
    wanted = (pods, largecluster.unhealthy(pods))
    for name, way in ways.items():
        if name != NOTHING and (counts := _counted(way)) != wanted:
            raise RuntimeError(f"{name} shows {counts[0]} pods of which {counts[1]} are unhealthy, not {wanted}")
    samples = interleaved({name: way.argv for name, way in ways.items()}, rounds=rounds)
    ended_well(samples)
    size, managed = (sum(map(_size, of)) for of in (objects, [o["metadata"]["managedFields"] for o in objects]))
    return Measured(samples, size / len(objects) / 1000, managed / size, () if GET in ways else ("kubectl",))


def _size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def _counted(way: Way) -> Counts:
    """What one run of it shows, which is not measured."""
    return way.counted(subprocess.run(way.argv, stdout=subprocess.PIPE, text=True, check=True).stdout)


def _said(printed: str) -> Counts:
    pods, unhealthy = printed.split()
    return int(pods), int(unhealthy)


def _in_table(printed: str) -> Counts:
    """NAMESPACE NAME READY STATUS RESTARTS AGE: without a STATUS, as of a server that sends no Table, this does not count."""
    head, *lines = printed.splitlines()
    place = head.split().index("STATUS")
    return len(lines), sum(line.split()[place] != "Running" for line in lines)


def _in_json(printed: str) -> Counts:
    items = json.loads(printed)["items"]
    statuses = (item["status"].get("containerStatuses", ()) for item in items)
    return len(items), sum(any("waiting" in s["state"] for s in of) for of in statuses)
