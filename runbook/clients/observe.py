"""One pass over everything a stage asks for. What cannot be observed becomes a Gap with its reason, never an empty list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook.clients import nodes, registry
from runbook.clients.controllerlogs import read_logs
from runbook.clients.git import read_checkout
from runbook.clients.http import probe_endpoint
from runbook.clients.kubernetes import KubeClient, Listing
from runbook.clients.kubernetes.client import what_of
from runbook.domain.certificates import split_pem
from runbook.domain.kinds import KINDS
from runbook.domain.probes import AccessReview, RegistryTrust, ServerInfo
from runbook.errors import DeniedError, ObservationError
from runbook.inventory.model import Inventory
from runbook.model import Gap, ObjectRef, Snapshot

THREADS = 6
OPERATOR = "operator"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Observation:
    """A snapshot, and the API's items of it as they were served."""

    snapshot: Snapshot
    raw: Mapping[str, tuple[bytes, ...]]


@dataclass
class _Seen:
    objects: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    raw: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)
    malformed: list[tuple[ObjectRef, str]] = field(default_factory=list)


def observe(
    client: KubeClient,
    inventory: Inventory,
    *,
    wants: Iterable[str],
    base: Path,
    now: Callable[[], datetime],
    server: ServerInfo | None = None,
    progress: Progress | None = None,
) -> Observation:
    """Ask for every kind and probe named in `wants`. `base` is the inventory file's folder, for relative paths."""
    wanted = set(wants) | ({"Pod"} if {"LogGroup", "LogWindow", "ManifestProbe"} & set(wants) else set())
    wanted |= {"SealedSecret"} if "UnsealProbe" in wanted else set()
    seen, kinds = _Seen(), [k for k in KINDS if k in wanted and k != "Secret"]
    with ThreadPoolExecutor(THREADS) as pool:
        for done, (kind, got) in enumerate(pool.map(lambda k: (k, _list(client, k)), kinds), start=1):
            _keep(seen, kind, got)
            if progress:
                progress("lists", done, len(kinds))
    if "Secret" in wanted:
        _secrets(client, inventory, seen)
    if server is not None:
        seen.objects["ServerInfo"] = (server,)
    for name, probe in PROBES.items():
        if wanted & set(name):
            if progress:
                progress(name[0], 0, 1)
            _probe(seen, name, lambda probe=probe: probe(client, inventory, base, now, seen))  # type: ignore[misc]
    snapshot = Snapshot(now(), inventory.cluster.name, seen.objects, seen.gaps, tuple(seen.malformed))
    return Observation(snapshot, seen.raw)


def _list(client: KubeClient, kind: str, namespace: str = "") -> Listing | Gap:
    try:
        return client.list(kind, namespace=namespace)
    except ObservationError as error:
        return gap_of(error, f"list {KINDS[kind].qualified}{f' in {namespace}' if namespace else ' in all namespaces'}")


def gap_of(error: ObservationError, permission: str = "") -> Gap:
    """An error as a gap; a denial names the permission that is missing."""
    return Gap(error.what, error.why, permission if isinstance(error, DeniedError) else "")


def _keep(seen: _Seen, kind: str, got: Listing | Gap) -> None:
    if isinstance(got, Gap):
        seen.gaps[kind] = got
        return
    seen.objects[kind] = (*seen.objects.get(kind, ()), *got.items)
    seen.raw[kind] = (*seen.raw.get(kind, ()), *got.raw)
    seen.malformed += got.malformed


def _secrets(client: KubeClient, inventory: Inventory, seen: _Seen) -> None:
    """Metadata only, in the namespaces that opted in."""
    if inventory.secrets != "metadata" or not inventory.secrets_access.namespaces:
        seen.gaps["Secret"] = Gap(
            what_of("Secret"), "the inventory does not opt in to read Secrets (secrets: metadata)"
        )
        return
    for namespace in inventory.secrets_access.namespaces:
        try:
            _keep(seen, "Secret", client.list("Secret", namespace=namespace, metadata_only=True))
        except ObservationError as error:
            seen.gaps["Secret"] = gap_of(error, f"list secrets in {namespace}")


def _probe(seen: _Seen, names: tuple[str, ...], ask: Callable[[], Mapping[str, tuple[Any, ...]]]) -> None:
    try:
        seen.objects.update(ask())
    except ObservationError as error:
        for name in names:
            seen.gaps[name] = gap_of(error)


# the probes


def _served(client: KubeClient, *_rest: Any) -> Mapping[str, tuple[Any, ...]]:
    return {"ServedKind": tuple(client.discover().values())}


