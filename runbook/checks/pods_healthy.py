"""Is every pod running and ready, or finished with success? STATUS is for people; readiness is what counts."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.pods import Pod
from runbook.domain.podstatus import pod_row, restarts
from runbook.domain.readiness import pod_ready
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref, namespaces_of
from runbook.model import Finding, Snapshot

QUESTION = "Is every pod running and ready, or finished with success?"
NEEDS = ("Pod",)
STAGES = ("verify", "diagnose")
MANY_RESTARTS = 5
answer = Answers("pods-healthy")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each pod in the inventory's namespaces, init containers and sidecars included."""
    namespaces = namespaces_of(inventory)
    pods = [p for p in snapshot.of(Pod) if p.metadata.namespace in namespaces]
    if not pods:
        tell = answer.failed if inventory.releases else answer.inapplicable
        yield tell(cluster_ref(snapshot), f"no pod in {len(namespaces)} namespaces of the inventory")
    for pod in pods:
        yield _judged(pod)


def _judged(pod: Pod) -> Finding:
    ready, total, status = pod_row(pod)
    number = restarts(pod)
    facts = {"ready": ready, "total": total, "status": status, "restarts": number, "node": pod.spec.node_name}
    if not pod_ready(pod):
        return answer.failed(pod.ref, f"{status}, {ready} of {total} containers ready", *_why(pod), **facts)
    if number >= MANY_RESTARTS:
        return answer.warned(pod.ref, f"{status}, but restarted {number} times", **facts)
    return answer.passed(pod.ref, f"{status}, {ready} of {total} containers ready", **facts)


def _why(pod: Pod) -> tuple[str, ...]:
    statuses = (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ()))
    return tuple(s.state.waiting.message for s in statuses if s.state.waiting and s.state.waiting.message)[:3]
