"""From 14 kinds of a large cluster to its first causes, whole processes: `runbook` against what only lists them.

The others stop at the lists, typed by the `kubernetes` client's models or printed by `kubectl get -o json` kind by kind:
finding a cause in them is left to the reader. The server sends the same prepared pages to all.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import largecluster, staticserver
from benchmarks.clusters import static_kubeconfig
from benchmarks.environment import tool
from benchmarks.measure import Sample, ended_well, interleaved
from runbook.domain.kinds import KINDS

ASKED = (
    "Namespace", "Node", "Pod", "Service", "Event", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job",
    "EndpointSlice", "HelmRepository", "HelmRelease", "SealedSecret",
)  # fmt: skip
OURS = """
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from runbook.clients.kubernetes import connect
from runbook.diagnosis import explain
from runbook.model import Snapshot
client = connect(kubeconfig={kubeconfig!r})
with ThreadPoolExecutor(6) as pool:
    lists = list(pool.map(client.list, {kinds!r}))
found = explain(Snapshot(datetime(2025, 10, 17, 11, 16, tzinfo=UTC), "large", {{l.kind: l.items for l in lists}}))
causes, failing = len(found.first_causes), sum(len(c.explains) for c in found.first_causes) + len(found.unexplained)
count = sum(len(l.items) for l in lists)
print(count, causes, failing)
assert count == {count}, "not all of them"
assert causes and failing, "a bad night without a cause"
"""
_TYPED = """
from kubernetes import client, config
config.load_kube_config({kubeconfig!r})
core, apps, batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()
discovery, custom = client.DiscoveryV1Api(), client.CustomObjectsApi()
def pages(ask):
    found, token = [], None
    while token != "":
        page = ask(limit=500, _continue=token)
        found, token = found + page.items, page.metadata._continue or ""
    return found
count = 0
for ask in (core.list_namespace, core.list_node, core.list_pod_for_all_namespaces, core.list_service_for_all_namespaces,
            core.list_event_for_all_namespaces, apps.list_deployment_for_all_namespaces,
            apps.list_replica_set_for_all_namespaces, apps.list_stateful_set_for_all_namespaces,
            apps.list_daemon_set_for_all_namespaces, batch.list_job_for_all_namespaces,
            discovery.list_endpoint_slice_for_all_namespaces):
    count += len(pages(ask))
for group, version, plural in (("source.toolkit.fluxcd.io", "v1", "helmrepositories"),
                               ("helm.toolkit.fluxcd.io", "v2", "helmreleases"), ("bitnami.com", "v1alpha1", "sealedsecrets")):
    count += len(custom.list_cluster_custom_object(group, version, plural)["items"])
print(count)
assert count == {count}, "not all of them"
"""


@dataclass(frozen=True)
class Measured:
    """Samples by way, how much was sent, and which ways could not be tried here."""

    samples: dict[str, list[Sample]]
    megabytes: float
    missing: tuple[str, ...]


def measure(folder: Path, pods: int, rounds: int) -> Measured:
    """Every way in turn. `kubectl` is tried when it is found."""
    objects = [o for o in largecluster.objects(pods) if o["kind"] in ASKED]
    with staticserver.serving(objects) as address:
        kubeconfig = str(static_kubeconfig(folder, address))
        codes = {
            "runbook": OURS.format(kubeconfig=kubeconfig, kinds=ASKED, count=len(objects)),
            "kubernetes client": _TYPED.format(kubeconfig=kubeconfig, count=len(objects)),
        }
        commands = {name: [sys.executable, "-c", code] for name, code in codes.items()}
        if kubectl := tool("kubectl"):
            get = f"{kubectl} --kubeconfig {kubeconfig} get"
            gets = [f"{get} {KINDS[k].qualified} -A -o json >/dev/null" for k in ASKED]
            commands["kubectl get -o json"] = ["sh", "-ec", "; ".join(gets)]
        samples = interleaved(commands, rounds=rounds)
    ended_well(samples)
    size = sum(len(json.dumps(o, separators=(",", ":"))) for o in objects) / 1e6
    return Measured(samples, size, () if kubectl else ("kubectl",))
