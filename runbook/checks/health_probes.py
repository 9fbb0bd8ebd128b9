"""Do the probes of every workload pass, and does every workload have probes at all?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.readiness import workload_state
from runbook.domain.workloads import DaemonSet, Deployment, StatefulSet, Workload
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref, namespaces_of
from runbook.model import Finding, Snapshot

QUESTION = "Do the probes of every workload pass, and does every workload have probes at all?"
NEEDS = ("Deployment", "StatefulSet", "DaemonSet")
STAGES = ("verify",)
KINDS: tuple[type[Workload], ...] = (Deployment, StatefulSet, DaemonSet)
answer = Answers("health-probes")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer a workload: with probes, ready means they pass; without, ready says only that a process started."""
    namespaces, seen = namespaces_of(inventory), 0
    for kind in KINDS:
        for workload in snapshot.of(kind):
            if workload.metadata.namespace in namespaces:
                seen += 1
                yield _judged(workload)
    if not seen:
        tell = answer.failed if inventory.releases else answer.inapplicable
        yield tell(cluster_ref(snapshot), f"no workload was evaluated in {len(namespaces)} namespaces")


def _judged(workload: Workload) -> Finding:
    containers = workload.spec.template.spec.containers
    with_probe = sum(bool(c.readiness_probe or c.liveness_probe) for c in containers)
    state = workload_state(workload)
    facts = {"containers": len(containers), "with_probe": with_probe}
    if not state.ready:
        return answer.failed(
            workload.ref, f"{state.message}; {with_probe} of {len(containers)} containers have a probe", **facts
        )
    if not with_probe:
        return answer.warned(workload.ref, f"{state.message}, but no container has a probe: ready says little", **facts)
    return answer.passed(
        workload.ref, f"{state.message}; {with_probe} of {len(containers)} containers have a probe", **facts
    )
