"""Which Secrets an object may still be held by: what has started since has read them, and nothing is to be blamed on them.

The kubelet mounts all volumes before the first container of a pod, and reads a container's environment after its image was
pulled and before it is made: what it lacks there it says as `CreateContainerConfigError`. [kk:pkg/kubelet/kubelet.go,
kk:pkg/kubelet/kuberuntime/kuberuntime_container.go] helm-controller reads values before it acts, kustomize-controller variables and
keys before it applies; both say at once what they do not find, so their other words never mean such a reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runbook.diagnosis.edge import Edge
from runbook.domain.meta import condition
from runbook.domain.pods import ContainerStatus, Pod
from runbook.domain.workloads import Job, Workload
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_CONFIG = "CreateContainerConfigError"
_NOT_YET = ("", "ContainerCreating", "PodInitializing")


def lacking(walker: Walker, ref: ObjectRef) -> Iterator[tuple[Edge, str]]:
    """Edges to Secrets that were not observed and may hold the object, each with what would decide whether it does."""
    obj = walker.index.get(ref)
    needs = [
        e for e in walker.graph.out(ref, "needs") if e.target.kind == "Secret" and walker.index.get(e.target) is None
    ]
    if isinstance(obj, Pod):
        yield from ((e, unless_missing(walker, e.target)) for e in needs if _may_hold(obj, e.proof))
    elif isinstance(obj, (Workload, Job)) and not walker.index.saw("Pod") and not _has_pods(walker, ref):
        yield from ((e, f"A pod of {ref}, none of which was observed: whether it waits for {e.target}.") for e in needs)


def unless_missing(walker: Walker, secret: ObjectRef) -> str:
    """What decides whether a Secret is missing; nothing where it is known to be, or to be there and to lack a key."""
    if walker.graph.absent(secret) == "missing" or walker.index.get(secret) is not None:
        return ""
    return is_there(secret)


def is_there(secret: ObjectRef) -> str:
    """The question that decides it."""
    return f"Whether {secret} is there: kubectl get secret {secret.name} -n {secret.namespace}."


def unless_said(walker: Walker, secret: ObjectRef) -> str:
    """The same where a current message says that it is missing: only of what somebody saved that is not enough."""
    return "" if walker.index.snapshot.complete else unless_missing(walker, secret)


def _may_hold(pod: Pod, where: str) -> bool:
    scheduled = condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return False
    statuses = [*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())]
    if where.startswith("volumes["):
        return not any(_has_started(s) or _waits(s) not in _NOT_YET for s in statuses)
    name = where.removeprefix("containers[").partition("]")[0]
    mine = next((s for s in statuses if s.name == name), None)
    if mine is None:
        return not any(_has_started(s) for s in statuses)
    return _waits(mine) == _CONFIG or (_is_blank(mine) and not _has_started(mine))


def _waits(status: ContainerStatus) -> str:
    return status.state.waiting.reason if status.state.waiting else ""


def _is_blank(status: ContainerStatus) -> bool:
    """No state at all: what was saved does not say what it waits for."""
    return status.state.waiting is None or not status.state.waiting.reason


def _has_started(status: ContainerStatus) -> bool:
    """Whether any run of it began. One that could not be started by the runtime had its environment and its volumes."""
    then = (status.state.running, status.state.terminated, status.last_state.terminated)
    return bool(status.started or status.restart_count or any(part is not None for part in then))


def _has_pods(walker: Walker, ref: ObjectRef) -> bool:
    """Whether a pod of the workload was observed: then that says what it waits for."""
    children = walker.graph.out(ref, "owns", "owned")
    return any(
        e.target.kind == "Pod" or (e.target.kind == "ReplicaSet" and _has_pods(walker, e.target)) for e in children
    )
