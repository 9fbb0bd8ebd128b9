"""What a person waits for, whole commands on the embedded cluster, which makes every answer itself: the card, and verify."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import largecluster, staticserver
from benchmarks.clusters import bare_client
from benchmarks.measure import Sample, run
from runbook.embedded import EmbeddedCluster

NODES = 10
INVENTORY = Path("scenario", "inventory.yaml")  # not the effective one, whose endpoints lead to the scenario's own
CALM = 0.2  # of a core: what the cluster may be busy with when the measuring begins


def card(folder: Path, pods: int, rounds: int) -> list[Sample]:
    """Samples of `runbook status`, once the cluster holds that many pods of which 12 % are not ready."""
    with large(folder, pods) as cluster:
        argv = [sys.executable, "-m", "runbook", "status", "-i", str(cluster.inventory)]
        return [run([*argv, "--kubeconfig", str(cluster.kubeconfig)]) for _ in range(rounds)]


def verify(folder: Path, pods: int, endpoints: int, rounds: int) -> list[Sample]:
    """Samples of `runbook plan verify` without soak, with so many TLS endpoints and a release for ten pods."""
    with (
        staticserver.endpoints(folder, largecluster.DOMAIN) as port,
        large(folder, pods, endpoints, port) as cluster,
    ):
        argv = [sys.executable, "-m", "runbook", "plan", "verify", "-i", str(folder / INVENTORY), "--soak", "none"]
        argv += ["--kubeconfig", str(cluster.kubeconfig), "--outputs"]
        found = [run([*argv, str(folder / f"out-{turn}")]) for turn in range(rounds)]
    for turn in range(rounds):
        (path,) = (folder / f"out-{turn}").glob("*/40-verify/result.json")
        checks = json.loads(path.read_text())["checks"]
        answered = sum(c["id"] == "endpoints-answer" and c["result"] == "pass" for c in checks)
        red = sum(c["id"] == "pods-healthy" and c["result"] == "fail" for c in checks)
        if (answered, red) != (endpoints, largecluster.unhealthy(pods)):
            raise RuntimeError(f"{path}: {answered} endpoints and {red} red pods, expected {endpoints}")
    return found


@contextmanager
def large(folder: Path, pods: int, endpoints: int = 0, port: int = 0) -> Iterator[EmbeddedCluster]:
    """An embedded cluster with so many pods, at rest. Raises RuntimeError when it is not what was meant."""
    scenario = write(folder, pods, endpoints, port)
    with EmbeddedCluster(str(scenario), time_scale=1, person=False) as cluster:
        _settled(cluster)
        _check(cluster, pods)
        yield cluster


def _settled(cluster: EmbeddedCluster, patience: float = 120.0) -> None:
    """Its kubelet has looked at every pod. Raises RuntimeError when it is busy for longer than `patience` seconds."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        before = _cpu_seconds(cluster)
        time.sleep(2.0)
        if _cpu_seconds(cluster) - before < 2.0 * CALM:
            return
    raise RuntimeError(f"the embedded cluster is still busy after {patience:.0f} s")


def _cpu_seconds(cluster: EmbeddedCluster) -> float:
    fields = Path(f"/proc/{cluster.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime [proc(5)]


def write(folder: Path, pods: int, endpoints: int, port: int) -> Path:
    """A scenario that begins with the large cluster's objects; Flux's own pods are left out, nothing is reconciled."""
    scenario = folder / "scenario"
    (scenario / "manifests").mkdir(parents=True)
    kept = [o for o in largecluster.objects(pods) if not _is_given(o) and not _is_flux(o)]
    (scenario / "manifests" / "all.json").write_text(json.dumps({"kind": "List", "items": kept}))
    nodes = [{"name": f"node-{n}", "runtime": "containerd", "ip": f"10.0.0.{n + 1}"} for n in range(NODES)]
    world = {"cluster": {"name": "large", "uid": largecluster.UID}, "nodes": nodes}
    (scenario / "world.yaml").write_text(json.dumps(world))
    wanted = json.loads(largecluster.inventory(folder, pods, endpoints, port).read_text())
    wanted["cluster"] |= {"clock": "server", "rehearsal": True}
    for endpoint in wanted["endpoints"]:
        endpoint["ca"] = str(folder / endpoint["ca"])
    (folder / INVENTORY).write_text(json.dumps(wanted))
    return scenario


def _is_given(obj: largecluster.Object) -> bool:
    """What the embedded cluster makes of its world."""
    return bool(obj["kind"] == "Node" or (obj["kind"] == "Namespace" and obj["metadata"]["name"] == "kube-system"))


def _is_flux(obj: largecluster.Object) -> bool:
    return bool(obj["metadata"]["namespace"] == "flux-system" and obj["kind"] in ("Pod", "Deployment"))


def _check(cluster: EmbeddedCluster, pods: int) -> None:
    """The pods are there, and as many are not ready as were meant. Raises RuntimeError."""
    with bare_client(cluster) as client:
        found = client.get("/api/v1/pods").raise_for_status().json()["items"]
    red = sum(not all(s["ready"] for s in p["status"]["containerStatuses"]) for p in found)
    if (len(found), red) != (pods, largecluster.unhealthy(pods)):
        raise RuntimeError(f"{len(found)} pods of which {red} are not ready, expected {pods}")
