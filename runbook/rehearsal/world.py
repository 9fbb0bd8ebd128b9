"""The world outside the API: nodes' files, registries on real sockets, Git repositories, charts, sealing keys, logs."""

from __future__ import annotations

import shutil
import ssl
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from ruamel.yaml import YAML

from runbook.rehearsal.charts import Charts
from runbook.rehearsal.clock import ScaledClock
from runbook.rehearsal.durations import seconds
from runbook.rehearsal.gitrepos import GitRepository
from runbook.rehearsal.images import OS_STORE
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.logs import Line
from runbook.rehearsal.pki import Authority, authority, issue, server_context
from runbook.rehearsal.registry import Registry
from runbook.rehearsal.scenario import Scenario
from runbook.rehearsal.sealingkeys import SCOPE, SealingKey, scope_label
from runbook.rehearsal.worldfile import NodeEntry

MAX_LINES = 2_000


class LiveWorld:
    """What a scenario's world.yaml describes, alive in one state folder."""

    def __init__(self, scenario: Scenario, state: Path, clock: ScaledClock) -> None:
        self.scenario, self.entry, self.state, self.clock = scenario, scenario.world, state, clock
        self.authorities: dict[str, Authority] = {name: authority(name) for name in self.entry.authorities}
        self.charts = Charts(scenario.folder / "charts")
        self.addresses: dict[str, tuple[str, int]] = {}
        self.registries: dict[str, Registry] = {}
        self.repositories: dict[str, GitRepository] = {}
        self.sealing_keys: dict[str, SealingKey] = {}
        self.logs: defaultdict[tuple[str, str], deque[Line]] = defaultdict(lambda: deque(maxlen=MAX_LINES))
        self._runners: list[web.AppRunner] = []
        self._prepare_nodes()
        self._prepare_keys()
        self._prepare_git()

    async def start(self) -> None:
        """Open the registries' sockets."""
        for entry in self.entry.registries:
            registry = Registry(entry.images)
            context = server_context(
                self.authorities[entry.authority], entry.sans, self.state, f"registry-{entry.id}", days=entry.days
            )
            runner, port = await registry.start(context)
            self._runners.append(runner)
            self.registries[entry.id] = registry
            for name in entry.names:
                self.addresses[name] = ("127.0.0.1", port)

    async def stop(self) -> None:
        """Close them."""
        for runner in self._runners:
            await runner.cleanup()

    def resolve(self, host: str) -> tuple[str, int] | None:
        """Where a registry's host answers, or None: no such host."""
        return self.addresses.get(host)

    def node(self, name: str) -> NodeEntry:
        """A node's entry."""
        found: NodeEntry = next(n for n in self.entry.nodes if n.name == name)
        return found

    def node_root(self, name: str) -> Path:
        """The folder that is a node's root."""
        return self.state / "nodes" / name

    def repository(self, url: str) -> GitRepository | None:
        """The repository a source's URL names."""
        entry = next((g for g in self.entry.gitRepositories if g.url == url), None)
        return self.repositories[entry.repo] if entry else None

    def charts_of(self, url: str) -> Sequence[str] | None:
        """The charts a repository URL serves, or None: no such host."""
        entry = next((c for c in self.entry.chartRepositories if c.url == url.rstrip("/")), None)
        if entry is None:
            return None
        return self.charts.names() if entry.charts is None else entry.charts

    def install_ca(self, node: str, name: str, hosts: Sequence[str], *, store: bool) -> list[str]:
        """Put a CA where the node's runtime reads it; returns the files written, as the node names them."""
        root, runtime, pem = self.node_root(node), self.node(node).runtime, self.authorities[name].pem
        base = {"docker": "etc/docker/certs.d", "cri-o": "etc/containers/certs.d"}.get(
            runtime, "etc/containerd/certs.d"
        )
        written = [f"{base}/{host}/ca.crt" for host in hosts]
        if store:
            written.append(f"usr/local/share/ca-certificates/{name}.crt")
        for path in written:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(pem)
        return ["/" + path for path in written]

    def log(self, namespace: str, app: str, line: str) -> None:
        """One line of a program's log, at cluster time."""
        self.logs[namespace, app].append((self.clock.now(), line))

    def server_tls(self, issuer: str, sans: tuple[str, ...], name: str) -> ssl.SSLContext:
        """A TLS context for one of the world's own servers."""
        return server_context(self.authorities[issuer], sans, self.state, name)

    def manifests(self) -> list[Object]:
        """What the API holds at the start beside the scenario's own manifests: keys and published CAs."""
        found: list[Object] = []
        sealing = self.entry.sealing
        if sealing:
            born = self.clock.now() - timedelta(seconds=seconds(sealing.currentKeyAge))
            found.append(self.sealing_keys["current"].secret(sealing.namespace, "9x2kq", born))
        for entry in self.entry.caSecrets:
            registry = next(r for r in self.entry.registries if r.id == entry.registry)
            certificate, _key = issue(self.authorities[registry.authority], registry.sans)
            found.append(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"namespace": entry.namespace, "name": entry.name},
                    "type": "Opaque",
                    "stringData": {
                        "ca.crt": self.authorities[registry.authority].pem.decode(),
                        "tls.crt": certificate.decode(),
                    },
                }
            )
        return found

    def _prepare_nodes(self) -> None:
        for node in self.entry.nodes:
            root, source = self.node_root(node.name), self.scenario.folder / "nodes" / node.name
            if source.is_dir():
                shutil.copytree(source, root, dirs_exist_ok=True)
            store = root / OS_STORE
            store.parent.mkdir(parents=True, exist_ok=True)
            store.write_bytes(b"".join(self.authorities[a].pem for a in self.entry.systemTrust))
        for trust in self.entry.trust:
            self.install_ca(trust.node, trust.authority, trust.hosts, store=trust.store)
        folder = self.state / "ca"
        folder.mkdir(exist_ok=True)
        for name, issuer in self.authorities.items():
            (folder / f"{name}.crt").write_bytes(issuer.pem)

    def _prepare_keys(self) -> None:
        if self.entry.sealing is None:
            return
        for name, age in (("current", self.entry.sealing.currentKeyAge), ("lost", self.entry.sealing.lostKeyAge)):
            self.sealing_keys[name] = SealingKey.generate(self.clock.now() - timedelta(seconds=seconds(age)))

    def _prepare_git(self) -> None:
        for entry in self.entry.gitRepositories:
            tree = self.state / "git" / entry.repo
            tree.parent.mkdir(parents=True, exist_ok=True)
            source = self.scenario.folder / "git" / entry.repo
            repository = GitRepository.create(source, tree, entry.branch, self.state / "revisions" / entry.repo)
            for sealed in self.entry.sealed:
                if sealed.file.split("/")[0] == entry.repo:
                    self._write_sealed(sealed, self.state / "git" / sealed.file)
            for commit in entry.commits:
                repository.commit(commit.message, self._ago(commit.ago))
            self.repositories[entry.repo] = repository

    def _write_sealed(self, entry: Any, path: Path) -> None:
        metadata: dict[str, Any] = {"name": entry.name, "namespace": entry.namespace}
        if entry.scope != "strict":
            metadata["annotations"] = {SCOPE + entry.scope: "true"}
        key, label = self.sealing_keys[entry.key], scope_label(metadata)
        sealed = {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": metadata,
            "spec": {
                "encryptedData": {name: key.seal(label, value) for name, value in entry.data.items()},
                "template": {"metadata": dict(metadata), "type": "Opaque"},
            },
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(sealed, file)

    def _ago(self, text: str) -> datetime:
        return (self.clock.now() - timedelta(seconds=seconds(text))).astimezone(UTC)
