"""Whether an object is ready: a truth table for Flux, counts for workloads. kstatus is never trusted alone (semantics 1.8, 4).

Ready=True counts only when the controller has seen this generation, nothing is reconciling or stalled, the object is not
suspended, and the last request was handled. An absent Ready condition is not ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runbook.domain.cluster import Node
from runbook.domain.flux import FluxStatus, Kustomization, Source
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Condition, Meta, condition, is_true
from runbook.domain.pods import Pod
from runbook.domain.workloads import DaemonSet, Deployment, Job, Workload

Word = Literal["ready", "not-ready", "stalled", "suspended", "reconciling", "waiting", "unknown"]
REQUESTED = "reconcile.fluxcd.io/requestedAt"
WAITS = ("DependencyNotReady", "SourceNotReady")
STATIC_MESSAGE = "static: an OCI HelmRepository has no status of its own"


@dataclass(frozen=True, slots=True)
class State:
    """One word, the reason a controller gave, and its message."""

    word: Word
    reason: str = ""
    message: str = ""

    @property
    def ready(self) -> bool:
        """Whether it is ready, and nothing else."""
        return self.word == "ready"


def flux_state(obj: Source | Kustomization | HelmRelease) -> State:
    """The state of a Flux object by request and generation."""
    if isinstance(obj, Source) and obj.KIND == "HelmRepository" and obj.spec.type == "oci":
        return State("ready", "Static", STATIC_MESSAGE)
    if obj.metadata.deletion_timestamp:
        return State("not-ready", "Deleting", "it is being deleted: its conditions describe what was")
    if obj.spec.suspend:
        return State("suspended", "Suspended", "spec.suspend is true: its conditions may describe an old spec")
    return _by_conditions(obj.metadata, obj.status)


def _by_conditions(metadata: Meta, status: FluxStatus) -> State:
    ready, stalled = condition(status.conditions, "Ready"), condition(status.conditions, "Stalled")
    reconciling = condition(status.conditions, "Reconciling")
    if stalled is not None and stalled.status == "True":
        told = ready.message if ready is not None and ready.status == "False" else stalled.message
        return State("stalled", stalled.reason, told)
    if ready is None:
        return State("not-ready", "NoReadyCondition", "it has no Ready condition: no pass has ended yet")
    if ready.status == "Unknown":
        return State("reconciling", ready.reason, ready.message)
    if ready.status == "False":
        return State("waiting" if ready.reason in WAITS else "not-ready", ready.reason, ready.message)
    return _though_true(metadata, status, ready, reconciling)


def _though_true(metadata: Meta, status: FluxStatus, ready: Condition, reconciling: Condition | None) -> State:
    """Ready=True, and still not ready: an old generation, an unanswered request, a pass under way."""
    generation = metadata.generation
    if generation is not None and status.observed_generation != generation:
        seen = f"generation {generation}, observed {status.observed_generation}"
        return State("unknown", "OldGeneration", f"Ready is of an older generation ({seen})")
    if generation is not None and ready.observed_generation not in (None, generation):
        return State(
            "unknown",
            "OldCondition",
            f"the Ready condition is of generation {ready.observed_generation}, not {generation}",
        )
    token = metadata.annotation(REQUESTED)
    if token and token != status.last_handled_reconcile_at:
        return State("unknown", "RequestPending", "a reconcile was requested and not handled yet")
    if reconciling is not None and reconciling.status == "True":
        return State("reconciling", reconciling.reason, reconciling.message)
    return State("ready", ready.reason, ready.message)


def workload_state(obj: Workload) -> State:
    """Deployment, StatefulSet, DaemonSet, ReplicaSet: as many ready as wanted, of this generation.

    A Deployment keeps its old pods ready while a new ReplicaSet cannot start, so its updated pods are counted too and
    Progressing=False is believed; the other kinds have taken an old pod away by then and show too few ready.
    """
    status, generation = obj.status, obj.metadata.generation
    if generation is not None and status.observed_generation != generation:
        return State("unknown", "OldGeneration", f"generation {generation}, observed {status.observed_generation}")
    if isinstance(obj, DaemonSet):
        want, have = status.desired_number_scheduled, status.number_ready
    else:
        want, have = 1 if obj.spec.replicas is None else obj.spec.replicas, status.ready_replicas
    if have < want:
        return State("not-ready", "TooFewReady", f"{have} of {want} ready")
    if want == 0:
        return State("not-ready", "ScaledToZero", "0 wanted: nothing runs")
    progressing = condition(status.conditions, "Progressing")
    if progressing is not None and progressing.status == "False":
        return State("not-ready", progressing.reason, f"the rollout is stuck: {progressing.message}")
    if isinstance(obj, Deployment) and status.updated_replicas < want:
        return State("reconciling", "RollingOut", f"{status.updated_replicas} of {want} updated, the rest are old pods")
    return State("ready", "AllReady", f"{have} of {want} ready")


def job_state(obj: Job) -> State:
    """Complete, Failed, or still running: a running Job is not a finished one."""
    failed = condition(obj.status.conditions, "Failed")
    if failed is not None and failed.status == "True":
        return State("not-ready", failed.reason, failed.message)
    if is_true(obj.status.conditions, "Complete"):
        return State("ready", "Complete", "completed")
    return State("reconciling", "Running", "not finished")


def pod_ready(obj: Pod) -> bool:
    """Ready to serve, or finished with success."""
    if obj.metadata.deletion_timestamp:
        return False
    return obj.status.phase == "Succeeded" or (
        obj.status.phase == "Running" and is_true(obj.status.conditions, "Ready")
    )


def node_state(obj: Node) -> State:
    """Ready, and under no pressure."""
    ready = condition(obj.status.conditions, "Ready")
    if ready is None or ready.status != "True":
        return State(
            "not-ready",
            ready.reason if ready else "NoCondition",
            ready.message if ready else "it has no Ready condition",
        )
    for name in ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"):
        if is_true(obj.status.conditions, name):
            return State("not-ready", name, f"{name} is True")
    if obj.spec.unschedulable:
        return State("not-ready", "Cordoned", "it is cordoned")
    return State("ready", "KubeletReady", "")
