"""Does every workload have as many ready pods as it wants? A ready HelmRelease does not say so (helm#10845)."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.readiness import job_state, workload_state
from runbook.domain.workloads import DaemonSet, Deployment, Job, StatefulSet, Workload
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref, namespaces_of
from runbook.model import Finding, Snapshot

QUESTION = "Does every workload have as many ready pods as it wants?"
NEEDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
STAGES = ("verify", "diagnose")
KINDS: tuple[type[Workload], ...] = (Deployment, StatefulSet, DaemonSet)
answer = Answers("workloads-ready")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each workload in the inventory's namespaces; none at all is a failure where releases are expected."""
    namespaces, seen = namespaces_of(inventory), 0
    for kind in KINDS:
        for workload in snapshot.of(kind):
            if workload.metadata.namespace in namespaces:
                seen += 1
                state = workload_state(workload)
                tell = answer.passed if state.ready else answer.failed
                yield tell(workload.ref, state.message, state=state.word)
    for job in snapshot.of(Job):
        if job.metadata.namespace in namespaces and not job_state(job).ready:
            yield answer.failed(job.ref, f"job {job_state(job).word}: {job_state(job).reason}", job_state(job).message)
    if not seen:
        absent = answer.failed if inventory.releases else answer.inapplicable
        yield absent(cluster_ref(snapshot), f"no workload in {len(namespaces)} namespaces of the inventory")
