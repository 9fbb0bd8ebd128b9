"""One pass over everything a stage asks for. What cannot be observed becomes a Gap with its reason, never an empty list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook.clients.kubernetes import KubeClient, Listing
from runbook.clients.kubernetes.listing import what_of
from runbook.clients.probing import PROBES, THREADS, Seen
from runbook.domain.kinds import KINDS, decode
from runbook.domain.probes import ServerInfo
from runbook.errors import DeniedError, ObservationError
from runbook.inventory.model import Inventory
from runbook.model import Gap, Snapshot

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Observation:
    """A snapshot, the API's items of it less managedFields where they were asked for, and what is to be said of its lists."""

    snapshot: Snapshot
    raw: Mapping[str, tuple[bytes, ...]]
    notes: tuple[str, ...] = ()


def observe(
    client: KubeClient,
    inventory: Inventory,
    *,
    wants: Iterable[str],
    base: Path,
    now: Callable[[], datetime],
    server: ServerInfo | None = None,
    progress: Progress | None = None,
    as_served: bool = True,
) -> Observation:
    """Ask for every kind and probe named in `wants`. `base` is the inventory file's folder, for relative paths.

    A look that keeps no evidence needs no items as they were served, which are twice the size of their fields.
    """
    wanted = set(wants) | ({"Pod"} if {"LogGroup", "LogWindow", "ManifestProbe"} & set(wants) else set())
    wanted |= {"SealedSecret"} if "UnsealProbe" in wanted else set()
    wanted |= {"Secret"} if "SealedSecret" in wanted and inventory.secrets == "metadata" else set()
    seen, kinds = Seen(), [k for k in KINDS if k in wanted and k != "Secret"]
    # a controller is asked about SealedSecrets as they are
    whole = set(kinds) if as_served else {"SealedSecret"} if "UnsealProbe" in wanted else set()
    for kind in kinds:
        decode(kind, b"{}")  # msgspec builds decoders at first use, and two threads that do so at once may crash it

    def ask(kind: str) -> tuple[str, Listing | Gap]:
        return kind, _list(client, kind) if kind in whole else _list(client, kind, as_served=False)

    with ThreadPoolExecutor(THREADS) as pool:
        for done, (kind, got) in enumerate(pool.map(ask, kinds), start=1):
            _keep(seen, kind, got)
            if progress:
                progress("lists", done, len(kinds))
    if "Secret" in wanted:
        _secrets(client, inventory, seen, as_served=as_served)
    if server is not None:
        seen.objects["ServerInfo"] = (server,)
    for name, probe in PROBES.items():
        if wanted & set(name):
            if progress:
                progress(name[0], 0, 1)
            _probe(seen, name, lambda probe=probe: probe(client, inventory, base, now, seen))  # type: ignore[misc]
    snapshot = Snapshot(now(), inventory.cluster.name, seen.objects, seen.gaps, tuple(seen.malformed))
    return Observation(snapshot, seen.raw if as_served else {}, tuple(seen.notes))


def _list(client: KubeClient, kind: str, *, as_served: bool = True) -> Listing | Gap:
    if KINDS[kind].optional and client.lacks(kind):
        return Listing(kind, (), (), "")  # a project that is not installed has no objects
    try:
        return client.list(kind, as_served=as_served)
    except ObservationError as error:
        return gap_of(error, f"list {KINDS[kind].qualified} in all namespaces")


def gap_of(error: ObservationError, permission: str = "") -> Gap:
    """An error as a gap; a denial names the permission that is missing."""
    return Gap(error.what, error.why, permission if isinstance(error, DeniedError) else "")


def _keep(seen: Seen, kind: str, got: Listing | Gap) -> None:
    if isinstance(got, Gap):
        seen.gaps[kind] = got
        return
    seen.objects[kind] = (*seen.objects.get(kind, ()), *got.items)
    seen.raw[kind] = (*seen.raw.get(kind, ()), *got.raw)
    seen.malformed += got.malformed
    seen.notes += got.notes


def _secrets(client: KubeClient, inventory: Inventory, seen: Seen, *, as_served: bool) -> None:
    """Metadata only, in the namespaces that opted in."""
    if inventory.secrets != "metadata" or not inventory.secrets_access.namespaces:
        seen.gaps["Secret"] = Gap(
            what_of("Secret"), "the inventory does not opt in to read Secrets (secrets: metadata)"
        )
        return
    for namespace in inventory.secrets_access.namespaces:
        try:
            got = client.list("Secret", namespace=namespace, metadata_only=True, as_served=as_served)
            _keep(seen, "Secret", got)
        except ObservationError as error:
            seen.gaps["Secret"] = gap_of(error, f"list secrets in {namespace}")


def _probe(seen: Seen, names: tuple[str, ...], ask: Callable[[], Mapping[str, tuple[Any, ...]]]) -> None:
    try:
        seen.objects.update(ask())
    except ObservationError as error:
        for name in names:
            seen.gaps[name] = gap_of(error)
