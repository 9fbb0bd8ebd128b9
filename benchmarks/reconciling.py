"""`runbook apply reconcile` of a fleet of exhausted releases, against the bare requests on a cluster in the very same state.

The fleet: each release's install timed out while the nodes did not trust the registry; the CA is on the node now and all pods
are ready, so that what is left is a reset of each, which runs a migration Job and upgrades. That is the cluster's own time.
"""

from __future__ import annotations

import concurrent.futures
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from benchmarks.clusters import bare_client
from benchmarks.measure import Sample, run
from runbook.domain.requests import RESET, request_annotations
from runbook.embedded import EmbeddedCluster
from runbook.errors import RunbookError
from runbook.rehearsal.scenario import SHIPPED
from runbook.rehearsal.scenariofiles import documents

NAME, IMAGE = "fleet", "registry.pair.example:5000/notes/noteboard"
RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/helmreleases"
POLL = 0.1  # seconds between the bare client's looks, beside a cluster that takes minutes

TEMPLATES = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ release.name }}-migrate
  annotations: {helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations: {rehearsal.runbook/duration: MIGRATION}
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: "IMAGE:1.0.0"}]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ release.name }}
  labels: {app.kubernetes.io/name: {{ release.name }}}
spec:
  replicas: 1
  selector: {matchLabels: {app.kubernetes.io/name: {{ release.name }}}}
  template:
    metadata: {labels: {app.kubernetes.io/name: {{ release.name }}}}
    spec:
      containers: [{name: app, image: "IMAGE:1.0.0"}]
"""


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many releases, how long each one's migration takes in the cluster's seconds, and how fast its clock goes."""

    releases: int
    migration: int
    time_scale: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Real seconds from the command's start to its end, and from the first bare request to the last release ready.

    And the peak memory of the command's processes in MB.
    """

    ours: float
    bare: float
    peak_mb: float


def compare(fleet: Fleet) -> Compared:
    """Both ways at the same time, each on a cluster of its own: they wait most of it. Raises RunbookError when one fails."""
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        scenario = _write(Path(folder) / NAME, fleet)
        ours, bare = pool.submit(_ours, scenario, fleet), pool.submit(_bare, scenario, fleet)
        sample = ours.result()
        return Compared(sample.seconds, bare.result(), sample.peak_mb)


def _ours(scenario: Path, fleet: Fleet) -> Sample:
    with (
        EmbeddedCluster(str(scenario), time_scale=fleet.time_scale) as cluster,
        tempfile.TemporaryDirectory() as outputs,
    ):
        _reach_the_state(cluster)
        argv = [sys.executable, "-m", "runbook", "apply", "reconcile", "-i", str(cluster.inventory), "--confirm", NAME]
        sample = run([*argv, "--kubeconfig", str(cluster.kubeconfig), "--outputs", outputs])
        with bare_client(cluster) as client:
            late = [r["metadata"]["name"] for r in _releases(client) if not _is_ready(r)]
        if late or sample.exit_code != 0:
            raise RunbookError(f"apply reconcile ended with {sample.exit_code}; not ready: {late}")
        return sample


def _bare(scenario: Path, fleet: Fleet) -> float:
    with EmbeddedCluster(str(scenario), time_scale=fleet.time_scale) as cluster, bare_client(cluster) as client:
        _reach_the_state(cluster)
        began, token = time.perf_counter(), datetime.now(UTC).isoformat()
        patch = {"metadata": {"annotations": dict(request_annotations(token, also=RESET))}}
        for release in _releases(client):
            meta = release["metadata"]
            path = f"/apis/helm.toolkit.fluxcd.io/v2/namespaces/{meta['namespace']}/helmreleases/{meta['name']}"
            headers = {"Content-Type": "application/merge-patch+json"}
            client.patch(path, json=patch, headers=headers).raise_for_status()
        while not all(_is_ready(r) and r["status"].get("lastHandledReconcileAt") == token for r in _releases(client)):
            time.sleep(POLL)
        return time.perf_counter() - began


def _reach_the_state(cluster: EmbeddedCluster) -> None:
    """To the frame in which every pod is ready and every release exhausted."""
    for frame in ("installed", "trusted"):
        event = cluster.wait_for_frame(lambda _: None)
        if event is None or event["name"] != frame:
            raise RunbookError(f"the embedded cluster did not reach the frame {frame}: {event}")
        if frame == "installed":
            cluster.proceed()


def _releases(client: httpx.Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(RELEASES).raise_for_status().json()["items"]
    return items


def _is_ready(release: dict[str, Any]) -> bool:
    conditions = release.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _write(folder: Path, fleet: Fleet) -> Path:
    """The scenario `pair` with the fleet in place of its two releases."""
    shutil.copytree(SHIPPED / "pair", folder)
    names = [f"worker-{n:02}" for n in range(fleet.releases)]
    chart = folder / "charts" / "worker" / "1.0.0"
    chart.mkdir(parents=True)
    chart.joinpath("values.yaml").write_text("{}\n")
    chart.joinpath("templates.yaml").write_text(
        TEMPLATES.replace("MIGRATION", f"{fleet.migration}s").replace("IMAGE", IMAGE)
    )
    apps = folder / "git" / "pair" / "apps"
    for app in ("noteboard", "postbox"):
        apps.joinpath(f"{app}.yaml").unlink()
    _dump(apps / "workers.yaml", [_release(name) for name in names])
    _world(folder / "world.yaml")
    _expectations(folder / "inventory.yaml", names)
    _dump(folder / "person.yaml", [{"frames": _frames(fleet.releases)}])
    return folder


def _release(name: str) -> dict[str, Any]:
    reference = {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": "notes"},
        "spec": {
            "interval": "1h", "timeout": "10m", "install": {"timeout": "30s"},
            "chart": {"spec": {"chart": "worker", "version": "1.0.0", "sourceRef": reference}},
        },
    }  # fmt: skip


def _world(path: Path) -> None:
    world = documents(path)[0]
    world["cluster"]["name"] = NAME
    world["chartRepositories"][0]["charts"] = ["worker"]
    world.pop("applications")
    world["sealed"] = []
    _dump(path, [world])


def _expectations(path: Path, names: list[str]) -> None:
    inventory = documents(path)[0]
    inventory["cluster"]["name"] = NAME
    inventory["releases"] = [{"namespace": "notes", "name": name, "version": "1.0.0"} for name in names]
    inventory["services"], inventory["endpoints"] = [], []
    inventory["criteria"] = [{"id": "F1", "text": "All releases are ready", "checks": ["releases-ready"]}]
    _dump(path, [inventory])


def _frames(releases: int) -> list[dict[str, Any]]:
    exhausted = {"kind": "HelmRelease", "condition": "Stalled=True", "min": releases}
    pulls = ["ImagePullBackOff", "ErrImagePull"]
    hosts = ["registry.pair.example:5000"]
    trusting = {"installCA": {"authority": "registry-ca", "nodes": ["pair-1"], "hosts": hosts}}
    replacing = {"delete": {"kind": "Pod", "namespaces": ["notes"], "waiting": pulls}}
    return [
        {"name": "installed", "stages": [], "until": [exhausted], "person": [trusting, replacing]},
        {
            "name": "trusted",
            "stages": [],
            "until": [exhausted, {"kind": "Pod", "namespace": "notes", "condition": "Ready=True", "min": releases}],
        },
    ]


def _dump(path: Path, documents_: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump_all(documents_, file)
