"""One embedded cluster: store, world, controllers, API and sockets, from a scenario and a state folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from ruamel.yaml import YAML

from runbook.rehearsal import serve
from runbook.rehearsal.api import Api
from runbook.rehearsal.applications import Applications
from runbook.rehearsal.clock import ScaledClock
from runbook.rehearsal.controllers.endpoints import Endpoints
from runbook.rehearsal.controllers.helmreleases import HelmReleases
from runbook.rehearsal.controllers.jobs import Jobs
from runbook.rehearsal.controllers.kubelet import Kubelet
from runbook.rehearsal.controllers.kustomizations import Kustomizations
from runbook.rehearsal.controllers.sealedsecrets import SealedSecrets
from runbook.rehearsal.controllers.sources import Sources
from runbook.rehearsal.controllers.workloads import Workloads
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.logs import Line
from runbook.rehearsal.pki import authority, server_context
from runbook.rehearsal.runtime import Controllers
from runbook.rehearsal.scenario import Scenario
from runbook.rehearsal.store import Store
from runbook.rehearsal.world import LiveWorld

HOST = "127.0.0.1"
FIRST = ("Namespace", "CustomResourceDefinition", "Node")


class EmbeddedCluster:
    """Started once, stopped once. `server` is the API's URL, `clock` the only time there is."""

    def __init__(self, scenario: Scenario, state: Path, *, scale: float, port: int = 0) -> None:
        self.scenario, self.state, self._port = scenario, state, port
        self.clock = ScaledClock(scale)
        self.store = Store(self.clock)
        self.world = LiveWorld(scenario, state, self.clock)
        self.server = ""
        users = {"admin": ("system:masters",), "person": ("system:masters",)}
        users |= {u.name: u.groups for u in scenario.world.users}
        self.tokens = {name: secrets.token_urlsafe(24) for name in users}
        self._groups = users
        self._ca = authority("embedded-cluster-ca")
        self._runners: list[web.AppRunner] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load the manifests, open the sockets, let the controllers work."""
        self._load()
        await self.world.start()
        applications = Applications(self.store, self.world)
        if (runner := await applications.start()) is not None:
            self._runners.append(runner)
        controllers = Controllers(self.store, self.clock)
        sealing = self._controllers(controllers)
        api = Api(
            self.store,
            tokens={self.tokens[name]: (name, groups) for name, groups in self._groups.items()},
            backends=applications.backends(sealing.answer if sealing else None),
            logs=self._logs,
            request_log=self.state / "requests.jsonl",
            version=self.scenario.world.kubernetes,
        )
        context = server_context(self._ca, ("127.0.0.1", "localhost"), self.state, "api")
        runner, port = await serve.start(api, HOST, self._port, context)
        self._runners.append(runner)
        self.server = f"https://{HOST}:{port}"
        self._tasks = [asyncio.create_task(self.clock.run()), asyncio.create_task(controllers.run())]

    async def stop(self) -> None:
        """End everything that was started."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for runner in self._runners:
            await runner.cleanup()
        await self.world.stop()

    def _controllers(self, controllers: Controllers) -> SealedSecrets | None:
        Workloads(controllers)
        Jobs(controllers)
        Kubelet(controllers, self.world)
        Endpoints(controllers)
        Sources(controllers, self.world)
        Kustomizations(controllers, self.world)
        HelmReleases(controllers, self.world)
        entry = self.scenario.world.sealing
        return SealedSecrets(controllers, self.world, entry) if entry else None

    def _load(self) -> None:
        """The manifests as they are: the past they describe is kept."""
        system = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "kube-system", "uid": self.scenario.world.cluster.uid},
        }
        nodes = [self._node(entry) for entry in self.scenario.world.nodes]
        objects = [system, *nodes, *self.scenario.manifests, *self.world.manifests()]
        for obj in sorted(objects, key=lambda o: o.get("kind") not in FIRST):
            kind = self.store.kind_of(obj)
            if obj["metadata"].get("namespace"):
                self._namespace(obj["metadata"]["namespace"])
            if self.store.find(kind, obj["metadata"].get("namespace"), obj["metadata"]["name"]) is None:
                self.store.create(kind, obj["metadata"].get("namespace"), obj, trusted=True)

    def _namespace(self, name: str) -> None:
        kind = self.store.kinds["v1", "namespaces"]
        if self.store.find(kind, None, name) is None:
            self.store.create(kind, None, {"metadata": {"name": name}})

    def _node(self, entry: Any) -> Object:
        version = {"docker": "docker://28.2.2", "containerd": "containerd://2.1.4", "cri-o": "cri-o://1.34.0"}[
            entry.runtime
        ]
        now = self.store.now()
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": entry.name,
                "labels": {"kubernetes.io/hostname": entry.name, "kubernetes.io/arch": "amd64"},
            },
            "spec": {},
            "status": {
                "addresses": [{"type": "InternalIP", "address": entry.ip}, {"type": "Hostname", "address": entry.name}],
                "conditions": [
                    {
                        "type": t,
                        "status": s,
                        "reason": r,
                        "message": m,
                        "lastTransitionTime": now,
                        "lastHeartbeatTime": now,
                    }
                    for t, s, r, m in (
                        (
                            "MemoryPressure",
                            "False",
                            "KubeletHasSufficientMemory",
                            "kubelet has sufficient memory available",
                        ),
                        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
                    )
                ],
                "nodeInfo": {
                    "architecture": "amd64",
                    "containerRuntimeVersion": version,
                    "kubeletVersion": self.scenario.world.kubernetes,
                    "kubeProxyVersion": "",
                    "kernelVersion": "6.1.0",
                    "operatingSystem": "linux",
                    "osImage": "Debian GNU/Linux 12 (bookworm)",
                },
            },
        }

    def _logs(self, pod: Object, container: str, previous: bool) -> Sequence[Line]:
        """A container's lines: what the scenario gives it, and what the controllers themselves say."""
        if previous:
            return ()
        labels = pod["metadata"].get("labels") or {}
        began = datetime.strptime(pod["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        lines: list[Line] = []
        for entry in self.scenario.world.logs:
            if all(labels.get(k) == v for k, v in entry.selector.items()) and entry.container in ("", container):
                lines += [(began + timedelta(seconds=i), text) for i, text in enumerate(entry.lines)]
        for app in {
            labels.get("app"),
            labels.get("app.kubernetes.io/name"),
            labels.get("app.kubernetes.io/component"),
        } - {None}:
            lines += self.world.logs.get((pod["metadata"]["namespace"], str(app)), ())
            if str(app).endswith("-controller") or app == "sealed-secrets":
                lines.append(
                    (began, f'{{"level":"info","ts":"{began.isoformat()}","logger":"setup","msg":"starting manager"}}')
                )
        return sorted(lines, key=lambda line: line[0])

    # what clients are given

    def write_kubeconfigs(self, extra: Path | None = None) -> Path:
        """A kubeconfig for each user in the state folder; the admin's is `kubeconfig`."""
        (self.state / "ca" / "api.crt").write_bytes(self._ca.pem)
        for name, token in self.tokens.items():
            path = self.state / ("kubeconfig" if name == "admin" else f"kubeconfig-{name}")
            self._write_kubeconfig(path, name, token)
        if extra is not None:
            self._write_kubeconfig(extra, "admin", self.tokens["admin"])
        return self.state / "kubeconfig"

    def _write_kubeconfig(self, path: Path, user: str, token: str) -> None:
        cluster = self.scenario.world.cluster.name
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": cluster,
            "clusters": [
                {
                    "name": cluster,
                    "cluster": {"server": self.server, "certificate-authority": str(self.state / "ca" / "api.crt")},
                }
            ],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=2))

    def write_inventory(self) -> Path | None:
        """The scenario's inventory with this process's ports, folders and UID filled in; None when it has none."""
        source, target = self.scenario.folder / "inventory.yaml", self.state / "inventory.yaml"
        if not source.is_file():
            return None
        yaml = YAML()
        inventory = yaml.load(source.read_text(encoding="utf-8"))
        inventory["cluster"] |= {"uid": self.scenario.world.cluster.uid, "clock": "server", "rehearsal": True}
        inventory["resolve"] = {
            name if ":" in name else f"{name}:443": f"{host}:{port}"
            for name, (host, port) in sorted(self.world.addresses.items())
        }
        for node in inventory.get("nodes") or ():
            if (
                node["name"] in {n.name for n in self.scenario.world.nodes}
                and node.get("transport", {}).get("kind") != "none"
            ):
                node["transport"] = {"kind": "local", "root": str(self.world.node_root(node["name"]))}
        self._fill_authorities(inventory)
        with target.open("w", encoding="utf-8") as file:
            yaml.dump(inventory, file)
        return target

    def _fill_authorities(self, inventory: Any) -> None:
        world = self.scenario.world
        registry = inventory.get("registry")
        if registry:
            entry = next((r for r in world.registries if set(r.names) & set(registry["names"])), None)
            if entry:
                registry["ca_file"] = str(self.state / "ca" / f"{entry.authority}.crt")
        for endpoint in inventory.get("endpoints") or ():
            if world.ingress and endpoint.get("tls", "verified") == "verified":
                endpoint["ca"] = str(self.state / "ca" / f"{world.ingress.authority}.crt")
        git = inventory.get("git")
        if git is not None and world.gitRepositories and "path" in git:
            git["path"] = str(self.state / "git" / world.gitRepositories[0].repo)
