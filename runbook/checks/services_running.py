"""Does every row of the service checklist run: declared, its release ready, its workload ready?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.helm import HelmRelease
from runbook.domain.readiness import flux_state, workload_state
from runbook.domain.workloads import DaemonSet, Deployment, StatefulSet, Workload
from runbook.inventory.model import ExpectedService, Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Does every row of the service checklist run: declared, its release ready, its workload ready?"
NEEDS = ("HelmRelease", "Deployment", "StatefulSet", "DaemonSet")
STAGES = ("verify",)
KINDS: tuple[type[Workload], ...] = (Deployment, StatefulSet, DaemonSet)
answer = Answers("services-running")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer a row, with the ticket's own tick beside it."""
    if not inventory.services:
        yield answer.expected(snapshot.cluster, "services")
    releases = by_name(snapshot.of(HelmRelease))
    workloads = [w for kind in KINDS for w in snapshot.of(kind)]
    for row in inventory.services:
        yield _judged(row, releases, workloads)


def _judged(row: ExpectedService, releases: dict[tuple[str, str], HelmRelease], workloads: list[Workload]) -> Finding:
    ref, facts = ObjectRef("Checklist", "", row.id), {"text": row.text, "ticked": row.ticked, "release": row.release}
    namespace, _, name = row.release.partition("/")
    if not row.release and row.workload is None:
        return answer.failed(ref, "NOT-DECLARED: no HelmRelease declares it", **facts)
    release = releases.get((namespace, name))
    if row.release and release is None:
        return answer.failed(ref, f"NOT-DECLARED: HelmRelease {row.release} does not exist", **facts)
    state = flux_state(release) if release else None
    if state is not None and not state.ready:
        return answer.failed(ref, f"HelmRelease {row.release} is {state.word}: {state.reason}", state.message, **facts)
    mine = _workloads(row, (namespace, name), workloads)
    if not mine:
        where = f"HelmRelease {row.release} is ready, but no workload of it" if row.release else "its workload"
        return answer.failed(ref, f"{where} was not found", **facts)
    red = [w for w in mine if not workload_state(w).ready]
    if red:
        return answer.failed(ref, f"{red[0].KIND} {red[0].metadata.name}: {workload_state(red[0]).message}", **facts)
    return answer.passed(ref, f"{len(mine)} workload(s) ready", **facts)


def _workloads(row: ExpectedService, release: tuple[str, str], workloads: list[Workload]) -> list[Workload]:
    if row.workload is not None:
        wanted = (row.workload.kind, row.workload.namespace, row.workload.name)
        return [w for w in workloads if (w.KIND, w.metadata.namespace, w.metadata.name) == wanted]
    return [
        w
        for w in workloads
        if (w.metadata.label("helm.toolkit.fluxcd.io/namespace"), w.metadata.label("helm.toolkit.fluxcd.io/name"))
        == release
        or (w.metadata.namespace, w.metadata.annotation("meta.helm.sh/release-name")) == release
    ]
