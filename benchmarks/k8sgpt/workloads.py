"""Rules for pods and for what makes pods."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.k8sgpt.recorded import Failure, Recorded, latest, named
from runbook.domain.cluster import Secret
from runbook.domain.meta import Condition, is_true
from runbook.domain.pods import ContainerStatus, Pod
from runbook.domain.workloads import DaemonSet, Deployment, Job, ReplicaSet, StatefulSet
from runbook.model import ObjectRef

_WAITING = frozenset(
    {
        "CrashLoopBackOff", "ImagePullBackOff", "CreateContainerConfigError", "PreCreateHookError", "CreateContainerError",
        "PreStartHookError", "RunContainerError", "ImageInspectError", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName",
    }
)  # fmt: skip


def pods(recorded: Recorded) -> Iterator[Failure]:
    """pod.go: conditions of pending pods, eviction, and the states of init containers and containers."""
    for pod in recorded.state.seen(Pod):
        for found in pod.status.conditions or () if pod.status.phase == "Pending" else ():
            yield from _unscheduled(pod, found)
        if pod.status.reason == "Evicted":
            yield Failure(pod.ref, pod.status.message or f"Pod {pod.metadata.name} has been evicted")
        for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
            yield from _container(recorded, pod, status)


def _unscheduled(pod: Pod, found: Condition) -> Iterator[Failure]:
    if found.type != "PodScheduled":
        return
    if found.reason == "Unschedulable" and found.message:
        yield Failure(pod.ref, found.message)
    elif found.reason == "SchedulingGated":
        gated = f"Pod {pod.metadata.namespace}/{pod.metadata.name} is in a SchedulingGated state and is blocked from scheduling due to non-empty scheduling gates"
        yield Failure(pod.ref, found.message or gated)


def _container(recorded: Recorded, pod: Pod, status: ContainerStatus) -> Iterator[Failure]:
    """analyzeContainerStatusFailures. Of what waits only its message is printed, without the reason."""
    name, waiting, ended, last = (
        pod.metadata.name,
        status.state.waiting,
        status.state.terminated,
        status.last_state.terminated,
    )
    if waiting is not None:
        if waiting.reason == "ContainerCreating" and pod.status.phase == "Pending":
            yield from latest(recorded, pod, "FailedCreatePodSandBox", "FailedMount")
        elif waiting.reason == "CrashLoopBackOff" and last is not None:
            text = f"the last termination reason is {last.reason} container={status.name} pod={name}"
            yield Failure(pod.ref, text, last.reason)
        elif waiting.reason in _WAITING and waiting.message:
            yield Failure(pod.ref, waiting.message)
    elif ended is not None:
        if ended.exit_code != 0:
            text = f"the termination reason is {ended.reason or 'Unknown'} exitCode={ended.exit_code} container={status.name} pod={name}"
            yield Failure(pod.ref, text, ended.reason)
    elif not status.ready and pod.status.phase == "Running":
        yield from latest(recorded, pod, "Unhealthy")


def deployments(recorded: Recorded) -> Iterator[Failure]:
    """deployment.go: other than ready as many as wanted, and Progressing=False."""
    for obj in recorded.state.seen(Deployment):
        status, wanted = obj.status, obj.spec.replicas
        if wanted is not None and wanted != status.ready_replicas:
            yield Failure(obj.ref, _counts(named(obj), wanted, status.replicas, status.ready_replicas))
        for found in status.conditions or ():
            if found.type == "Progressing" and found.status == "False":
                text = (
                    f"Deployment {named(obj)} has condition Progressing=False, reason {found.reason}: {found.message}"
                )
                yield Failure(obj.ref, text, found.reason)


def _counts(which: str, wanted: int, there: int, ready: int) -> str:
    if there > wanted:
        return f"Deployment {which} has {wanted} replicas in spec but {there} replicas in status because status field is not updated yet after scaling and {ready} replicas are available with status running"
    return f"Deployment {which} has {wanted} replicas but {ready} are available with status running"


def daemonsets(recorded: Recorded) -> Iterator[Failure]:
    """daemonset.go: fewer ready than scheduled, and pull secrets that are not there."""
    for obj in recorded.state.seen(DaemonSet):
        ready, wanted = obj.status.number_ready, obj.status.desired_number_scheduled
        if ready < wanted:
            yield Failure(obj.ref, f"DaemonSet {named(obj)} has {ready} ready replicas out of {wanted} scheduled")
        for secret in obj.spec.template.spec.image_pull_secrets or ():
            if not recorded.has(Secret, obj.metadata.namespace, secret.name):
                yield Failure(obj.ref, f"DaemonSet {named(obj)} references non-existent ImagePullSecret {secret.name}")


def replicasets(recorded: Recorded) -> Iterator[Failure]:
    """rs.go: no replica, and why none could be made."""
    for obj in recorded.state.seen(ReplicaSet):
        for found in obj.status.conditions or () if obj.status.replicas == 0 else ():
            if found.type == "ReplicaFailure" and found.reason == "FailedCreate":
                yield Failure(obj.ref, found.message)


def statefulsets(recorded: Recorded) -> Iterator[Failure]:
    """statefulset.go: of one that has not all replicas available, its first pod that is not running, or not there."""
    by_ref = {pod.ref: pod for pod in recorded.state.seen(Pod)}
    for obj in recorded.state.seen(StatefulSet):
        namespace, name, wanted = obj.metadata.namespace, obj.metadata.name, obj.spec.replicas
        for number in range(wanted) if wanted is not None and wanted != obj.status.available_replicas else ():
            pod = by_ref.get(ObjectRef("Pod", namespace, f"{name}-{number}"))
            event = recorded.latest(namespace, name) if pod is None and number == 0 else None
            if event is not None and event.type != "Normal":
                yield Failure(obj.ref, event.message or "")
            if pod is not None and pod.status.phase != "Running":
                text = f"Statefulset pod {pod.metadata.name} in the namespace {namespace} is not in running state."
                yield Failure(obj.ref, text)
            if pod is None or pod.status.phase != "Running":
                break


def jobs(recorded: Recorded) -> Iterator[Failure]:
    """job.go: suspended, or a pod of it failed and it has not succeeded; with the words of the latest event if it gave up."""
    for obj in recorded.state.seen(Job):
        name, conditions = obj.metadata.name, obj.status.conditions
        if obj.spec.suspend:
            yield Failure(obj.ref, f"Job {name} is suspended")
        if obj.status.failed > 0 and not any(is_true(conditions, t) for t in ("Complete", "SuccessCriteriaMet")):
            gave_up = next(latest(recorded, obj, "BackoffLimitExceeded"), None)
            yield gave_up or Failure(obj.ref, f"Job {name} has failed")
