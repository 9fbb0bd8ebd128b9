"""One embedded cluster: store, world, controllers, API and sockets, from a scenario and a state folder."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from runbook.rehearsal import effectiveinventory, kubeconfigs, serve
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
from runbook.rehearsal.nodeobjects import node_object
from runbook.rehearsal.pki import authority, server_context
from runbook.rehearsal.runtime import Controllers
from runbook.rehearsal.scenario import Scenario
from runbook.rehearsal.store import Store
from runbook.rehearsal.world import LiveWorld

HOST = "127.0.0.1"
FIRST = ("Namespace", "CustomResourceDefinition", "Node")


class EmbeddedCluster:
    """Started once, stopped once. `server` is the API's URL, `clock` the only time there is.

    `inventory` is where the effective inventory is written, and where the scenario's person edits it.
    """

    def __init__(
        self, scenario: Scenario, state: Path, *, scale: float, port: int = 0, inventory: Path | None = None
    ) -> None:
        self.scenario, self.state, self._port = scenario, state, port
        self.inventory = inventory or state / "inventory.yaml"
        self.clock = ScaledClock(scale)
        self.store = Store(self.clock)
        self.world = LiveWorld(scenario, state, self.clock)
        self.server = ""
        users: dict[str, tuple[str, ...]] = {"admin": ("system:masters",), "person": ("system:masters",)}
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
        version, now = self.scenario.world.kubernetes, self.store.now()
        nodes = [node_object(entry, kubelet=version, now=now) for entry in self.scenario.world.nodes]
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
        """A kubeconfig for each user in the state folder; the admin's is `kubeconfig`, and is written to `extra` too."""
        ca, name = self.state / "ca" / "api.crt", self.scenario.world.cluster.name
        ca.write_bytes(self._ca.pem)
        if extra is not None:
            kubeconfigs.write_kubeconfig(
                extra, name, self.server, ca, kubeconfigs.ADMIN, self.tokens[kubeconfigs.ADMIN]
            )
        return kubeconfigs.write_kubeconfigs(self.state, name, self.server, self.tokens)

    def write_inventory(self) -> Path | None:
        """The scenario's inventory with this process's ports, folders and UID filled in; None when it has none."""
        return effectiveinventory.write_inventory(self.world, self.inventory)