def _trust(
    _client: KubeClient, inventory: Inventory, base: Path, now: Callable[[], datetime], _seen: _Seen
) -> Mapping[str, tuple[Any, ...]]:
    entry = inventory.registry
    if entry is None:
        raise ObservationError("registry trust", "the inventory names no registry")
    image, cells = entry.probe_image, []
    for host in entry.names:
        pems, files = _operator_anchors(inventory, base)
        cells.append(
            registry.probe_trust(
                host,
                anchors=pems,
                sources=files,
                resolve=inventory.resolve,
                vantage=OPERATOR,
                runtime="",
                now=now(),
                image=image,
            )
        )
        cells += [_node_cell(inventory, node, host, base, now()) for node in inventory.nodes]
    return {"RegistryTrust": tuple(cells)}


def _operator_anchors(inventory: Inventory, base: Path) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    entry = inventory.registry
    if entry is None or not entry.ca_file:
        return (), ()
    path = base / entry.ca_file
    if not path.is_file():
        raise ObservationError("registry trust", f"the CA file {entry.ca_file} is not there")
    return split_pem(path.read_bytes()), (entry.ca_file,)


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
    return cell if not found.unread_sources else _with_unread(cell, found.unread_sources)


def _with_unread(cell: RegistryTrust, sources: tuple[str, ...]) -> RegistryTrust:
    import msgspec

    return msgspec.structs.replace(cell, node_read=f"read; not in the bundle: {', '.join(sources)}")


def _manifests(
    _client: KubeClient, inventory: Inventory, base: Path, _now: Callable[[], datetime], seen: _Seen
) -> Mapping[str, tuple[Any, ...]]:
    entry = inventory.registry
    if entry is None:
        raise ObservationError("registry manifests", "the inventory names no registry")
    if "Pod" in seen.gaps:
        raise ObservationError("registry manifests", f"which images are wanted is not known: {seen.gaps['Pod'].why}")
    anchors, _ = _operator_anchors(inventory, base)
    wanted = sorted(
        {
            *_images(entry.names, seen.objects.get("Pod", ())),
            *([(entry.names[0], *_split(entry.probe_image))] if entry.probe_image else []),
        }
    )
    with registry.client(anchors, inventory.resolve) as http:
        return {"ManifestProbe": tuple(registry.probe_manifest(h, r, t, client=http) for h, r, t in wanted)}


def _images(hosts: Iterable[str], pods: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    for pod in pods:
        for container in (*pod.spec.containers, *(pod.spec.init_containers or ())):
            for host in hosts:
                if container.image.startswith(host + "/"):
                    yield (host, *_split(container.image.removeprefix(host + "/")))


def _split(image: str) -> tuple[str, str]:
    if "@" in image:
        name, _, digest = image.partition("@")
        return name, digest
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon else (image, "latest")


def _endpoints(_client: KubeClient, inventory: Inventory, base: Path, *_rest: Any) -> Mapping[str, tuple[Any, ...]]:
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda e: probe_endpoint(e, resolve=inventory.resolve, base=base), inventory.endpoints)
        return {"EndpointProbe": tuple(found)}


def _unseal(
    client: KubeClient, inventory: Inventory, _base: Path, _now: Callable[[], datetime], seen: _Seen
) -> Mapping[str, tuple[Any, ...]]:
    entry = inventory.sealed_secrets
    if entry is None:
        raise ObservationError("/v1/verify", "the inventory does not say where the sealed-secrets controller answers")
    if "SealedSecret" in seen.gaps:
        raise ObservationError("/v1/verify", f"SealedSecrets could not be listed: {seen.gaps['SealedSecret'].why}")
    pairs = zip(seen.objects.get("SealedSecret", ()), seen.raw.get("SealedSecret", ()), strict=True)
    return {
        "UnsealProbe": tuple(
            client.verify_sealed(entry, o.metadata.namespace, o.metadata.name, raw) for o, raw in pairs
        )
    }


def _logs(
    client: KubeClient, inventory: Inventory, _base: Path, now: Callable[[], datetime], seen: _Seen
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


def _access(client: KubeClient, *_rest: Any) -> Mapping[str, tuple[Any, ...]]:
    reviews: list[AccessReview] = [
        client.review("list", entry.group, entry.plural)
        for entry in KINDS.values()
        if entry.kind not in ("Secret", "ConfigMap")
    ]
    reviews += [client.review("get", "", "pods/log"), client.review("watch", "", "pods")]
    return {"AccessReview": tuple(reviews)}


PROBES: dict[tuple[str, ...], Callable[..., Mapping[str, tuple[Any, ...]]]] = {
    ("ServedKind",): _served,
    ("RegistryTrust",): _trust,
    ("ManifestProbe",): _manifests,
    ("EndpointProbe",): _endpoints,
    ("UnsealProbe",): _unseal,
    ("LogWindow", "LogGroup"): _logs,
    ("GitHead", "GitFile"): _git,
    ("AccessReview",): _access,
}
