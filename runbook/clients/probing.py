"""The probes of one pass: what the product asks itself, beside listing kinds. Each raises ObservationError as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from runbook.clients import nodes, registry
from runbook.clients.controllerlogs import read_logs
from runbook.clients.git import read_checkout
from runbook.clients.http import probe_endpoints
from runbook.clients.kubernetes import KubeClient
from runbook.clients.unsealing import newest_key, unseal_probes
from runbook.domain.certificates import readable_pems
from runbook.domain.kinds import KINDS
from runbook.domain.probes import RegistryTrust
from runbook.errors import ObservationError
from runbook.inventory.model import Inventory
from runbook.judgement import permissions
from runbook.model import Gap, ObjectRef

THREADS = 6
OPERATOR = "operator"
TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet", "Job")


@dataclass
class Seen:
    """What one pass has seen so far: a probe may build on the lists before it."""

    objects: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    raw: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    gaps: dict[str, Gap] = field(default_factory=dict)
    malformed: list[tuple[ObjectRef, str]] = field(default_factory=list)


def _served(client: KubeClient, *_rest: Any) -> Mapping[str, tuple[Any, ...]]:
    return {"ServedKind": tuple(client.discover().values())}


def _trust(
    _client: KubeClient, inventory: Inventory, base: Path, now: Callable[[], datetime], _seen: Seen
) -> Mapping[str, tuple[Any, ...]]:
    entry = inventory.registry
    if entry is None:
        raise ObservationError("registry trust", "the inventory names no registry")
    pems, files = _operator_anchors(inventory, base)
    at = now()

    def cell(place: tuple[str, Any]) -> RegistryTrust:
        host, node = place
        if node is not None:
            return _node_cell(inventory, node, host, base, at)
        return registry.probe_trust(
            host,
            anchors=pems,
            sources=files,
            resolve=inventory.resolve,
            vantage=OPERATOR,
            runtime="",
            now=at,
            image=entry.probe_image,
        )

    with ThreadPoolExecutor(THREADS) as pool:
        places = [(host, node) for host in entry.names for node in (None, *inventory.nodes)]
        return {"RegistryTrust": tuple(pool.map(cell, places))}


def _operator_anchors(inventory: Inventory, base: Path) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    entry = inventory.registry
    if entry is None or not entry.ca_file:
        return (), ()
    path = base / entry.ca_file
    if not path.is_file():
        raise ObservationError("registry trust", f"the CA file {entry.ca_file} is not there")
    pems = readable_pems([path.read_bytes()])
    if not pems:
        raise ObservationError("registry trust", f"the CA file {entry.ca_file} holds no certificate")
    return pems, (entry.ca_file,)


def _node_cell(inventory: Inventory, node: Any, host: str, base: Path, now: datetime) -> RegistryTrust:
    """What the node's own runtime would trust, tried in a handshake made from here: `node_read` says so, or why not."""
    assert inventory.registry is not None
    try:
        found = nodes.anchors(node, host, base)
    except ObservationError as error:
        return RegistryTrust(vantage=node.name, runtime=node.runtime, host=host, node_read=error.why)
    cell = registry.probe_trust(
        host,
        anchors=found.pems,
        sources=found.files,
        resolve=inventory.resolve,
        vantage=node.name,
        runtime=node.runtime,
        now=now,
        image=inventory.registry.probe_image,
        node_read="read",
    )
    if not found.unread_sources:
        return cell
    return msgspec.structs.replace(cell, node_read=f"read; not in the bundle: {', '.join(found.unread_sources)}")


def _manifests(
    _client: KubeClient, inventory: Inventory, base: Path, _now: Callable[[], datetime], seen: Seen
) -> Mapping[str, tuple[Any, ...]]:
    entry = inventory.registry
    if entry is None:
        raise ObservationError("registry manifests", "the inventory names no registry")
    from runbook.clients import manifests

    if "Pod" in seen.gaps:
        raise ObservationError("registry manifests", f"which images are wanted is not known: {seen.gaps['Pod'].why}")
    anchors, _ = _operator_anchors(inventory, base)
    # a workload that has no pod yet wants its images too
    specs = [pod.spec for pod in seen.objects.get("Pod", ())]
    specs += [w.spec.template.spec for kind in TEMPLATED for w in seen.objects.get(kind, ())]
    probed = [(entry.names[0], *registry.split_image(entry.probe_image))] if entry.probe_image else []
    wanted = sorted({*_images(entry.names, specs), *probed})
    with manifests.client(anchors, inventory.resolve) as http, ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda image: manifests.probe_manifest(*image, client=http), wanted)
        return {"ManifestProbe": tuple(found)}


