"""Listing and classifying all pods of a large cluster: `runbook.clients` against what people use, from two servers.

Whole processes, their peak memory among it. The static server sends the same prepared pages to all of them, so that what
is measured is what each makes of them; the embedded cluster makes its pages itself, and its share is in every time.
"""

from __future__ import annotations

import itertools
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import embedded, staticserver
from benchmarks.clusters import static_kubeconfig
from benchmarks.explaining import state
from benchmarks.largecluster import heavy
from benchmarks.measure import Sample, interleaved

_OURS = """
from runbook.clients.kubernetes import connect
from runbook.domain.podstatus import troubles
client = connect(kubeconfig={kubeconfig!r})
pods = client.list("Pod").items
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


@dataclass(frozen=True)
class Measured:
    """Samples by way, and which ways could not be tried here."""

    samples: dict[str, list[Sample]]
    missing: tuple[str, ...]


def measure(folder: Path, pods: int, rounds: int) -> Measured:
    """Every way in turn, from a server that has all pages ready."""
    objects = (heavy(o) for o in state(pods) if o["kind"] == "Pod")
    with staticserver.serving(itertools.islice(objects, pods)) as address:
        return _measured(str(static_kubeconfig(folder, address)), rounds)


def measure_embedded(folder: Path, pods: int, rounds: int) -> Measured:
    """Every way in turn, over TLS from the embedded cluster, which makes every page anew."""
    with embedded.large(folder, pods) as cluster:
        return _measured(str(cluster.kubeconfig), rounds)


def _measured(kubeconfig: str, rounds: int) -> Measured:
    """`kubectl` is tried when it is on the PATH."""
    commands = {
        "runbook": [sys.executable, "-c", _OURS.format(kubeconfig=kubeconfig)],
        "kubernetes client": [sys.executable, "-c", _TYPED.format(kubeconfig=kubeconfig)],
        "nothing": [sys.executable, "-c", "from runbook.clients.kubernetes import connect"],
    }
    kubectl = shutil.which("kubectl")
    if kubectl:
        given = [kubectl, "--kubeconfig", kubeconfig, "get"]
        commands |= {
            "kubectl get pods": [*given, "pods", "-A"],
            "kubectl get -o json": [*given, "pods", "-A", "-o", "json"],
            "kubectl get --raw": [*given, "--raw", "/api/v1/pods"],
        }
    samples = interleaved(commands, rounds=rounds)
    failed = [name for name, found in samples.items() if any(s.exit_code for s in found)]
    if failed:
        raise SystemExit(f"did not end well: {', '.join(failed)}")
    return Measured(samples, () if kubectl else ("kubectl",))
