"""What workloads, Jobs and pods say of their state, their events included while these are of now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runbook.diagnosis.index import Index, ref_of
from runbook.diagnosis.signs import FINE, MOVING, Health, Sign
from runbook.domain import exitcodes, podstatus
from runbook.domain.cluster import Event
from runbook.domain.meta import condition, is_true
from runbook.domain.pods import Pod
from runbook.domain.workloads import DaemonSet, Deployment, Job, Workload
from runbook.model import ObjectRef

PATIENCE = 300.0  # seconds that something may be unready without anything being said about it
_STARTING = 60.0  # seconds from a pod's start in which its probes may be refused: they ask before it serves
_LINGERS = 60.0  # seconds past the end of its grace after which a pod that is deleted should be gone
EVENT_LIFE = 600.0  # seconds after its last repetition that an event still speaks of now (back-off ends at 300)
# A controller's queue waits up to 1000 s between tries [client-go:util/workqueue/default_rate_limiters.go]
_TRIES_AGAIN = 1200.0

_IMAGE_EVENTS = frozenset({"Failed", "BackOff", "InspectFailed", "ErrImageNeverPull"})
_START_EVENTS = frozenset(
    {
        "FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "FailedCreatePodContainer",
        "NetworkNotReady", "FailedToRetrieveImagePullSecret", "FailedScheduling", "FailedSync",
    }
)  # fmt: skip
_SAID_ONCE = frozenset({"FailedAttachVolume"})  # [kk:pkg/controller/volume/attachdetach/reconciler/reconciler.go]
_RUN_EVENTS = frozenset({"Unhealthy", "ProbeError", "NodeNotReady"})
_CREATE_EVENTS = frozenset({"FailedCreate", "ReplicaSetCreateError"})


def life(reason: str) -> float:
    """Seconds that an event of this reason speaks of now: until it would have been said again."""
    return _TRIES_AGAIN if reason in _CREATE_EVENTS else EVENT_LIFE


def desired(obj: Workload) -> int:
    """How many pods it should have."""
    if isinstance(obj, DaemonSet):
        return obj.status.desired_number_scheduled
    return 1 if obj.spec.replicas is None else obj.spec.replicas


def is_up(obj: Workload) -> bool:
    """Whether all pods it should have are ready, and of the current template."""
    wanted = desired(obj)
    if isinstance(obj, DaemonSet):
        return obj.status.number_ready >= wanted
    if obj.status.ready_replicas < wanted:
        return False
    # A new pod beside the old ones (replicas above the wanted number) is a roll-out that has not ended. [kstatus]
    rolling = obj.status.updated_replicas < wanted or obj.status.replicas > wanted
    return not (isinstance(obj, Deployment) and rolling)


def of_workload(obj: Workload, index: Index) -> Health:
    """Deployment, StatefulSet, DaemonSet, ReplicaSet."""
    if is_up(obj) or obj.metadata.deletion_timestamp:
        return FINE
    progressing, failure = (
        condition(obj.status.conditions, "Progressing"),
        condition(obj.status.conditions, "ReplicaFailure"),
    )
    available = condition(obj.status.conditions, "Available")
    signs: list[Sign] = []
    if failure is not None and failure.status == "True":
        stale = _of_before(obj)
        signs.append(Sign(failure.message, failure.reason, failure.last_transition_time, "ReplicaFailure", stale))
    # Until it has a pod, that it could not make one is true, however long ago it last tried.
    signs += events_of(index, ref_of(obj), _CREATE_EVENTS, at_all_times=_has_none(obj))
    overdue = progressing is not None and progressing.status == "False"
    since = obj.metadata.creation_timestamp
    if available is not None:
        since = available.last_transition_time if available.status == "False" else None
    failing = bool(signs) or overdue or _older(index, since, PATIENCE)
    return Health("failing" if failing else "moving", tuple(signs))


def _has_none(obj: Workload) -> bool:
    """Whether its controller has made no pod of it yet. A Deployment makes none itself."""
    if isinstance(obj, DaemonSet):
        return not obj.status.current_number_scheduled
    return not isinstance(obj, Deployment) and not obj.status.replicas


def _of_before(obj: Workload) -> str:
    """Its controller has not looked at the object as it is now: what the status says is of what was before."""
    generation, seen = obj.metadata.generation or 0, obj.status.observed_generation
    if seen is None or seen >= generation:
        return ""
    return f"its message is of generation {seen}, and the object is at {generation}"


def of_job(obj: Job, index: Index) -> Health:
    """A Job. One that waits for a pod that cannot start never fails by itself (kubernetes#101584): it is moving."""
    conditions = obj.status.conditions
    if is_true(conditions, "Complete") or obj.spec.suspend or obj.metadata.deletion_timestamp:
        return FINE
    failed = condition(conditions, "Failed")
    if failed is not None and failed.status == "True":
        if _succeeded_since(obj, index):
            return FINE
        return Health("failing", (Sign(failed.message, failed.reason, failed.last_transition_time, "Failed"),))
    # Until it has a pod, that it could not make one is true, however long ago it last tried.
    ref = ref_of(obj)
    signs = events_of(index, ref, _CREATE_EVENTS, at_all_times=not index.children.get(ref))
    told = () if obj.status.active else tuple(signs)
    return Health("failing", told) if told else MOVING


def _succeeded_since(obj: Job, index: Index) -> bool:
    """A CronJob's failed run counts no more once a later run of the same CronJob was completed."""
    owner, mine = obj.metadata.controller, obj.status.start_time
    if owner is None or owner.kind != "CronJob" or mine is None:
        return False
    runs = (run for run in index.runs.get(owner.uid, ()) if is_true(run.status.conditions, "Complete"))
    return any(run.status.start_time > mine for run in runs if run.status.start_time)


def of_pod(obj: Pod, index: Index) -> Health:
    """A pod by its conditions, container states and current events."""
    if (ends := obj.metadata.deletion_timestamp) is not None:
        # deletionTimestamp is the end of the grace: only a kubelet that does not answer, or a finalizer, outlasts it
        return MOVING if _older(index, ends, _LINGERS) else FINE
    if podstatus.is_finished_well(obj) or podstatus.is_ready(obj):
        return FINE
    if obj.status.phase == "Failed" and _is_litter(obj, index):
        return FINE
    signs = tuple(_pod_signs(obj, index))
    if signs or obj.status.phase == "Failed":
        return Health("failing", signs)
    ready = condition(obj.status.conditions, "Ready")
    since = (ready.last_transition_time if ready else None) or obj.status.start_time or obj.metadata.creation_timestamp
    if _older(index, since, PATIENCE):
        return Health("failing")
    # What asks before it serves is refused: that is told only of a pod that somebody has given up waiting for.
    return Health("moving", () if podstatus.troubles(obj) else tuple(events_of(index, ref_of(obj), _RUN_EVENTS)))


def _is_litter(obj: Pod, index: Index) -> bool:
    """A failed pod whose controller is well again: nobody waits for it."""
    controller = obj.metadata.controller
    owner = index.get(index.by_uid.get(controller.uid, ObjectRef("", "", ""))) if controller else None
    if isinstance(owner, Job):
        return of_job(owner, index).state == "fine"
    return isinstance(owner, Workload) and is_up(owner)


def replaced_since(obj: Pod, index: Index) -> str:
    """What decides whether a failed pod matters whose controller nobody saved: another pod may have done its work since."""
    owner = obj.metadata.controller
    if obj.status.phase != "Failed" or owner is None or index.snapshot.complete or owner.uid in index.by_uid:
        return ""
    return f"Whether {ObjectRef(owner.kind, obj.metadata.namespace, owner.name)} has had another pod since that did its work."


def _pod_signs(obj: Pod, index: Index) -> Iterator[Sign]:
    ref, status = ref_of(obj), obj.status
    if status.phase == "Failed" and (status.reason or status.message):
        yield Sign(status.message, status.reason, status.start_time, "status")
    scheduled = condition(status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False" and scheduled.reason != "SchedulingGated":
        yield Sign(scheduled.message, scheduled.reason, scheduled.last_transition_time, "PodScheduled")
        return
    found = podstatus.troubles(obj)
    if any(t.exit_code in exitcodes.KILLED for t in found):
        # Who was killed from outside has no better witness than its probe.
        yield from events_of(index, ref, _RUN_EVENTS)
    for trouble in found:
        at = trouble.at or _last_said(obj, index)
        yield Sign(trouble.message, trouble.reason, at, f"container {trouble.container} {trouble.state}")
        if trouble.state == "waiting":
            named = _IMAGE_EVENTS if trouble.reason in podstatus.IMAGE_WAITING else frozenset({"Failed"})
            yield from events_of(index, ref, named, about=trouble.image, at_all_times=True)
    if not found and status.phase == "Pending":
        yield from _start_signs(obj, index, placed=scheduled is not None)
    elif not found and _older(index, status.start_time or obj.metadata.creation_timestamp, _STARTING):
        yield from events_of(index, ref, _RUN_EVENTS)


def _start_signs(obj: Pod, index: Index, *, placed: bool) -> Iterator[Sign]:
    """Why no container of it has begun. Some things are said once, such as that a volume hangs on another node: they stay true."""
    named = _START_EVENTS - ({"FailedScheduling"} if placed else set())
    yield from events_of(index, ref_of(obj), named)
    yield from events_of(index, ref_of(obj), _SAID_ONCE, at_all_times=True)


def _last_said(obj: Pod, index: Index) -> datetime | None:
    """When a waiting state was last spoken of: its newest event, else the start of the pod."""
    spoken = [e.when for e in index.events.get(ref_of(obj), ()) if e.when is not None and e.reason in _IMAGE_EVENTS]
    return max(spoken, default=obj.status.start_time or obj.metadata.creation_timestamp)


def events_of(
    index: Index, ref: ObjectRef, reasons: frozenset[str], *, about: str = "", at_all_times: bool = False
) -> Iterator[Sign]:
    """Current events of these reasons, newest first, each text once. With `about`, a text naming an image must name this one."""
    seen: set[str] = set()
    for event in index.events.get(ref, ()):
        text = event.message or ""
        if event.reason not in reasons or text in seen or _speaks_of_another(text, about):
            continue
        if not at_all_times and (event.type == "Normal" or _older(index, event.when, life(event.reason))):
            continue
        seen.add(text)
        yield Sign(text, event.reason, event.when, f"event {event.reason}", _predates(index, ref, event))


def _speaks_of_another(text: str, image: str) -> bool:
    return bool(image) and ' image "' in text and f'"{image}"' not in text


def _predates(index: Index, ref: ObjectRef, event: Event) -> str:
    obj = index.get(ref)
    born = obj.metadata.creation_timestamp if obj else None
    old = born is not None and event.when is not None and event.when < born
    return "the event is older than the object of that name" if old else ""


def _older(index: Index, since: datetime | None, seconds: float) -> bool:
    return since is not None and (index.now - since).total_seconds() > seconds
