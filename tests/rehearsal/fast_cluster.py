"""An embedded cluster inside the test, on a clock that runs as fast as the controllers follow.

Nothing but causes: tests put HelmReleases, Secrets or Jobs into it and read what the controllers make of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML

from runbook.rehearsal.cluster import EmbeddedCluster
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.personconditions import holds
from runbook.rehearsal.scenario import Scenario

Object = dict[str, Any]
PRIVATE = "registry.fast.example:5000"
STEP, STRIDE = 1.0, 15.0  # cluster seconds between two looks of the controllers; when nothing is expected
HOUR = 3600.0

WORLD: dict[str, Any] = {
    "cluster": {"name": "fast", "uid": "7f0c5a52-1111-4222-8333-944455556666"},
    "authorities": ["registry-ca", "public-ca"],
    "systemTrust": ["public-ca"],
    "registries": [
        {
            "id": "private",
            "names": [PRIVATE],
            "authority": "registry-ca",
            "sans": ["registry.fast.example"],
            "images": {"app": ["1"]},
        },
        {
            "id": "docker.io",
            "names": ["docker.io"],
            "authority": "public-ca",
            "sans": ["docker.io"],
            "images": {"library/app": ["1"], "library/sealed": ["1"]},
        },
    ],
    "chartRepositories": [{"url": "http://charts"}],
    "sealing": {"selector": {"name": "sealing"}, "service": "sealing"},
}

CHARTS = {
    "app": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ release.name }}"}
spec:
  selector: {matchLabels: {app: "{{ release.name }}"}}
  template:
    metadata: {labels: {app: "{{ release.name }}"}}
    spec:
      containers:
      - name: main
        image: "{{ values.image }}"
{% if values.secret %}
        envFrom: [{secretRef: {name: "{{ values.secret }}"}}]
{% endif %}
""",
    "hooked": """
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ release.name }}-migrate"
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
spec:
  backoffLimit: {{ values.backoff }}
  template:
    metadata: {annotations: {rehearsal.runbook/duration: "{{ values.takes }}", rehearsal.runbook/exit-code: "{{ values.code }}"}}
    spec: {restartPolicy: Never, containers: [{name: m, image: "{{ values.image }}"}]}
""",
}
VALUES = {
    "app": {"image": "app:1", "secret": ""},
    "hooked": {"image": "app:1", "takes": "20s", "code": "0", "backoff": 1},
}
REPOSITORY: Object = {
    "apiVersion": "source.toolkit.fluxcd.io/v1",
    "kind": "HelmRepository",
    "metadata": {"namespace": "flux-system", "name": "charts"},
    "spec": {"interval": "10m", "url": "http://charts"},
}
SEALING: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"namespace": "kube-system", "name": "sealing"},
    "spec": {
        "selector": {"matchLabels": {"name": "sealing"}},
        "template": {
            "metadata": {"labels": {"name": "sealing"}},
            "spec": {"containers": [{"name": "c", "image": "sealed:1"}]},
        },
    },
}


