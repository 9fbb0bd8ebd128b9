"""Delete a pod that cannot start although its cause is gone, so that its owner makes another. Captured first.

Which pods may go is kubectl drain's and semantics 3.6's table: one with a controller of its own that makes it again, and
neither a Job's nor a DaemonSet's; everything else is a person's decision or never.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runbook.acting.hands import Hands, NotDone
from runbook.acting.midaction import release_details
from runbook.acting.removing import remove
from runbook.acting.standing import untrusted_nodes
from runbook.acting.wreckage import CAPTURED, in_the_way, is_stuck, maker, stuck_jobs, stuck_pods, unknown
from runbook.domain.kinds import decode
from runbook.domain.owners import job_of_pod
from runbook.domain.pods import Pod
from runbook.domain.podstatus import IMAGE_WAITING, troubles
from runbook.inventory.model import Inventory
from runbook.judgement.permissions import touched_namespaces
from runbook.model import Action, Explanation, Finding, Snapshot

KINDS = ("delete-pod",)
MIRROR = "kubernetes.io/config.mirror"
_KEPT_APART = frozenset({"kube-system", "kube-public", "kube-node-lease", "flux-system"})
_REMADE = frozenset({"ReplicaSet", "StatefulSet", "ReplicationController"})


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One deletion for each stuck pod that no planned Job owns, on nodes whose registry trust is not red."""
    namespaces, red = touched_namespaces(inventory), untrusted_nodes(snapshot)
    jobs = {j.ref for j in stuck_jobs(snapshot, namespaces)}
    pods = (p for p in stuck_pods(snapshot, namespaces) if p.spec.node_name not in red)
    return tuple(_delete(p, snapshot, explanation) for p in pods if job_of_pod(p.metadata) not in jobs)


def perform(action: Action, hands: Hands) -> str:
    """Capture the pod, look once more, delete it as it was seen. Raises NotDone, ActionError, EvidenceError."""
    return remove(action, hands, refuse=_refuse_healed)


def _delete(pod: Pod, snapshot: Snapshot, explanation: Explanation | None) -> Action:
    meta, (again, _) = pod.metadata, maker(pod, snapshot)
    return Action(
        id="",
        kind="delete-pod",
        object=pod.ref,
        reason=_why(pod),
        undo=f"none: {again}; its {CAPTURED} it goes",
        command=f"kubectl delete pod {meta.name} -n {meta.namespace} --cascade=background",
        finding="pods-healthy",
        precondition=f"uid {meta.uid}, resourceVersion {meta.resource_version}",
        blast_radius=f"this pod; {again}",
        requires=(*in_the_way(pod, snapshot, explanation), *_never(pod)),
        asks=_asks(pod) or unknown(pod, snapshot, explanation),
        uid=meta.uid,
        resource_version=meta.resource_version,
        details=release_details(pod, snapshot),
    )


def _refuse_healed(pod: Mapping[str, Any]) -> None:
    """A kubelet tries again by itself: what has come up since the plan is no wreckage."""
    seen = decode("Pod", json.dumps(pod).encode())
    if isinstance(seen, Pod) and not is_stuck(seen):
        raise NotDone(
            "unchanged", "it is no longer stuck: its kubelet's next try went on, and there is nothing to remove"
        )


def _why(pod: Pod) -> str:
    found = troubles(pod)
    if not found:
        return f"phase {pod.status.phase} {pod.status.reason}".strip()
    return f"{found[0].container}: {found[0].reason} {found[0].message}".strip()[:300]


def _never(pod: Pod) -> list[str]:
    """What deleting would not cure, or nobody may."""
    if MIRROR in (pod.metadata.annotations or {}):
        return ["a static pod: the kubelet makes it again from its file, whatever the API says"]
    reasons = {t.reason for t in troubles(pod)}
    if pod.status.phase != "Failed" and reasons and not reasons & IMAGE_WAITING:
        return [f"deleting it would only reset its back-off: repair what {', '.join(sorted(reasons))} names"]
    return []


def _asks(pod: Pod) -> str:
    """The decision a person must take, or nothing."""
    owner = pod.metadata.controller
    if owner is None:
        return "a bare pod: nothing would make it again; a person decides"
    if owner.kind == "Job":
        return f"its Job {owner.name} would count the deletion as a failure; a person decides"
    if owner.kind not in _REMADE:
        return f"its owner is a {owner.kind}: what that does when a pod goes is not known here; a person decides"
    if pod.metadata.namespace in _KEPT_APART:
        return f"{pod.metadata.namespace} is never touched unattended; a person decides"
    return ""
