"""kubectl's READY and STATUS columns of a pod, and what its containers wait for. [kk:pkg/printers/internalversion]

STATUS is a text for people (`Completed` may stand on a pod that still runs): judge by phase, Ready condition and
container states, and print this beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from runbook.domain.meta import condition, is_true
from runbook.domain.pods import Container, ContainerStatus, Pod, Terminated

BENIGN_WAITING = frozenset({"", "ContainerCreating", "PodInitializing"})
IMAGE_WAITING = frozenset(
    {
        "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "ImageInspectError", "InvalidImageName",
        "RegistryUnavailable", "SignatureValidationFailed",
    }
)  # fmt: skip
CONFIG_WAITING = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
CRASHING = "CrashLoopBackOff"


@dataclass(frozen=True, slots=True)
class ContainerTrouble:
    """One container that does not run as it should: `state` is waiting, terminated or last (the previous run)."""

    container: str
    image: str
    init: bool
    state: str
    reason: str
    message: str
    exit_code: int | None = None
    at: datetime | None = None


def pod_row(pod: Pod) -> tuple[int, int, str]:
    """`(ready, total, status)` as `kubectl get pods` prints them."""
    conditions, status = pod.status.conditions, pod.status
    inits = {c.name: c for c in pod.spec.init_containers or ()}
    total = len(pod.spec.containers) + sum(_is_sidecar(c) for c in inits.values())
    scheduled = condition(conditions, "PodScheduled")
    reason = status.reason or status.phase
    if scheduled is not None and scheduled.reason == "SchedulingGated":
        reason = "SchedulingGated"
    ready, init_reason = _init_row(status.init_container_statuses or (), inits)
    if init_reason is None or is_true(conditions, "Initialized"):
        reason, ready = _main_row(pod, init_reason or reason, ready)
    else:
        reason = init_reason
    return ready, total, _terminating(pod, reason)


def restarts(pod: Pod) -> int:
    """RESTARTS: application containers and sidecars once initialised, else all init containers."""
    sidecars = {c.name for c in pod.spec.init_containers or () if _is_sidecar(c)}
    inits = pod.status.init_container_statuses or ()
    if is_true(pod.status.conditions, "Initialized") or not inits:
        counted = [*(c for c in inits if c.name in sidecars), *(pod.status.container_statuses or ())]
        return sum(c.restart_count for c in counted)
    return sum(c.restart_count for c in inits)


def is_ready(pod: Pod) -> bool:
    """Whether the pod serves: phase Running and condition Ready True (readiness gates included)."""
    return pod.status.phase == "Running" and is_true(pod.status.conditions, "Ready")


def is_finished_well(pod: Pod) -> bool:
    """Whether the pod ended as it should."""
    return pod.status.phase == "Succeeded"


def waiting_reasons(pod: Pod) -> tuple[str, ...]:
    """The waiting reasons of all containers, init containers first, without the harmless ones."""
    return tuple(t.reason for t in troubles(pod) if t.state == "waiting")


def troubles(pod: Pod) -> tuple[ContainerTrouble, ...]:
    """What each container waits for or ended with, init containers first; harmless waiting is left out."""
    images = {c.name: c.image for c in (*(pod.spec.init_containers or ()), *pod.spec.containers)}
    found: list[ContainerTrouble] = []
    for init, statuses in ((True, pod.status.init_container_statuses), (False, pod.status.container_statuses)):
        for status in statuses or ():
            found += _troubles_of(status, images.get(status.name, status.image), init)
    return tuple(found)


def _troubles_of(status: ContainerStatus, image: str, init: bool) -> Iterator[ContainerTrouble]:
    state = status.state
    if state.waiting is not None and state.waiting.reason not in BENIGN_WAITING:
        yield ContainerTrouble(status.name, image, init, "waiting", state.waiting.reason, state.waiting.message)
    ended = [("terminated", state.terminated)] if state.terminated is not None else []
    if state.waiting is not None and state.waiting.reason == CRASHING and status.last_state.terminated is not None:
        ended.append(("last", status.last_state.terminated))
    for word, terminated in ended:
        if terminated.exit_code != 0 or terminated.signal:
            yield ContainerTrouble(
                status.name, image, init, word, terminated.reason, terminated.message, terminated.exit_code,
                terminated.finished_at,
            )  # fmt: skip


def _is_sidecar(container: Container) -> bool:
    return container.restart_policy == "Always"


def _code(terminated: Terminated) -> str:
    return terminated.reason or (
        f"Signal:{terminated.signal}" if terminated.signal else f"ExitCode:{terminated.exit_code}"
    )


def _init_row(statuses: Iterable[ContainerStatus], inits: dict[str, Container]) -> tuple[int, str | None]:
    """Ready sidecars, and the `Init:` word while initialising (None when that is over)."""
    ready = 0
    for number, status in enumerate(statuses):
        terminated, waiting = status.state.terminated, status.state.waiting
        if terminated is not None and terminated.exit_code == 0:
            continue
        if status.name in inits and _is_sidecar(inits[status.name]) and status.started:
            ready += status.ready
            continue
        if terminated is not None:
            return ready, "Init:" + _code(terminated)
        if waiting is not None and waiting.reason not in ("", "PodInitializing"):
            return ready, "Init:" + waiting.reason
        return ready, f"Init:{number}/{len(inits)}"
    return ready, None


def _main_row(pod: Pod, reason: str, ready: int) -> tuple[str, int]:
    running = False
    for status in reversed(pod.status.container_statuses or ()):  # so that the first container's word stays
        state = status.state
        if state.waiting is not None and state.waiting.reason:
            reason = state.waiting.reason
        elif state.terminated is not None:
            reason = _code(state.terminated)
        elif status.ready and state.running is not None:
            running, ready = True, ready + 1
    if reason == "Completed" and running:
        reason = "Running" if is_true(pod.status.conditions, "Ready") else "NotReady"
    return reason, ready


def _terminating(pod: Pod, reason: str) -> str:
    if pod.metadata.deletion_timestamp is None:
        return reason
    if pod.status.reason == "NodeLost":
        return "Unknown"
    return reason if pod.status.phase in ("Succeeded", "Failed") else "Terminating"