class FastCluster:
    """A started cluster and the few words tests need about it."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.cluster, self.store, self.clock, self.world = cluster, cluster.store, cluster.clock, cluster.world
        self.step = STEP

    def kind(self, kind: str) -> Kind:
        return next(k for k in self.store.kinds.values() if k.kind == kind)

    def get(self, kind: str, namespace: str, name: str) -> Object:
        return self.store.get(self.kind(kind), namespace, name)

    def items(self, kind: str, namespace: str) -> list[Object]:
        return list(self.store.list(self.kind(kind), namespace))

    def create(self, obj: Object) -> Object:
        return self.store.create(self.store.kind_of(obj), obj["metadata"].get("namespace"), obj)

    def release(self, name: str, chart: str = "app", /, values: Object | None = None, **spec: Any) -> Object:
        """A HelmRelease in the namespace `work`."""
        source = {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"}
        return self.create(
            {
                "apiVersion": "helm.toolkit.fluxcd.io/v2",
                "kind": "HelmRelease",
                "metadata": {"namespace": "work", "name": name},
                "spec": {
                    "interval": "10m",
                    "chart": {"spec": {"chart": chart, "version": "1.0.0", "sourceRef": source}},
                    "values": values or {},
                    **spec,
                },
            }
        )

    def annotate(self, name: str, **at: str) -> None:
        """`requested=…, reset=…, force=…` on a HelmRelease of `work`."""
        marks = {f"reconcile.fluxcd.io/{key}At": value for key, value in at.items()}
        obj = self.get("HelmRelease", "work", name)
        patch = {"metadata": {"annotations": marks}}
        self.store.patch(self.kind("HelmRelease"), obj, "application/merge-patch+json", patch)

    def edit(self, obj: Object, **spec: Any) -> Object:
        patch = {"spec": spec}
        return self.store.patch(self.store.kind_of(obj), obj, "application/merge-patch+json", patch)

    def delete(self, obj: Object) -> None:
        self.store.delete(self.store.kind_of(obj), obj["metadata"].get("namespace"), obj["metadata"]["name"])

    async def until(self, *conditions: Object, within: float = HOUR) -> None:
        """Wait, in cluster time, until conditions in person.yaml's words hold."""
        ends = self.clock.elapsed + within
        while not holds(self.store, conditions):
            assert self.clock.elapsed < ends, (conditions, self.said())
            await self.clock.sleep(STEP)

    async def rest(self, seconds: float) -> None:
        """Let time pass in long strides."""
        self.step = STRIDE
        await self.clock.sleep(seconds)
        self.step = STEP

    async def tick(self) -> None:
        """Let time go on until cancelled."""
        while True:
            for _ in range(4):  # what a write sets off is seen before time goes on
                await asyncio.sleep(0)
            await asyncio.sleep(0.0002)
            self.clock.advance(self.step)

    async def stalled(self, name: str) -> Object:
        await self.until({"kind": "HelmRelease", "name": name, "condition": "Stalled=True"})
        return self.get("HelmRelease", "work", name)

    async def ready(self, name: str) -> Object:
        await self.until({"kind": "HelmRelease", "name": name, "condition": "Ready=True"})
        return self.get("HelmRelease", "work", name)

    async def handled(self, name: str, token: str) -> Object:
        await self.until({"kind": "HelmRelease", "name": name, "equals": {"status.lastHandledReconcileAt": token}})
        return self.get("HelmRelease", "work", name)

    def said(self) -> list[tuple[str, str]]:
        return [(o["metadata"]["name"], says(o)) for o in self.items("HelmRelease", "work")]


def condition(obj: Object, type_: str = "Ready") -> Object:
    """A condition, or an empty one."""
    found: Object = next((c for c in (obj.get("status") or {}).get("conditions") or () if c["type"] == type_), {})
    return found


def says(obj: Object, type_: str = "Ready") -> str:
    """A condition's message."""
    return str(condition(obj, type_).get("message", ""))


def waits(pod: Object) -> tuple[str, str]:
    """Reason and message of the first container's waiting state."""
    waiting = pod["status"]["containerStatuses"][0]["state"].get("waiting") or {}
    return waiting.get("reason", ""), waiting.get("message", "")


@asynccontextmanager
async def started(folder: Path, state: Path) -> AsyncIterator[FastCluster]:
    """The cluster of a scenario folder; real time does not move its clock."""
    cluster = EmbeddedCluster(Scenario(folder), state, scale=0)
    await cluster.start()
    cluster.write_kubeconfigs()
    fast = FastCluster(cluster)
    ticking = asyncio.create_task(fast.tick())
    try:
        yield fast
    finally:
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        await cluster.stop()


def scenario(folder: Path, *, flux: str = "2.9", runtime: str = "containerd", **world: Any) -> Path:
    """Write the scenario folder."""
    yaml = YAML(typ="safe")
    for chart, templates in CHARTS.items():
        (folder / f"charts/{chart}/1.0.0").mkdir(parents=True)
        (folder / f"charts/{chart}/1.0.0/templates.yaml").write_text(templates)
        yaml.dump(VALUES[chart], folder / f"charts/{chart}/1.0.0/values.yaml")
    (folder / "manifests").mkdir()
    yaml.dump_all([REPOSITORY, SEALING], folder / "manifests/all.yaml")
    node = {"name": "n1", "runtime": runtime}
    yaml.dump({**WORLD, "flux": flux, "nodes": [node], **world}, folder / "world.yaml")
    return folder


def play(act: Callable[[FastCluster], Coroutine[Any, Any, None]], **world: Any) -> None:
    """Run one story in a cluster of its own with the namespace `work`."""

    async def inside(folder: Path, state: Path) -> None:
        state.mkdir()
        async with started(folder, state) as cluster:
            cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "work"}})
            await asyncio.wait_for(act(cluster), 60)

    with TemporaryDirectory() as name:
        base = Path(name)
        (base / "scenario").mkdir()
        tree = world.pop("git", None)
        if tree is not None:
            shutil.copytree(tree, base / "scenario/git/tree")
        asyncio.run(inside(scenario(base / "scenario", **world), base / "state"))
