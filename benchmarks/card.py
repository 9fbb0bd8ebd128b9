"""`runbook status`, the 3 a.m. card, the whole command: on the embedded cluster, which makes every answer itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks import largecluster
from benchmarks.clusters import bare_client
from benchmarks.measure import Sample, run
from runbook.embedded import EmbeddedCluster

NODES = 10


def measure(folder: Path, pods: int, rounds: int) -> list[Sample]:
    """Samples of the command, once the cluster holds that many pods of which 12 % are not ready."""
    scenario = write(folder, pods)
    with EmbeddedCluster(str(scenario), time_scale=1, person=False) as cluster:
        _check(cluster, pods)
        argv = [sys.executable, "-m", "runbook", "status", "-i", str(cluster.inventory)]
        return [run([*argv, "--kubeconfig", str(cluster.kubeconfig)]) for _ in range(rounds)]


def write(folder: Path, pods: int) -> Path:
    """A scenario that begins with the large cluster's objects; Flux's own pods are left out, nothing is reconciled."""
    scenario = folder / "scenario"
    (scenario / "manifests").mkdir(parents=True)
    kept = (o for o in largecluster.objects(pods) if not _is_given(o) and not _is_flux(o))
    (scenario / "manifests" / "all.yaml").write_text("\n---\n".join(map(json.dumps, kept)))  # JSON is YAML
    nodes = [{"name": f"node-{n}", "runtime": "containerd", "ip": f"10.0.0.{n + 1}"} for n in range(NODES)]
    world = {"cluster": {"name": "large", "uid": largecluster.UID}, "nodes": nodes}
    (scenario / "world.yaml").write_text(json.dumps(world))
    wanted = json.loads(largecluster.inventory(folder, pods).read_text())
    wanted["cluster"] = {"name": "large", "clock": "server", "rehearsal": True}
    (scenario / "inventory.yaml").write_text(json.dumps(wanted))
    return scenario


def _is_given(obj: largecluster.Object) -> bool:
    """What the embedded cluster makes of its world."""
    return obj["kind"] == "Node" or (obj["kind"] == "Namespace" and obj["metadata"]["name"] == "kube-system")


def _is_flux(obj: largecluster.Object) -> bool:
    return obj["metadata"]["namespace"] == "flux-system" and obj["kind"] in ("Pod", "Deployment")


def _check(cluster: EmbeddedCluster, pods: int) -> None:
    """The pods are there, and as many are not ready as were meant. Raises RuntimeError."""
    with bare_client(cluster) as client:
        found = client.get("/api/v1/pods").raise_for_status().json()["items"]
    red = sum(not all(s["ready"] for s in p["status"]["containerStatuses"]) for p in found)
    if (len(found), red) != (pods, largecluster.unhealthy(pods)):
        raise RuntimeError(f"{len(found)} pods of which {red} are not ready, expected {pods}")