def _images(hosts: Iterable[str], specs: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    for spec in specs:
        for container in (*spec.containers, *(spec.init_containers or ())):
            for host in hosts:
                if container.image.startswith(host + "/"):
                    yield (host, *registry.split_image(container.image.removeprefix(host + "/")))


def _endpoints(_client: KubeClient, inventory: Inventory, base: Path, *_rest: Any) -> Mapping[str, tuple[Any, ...]]:
    return {"EndpointProbe": probe_endpoints(inventory.endpoints, resolve=inventory.resolve, base=base)}


def _unseal(
    client: KubeClient, inventory: Inventory, _base: Path, _now: Callable[[], datetime], seen: Seen
) -> Mapping[str, tuple[Any, ...]]:
    entry = inventory.sealed_secrets
    if entry is None:
        raise ObservationError("/v1/verify", "the inventory does not say where the sealed-secrets controller answers")
    if "SealedSecret" in seen.gaps:
        raise ObservationError("/v1/verify", f"SealedSecrets could not be listed: {seen.gaps['SealedSecret'].why}")
    pairs = zip(seen.objects.get("SealedSecret", ()), seen.raw.get("SealedSecret", ()), strict=True)
    return {"UnsealProbe": unseal_probes(client, entry, tuple(pairs))}


def _sealing_key(
    client: KubeClient, inventory: Inventory, _base: Path, _now: Callable[[], datetime], seen: Seen
) -> Mapping[str, tuple[Any, ...]]:
    entry = inventory.sealed_secrets
    if entry is None:
        raise ObservationError("/v1/cert.pem", "the inventory does not say where the sealed-secrets controller answers")
    opted = inventory.secrets == "metadata" and entry.namespace in inventory.secrets_access.namespaces
    secrets = [s for s in seen.objects.get("Secret", ()) if s.metadata.namespace == entry.namespace]
    return {"SealingKey": (newest_key(client, entry, secrets if opted and "Secret" not in seen.gaps else None),)}


def _logs(
    client: KubeClient, inventory: Inventory, _base: Path, now: Callable[[], datetime], seen: Seen
) -> Mapping[str, tuple[Any, ...]]:
    if "Pod" in seen.gaps:
        raise ObservationError("controller logs", f"which pods there are is not known: {seen.gaps['Pod'].why}")
    windows, groups = read_logs(client, inventory, seen.objects.get("Pod", ()), now())
    return {"LogWindow": windows, "LogGroup": groups}


def _git(_client: KubeClient, inventory: Inventory, base: Path, *_rest: Any) -> Mapping[str, tuple[Any, ...]]:
    if not inventory.git.path:
        raise ObservationError("Git", "the inventory names no checkout (git.path)")
    head, files = read_checkout(base / inventory.git.path)
    return {"GitHead": (head,), "GitFile": files}


def _access(client: KubeClient, inventory: Inventory, *_rest: Any) -> Mapping[str, tuple[Any, ...]]:
    """Each permission everywhere, and where that is refused once more in the namespaces where it is needed."""
    lacking = {(k.group, k.plural) for k in KINDS.values() if k.optional and client.lacks(k.kind)}
    wanted = [p for p in permissions.wanted(inventory) if (p.group, p.resource) not in lacking]
    with ThreadPoolExecutor(THREADS) as pool:
        wide = tuple(
            pool.map(lambda q: client.review(*q), dict.fromkeys((p.verb, p.group, p.resource) for p in wanted))
        )
        refused = {(r.verb, r.group, r.resource) for r in wide if not r.allowed}
        narrow = [p for p in wanted if p.namespace and (p.verb, p.group, p.resource) in refused]
        again = pool.map(lambda p: client.review(p.verb, p.group, p.resource, p.namespace), narrow)
        return {"AccessReview": (*wide, *again)}


PROBES: dict[tuple[str, ...], Callable[..., Mapping[str, tuple[Any, ...]]]] = {
    ("ServedKind",): _served,
    ("RegistryTrust",): _trust,
    ("ManifestProbe",): _manifests,
    ("EndpointProbe",): _endpoints,
    ("UnsealProbe",): _unseal,
    ("SealingKey",): _sealing_key,
    ("LogWindow", "LogGroup"): _logs,
    ("GitHead", "GitFile"): _git,
    ("AccessReview",): _access,
}
