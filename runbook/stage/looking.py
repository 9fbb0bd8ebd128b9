"""Looks that leave no record: the status card, an explanation, a starter inventory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook.clients.kubernetes import connect
from runbook.clients.observe import Observation, observe
from runbook.domain.probes import ServerInfo
from runbook.evidence import Redactor, load_snapshot
from runbook.evidence.entries import RUN
from runbook.inventory.model import Cluster, Inventory
from runbook.model import Snapshot, StageResult
from runbook.stage.catalogues import catalogue_of, kept_causes_beside
from runbook.stage.identity import reach, read_inventory, utc_now, who
from runbook.stage.judging import judge
from runbook.stage.observing import base_of, progress
from runbook.stage.questions import inquired
from runbook.stage.stages import EXPLAINED, wants
from runbook.stage.telling import Teller
from runbook.version import __version__

if TYPE_CHECKING:
    from runbook.diagnosis import Catalogue
    from runbook.inventory.load import InventoryFile
    from runbook.stage.identity import Reached

_STARTER = (
    "Node", "Namespace", "GitRepository", "OCIRepository", "HelmRepository", "Bucket", "Kustomization", "HelmRelease",
    "Deployment", "StatefulSet", "DaemonSet", "Service", "Ingress", "Pod", "SealedSecret",
)  # fmt: skip


def look(
    *, inventory: Path, kubeconfig: str | None, context: str | None, talk: Teller
) -> tuple[StageResult, Mapping[str, Any]]:
    """One verify without a soak and without a record, for the card. Raises what `begin` raises."""
    file = read_inventory(str(inventory))
    catalogue = catalogue_of(file)
    reached = reach(file, kubeconfig=kubeconfig or "", context=context or "")
    started = utc_now()
    try:
        snapshot = _observed(file, reached, wants("verify"), talk)
    finally:
        reached.client.close()
    judged = judge("verify", snapshot, file.inventory, today=started.date(), operator=who(), catalogue=catalogue)
    result = StageResult(
        stage="verify",
        attempt=0,
        mode="plan",
        verdict=judged.verdict,
        started=started,
        ended=utc_now(),
        cluster_time=snapshot.observed_at,
        findings=judged.findings,
        criteria=judged.criteria,
        explanation=judged.explanation,
        actions=(),
        time_scale=reached.scale,
    )
    return result, _facts(file, reached)


def observe_for_explanation(
    inventory: Path, *, kubeconfig: str | None, context: str | None, talk: Teller
) -> tuple[Snapshot, Inventory]:
    """What diagnosis walks along, live, with what was asked about first causes, and what should be true.

    Raises what `begin` raises.
    """
    file = read_inventory(str(inventory))
    catalogue = catalogue_of(file)
    reached = reach(file, kubeconfig=kubeconfig or "", context=context or "")
    try:
        seen = _observed(file, reached, EXPLAINED, talk)
        cut = Redactor().text
        return inquired(reached.client, seen, file.inventory, catalogue, cut=cut, talk=talk), file.inventory
    finally:
        reached.client.close()


def observe_for_inventory(
    *, kubeconfig: str | None, context: str | None, resolve: Mapping[str, str] | None = None, talk: Teller
) -> tuple[Snapshot, ServerInfo, str]:
    """What a starter inventory is made from: the objects, the server with its UID, and the context's name."""
    client = connect(kubeconfig=kubeconfig, context=context, resolve=resolve or {})
    try:
        server = client.identify()
        empty = Inventory(schema="runbook/inventory/v1", cluster=Cluster(name=client.context or "cluster"))
        seen = observe(client, empty, wants=_STARTER, base=Path.cwd(), now=utc_now, server=server, as_served=False)
        return _told(seen, talk), server, client.context
    finally:
        client.close()


def recorded_catalogue(paths: Sequence[Path]) -> Catalogue | None:
    """The causes by which a run was judged, where `paths` are a run or an attempt of one; None for saved files."""
    from runbook.evidence import Run
    from runbook.evidence.amendments import in_force

    folder = next((p for p in (*paths, *(p.parent for p in paths)) if (p / RUN).is_file()), None)
    if len(paths) != 1 or folder is None:
        return None
    run = Run.load(folder)
    last = next((a for a in reversed(run.attempts()) if paths[0] in (run.path, a.path)), None)
    when = last.read_result().started if last is not None and last.recorded else utc_now()
    return kept_causes_beside(run.path / in_force(run, when)[0]).catalogue


def recorded_snapshot(paths: Sequence[Path]) -> Snapshot:
    """Recorded objects: an attempt's or a run's folder, else files of `kubectl get -o json|yaml`. Raises UsageError."""
    from runbook.clients.recorded import load
    from runbook.evidence import Run

    if len(paths) == 1 and (paths[0] / "observations").is_dir():
        return load_snapshot(paths[0])
    if len(paths) == 1 and (paths[0] / RUN).is_file():
        kept = [a for a in Run.load(paths[0]).attempts() if (a.path / "observations").is_dir()]
        walked = [a for a in kept if a.stage in ("verify", "diagnose")] or kept
        if walked:
            return walked[-1].snapshot()
    return load(paths)


def _observed(file: InventoryFile, reached: Reached, kinds: Sequence[str], talk: Teller) -> Snapshot:
    seen = observe(
        reached.client,
        file.inventory,
        wants=kinds,
        base=base_of(file),
        now=reached.now,
        server=reached.server,
        progress=progress(talk),
        as_served=False,
    )
    return _told(seen, talk)


def _told(seen: Observation, talk: Teller) -> Snapshot:
    """There is no record that could hold what is to be said of the lists."""
    for note in seen.notes:
        talk.warning("observe", note)
    return seen.snapshot


def _facts(file: InventoryFile, reached: Reached) -> dict[str, Any]:
    cluster = file.inventory.cluster
    return {
        "cluster": cluster.name,
        "uid": reached.server.uid,
        "server": reached.client.server,
        "context": reached.client.context,
        "rehearsal": cluster.rehearsal,
        "who": who(),
        "how": "status",
        "inventory_path": str(file.path),
        "inventory_digest": file.digest,
        "tool_version": __version__,
        "time_scale": reached.scale,
    }
