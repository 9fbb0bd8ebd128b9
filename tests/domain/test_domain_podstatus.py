"""kubectl's READY and STATUS, word for word, for the shapes people meet; and what containers wait for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.domain import podstatus
from runbook.domain.kinds import decode
from runbook.domain.pods import Pod


def pod(**given: Any) -> Pod:
    spec = {"containers": given.pop("containers", [{"name": "main", "image": "r.lab/app:1"}])}
    if "inits" in given:
        spec["initContainers"] = given.pop("inits")
    meta = {
        "name": "p",
        "namespace": "ns",
        **({"deletionTimestamp": "2031-01-01T00:00:00Z"} if given.pop("deleted", False) else {}),
    }
    found = decode("Pod", json.dumps({"metadata": meta, "spec": spec, "status": given}).encode())
    assert isinstance(found, Pod)
    return found


def status(name: str = "main", *, ready: bool = False, **state: Any) -> dict[str, Any]:
    more = {k: state.pop(k) for k in ("started", "lastState", "restartCount") if k in state}
    return {"name": name, "ready": ready, "state": state, **more}


def cond(**conditions: str) -> list[dict[str, str]]:
    return [{"type": k, "status": v} for k, v in conditions.items()]


RUNNING = {"startedAt": "2031-01-01T00:00:00Z"}
SIDECAR = {"name": "mesh", "image": "m", "restartPolicy": "Always"}
INIT = {"name": "setup", "image": "i"}
ROWS = {
    "running": (pod(phase="Running", conditions=cond(Ready="True"), containerStatuses=[status(ready=True, running=RUNNING)]), (1, 1, "Running")),
    "running, not ready": (pod(phase="Running", containerStatuses=[status(running=RUNNING)]), (0, 1, "Running")),
    "waiting": (pod(phase="Pending", containerStatuses=[status(waiting={"reason": "ImagePullBackOff"})]), (0, 1, "ImagePullBackOff")),
    "first container's word stays": (
        pod(phase="Running", containers=[{"name": "a"}, {"name": "b"}],
            containerStatuses=[status("a", waiting={"reason": "A"}), status("b", waiting={"reason": "B"})]), (0, 2, "A")),
    "init waits": (
        pod(phase="Pending", inits=[INIT], initContainerStatuses=[status("setup", waiting={"reason": "ImagePullBackOff"})],
            containerStatuses=[status(waiting={"reason": "PodInitializing"})]), (0, 1, "Init:ImagePullBackOff")),
    "init runs": (pod(phase="Pending", inits=[INIT], initContainerStatuses=[status("setup", running=RUNNING)]), (0, 1, "Init:0/1")),
    "init failed": (
        pod(phase="Pending", inits=[INIT], initContainerStatuses=[status("setup", terminated={"exitCode": 3})]), (0, 1, "Init:ExitCode:3")),
    "sidecar counts": (
        pod(phase="Running", inits=[SIDECAR], conditions=cond(Initialized="True", Ready="True"),
            initContainerStatuses=[status("mesh", ready=True, started=True, running=RUNNING)],
            containerStatuses=[status(ready=True, running=RUNNING)]), (2, 2, "Running")),
    "completed": (pod(phase="Succeeded", containerStatuses=[status(terminated={"exitCode": 0, "reason": "Completed"})]), (0, 1, "Completed")),
    "half completed": (
        pod(phase="Running", containers=[{"name": "a"}, {"name": "b"}],
            containerStatuses=[status("a", terminated={"exitCode": 0, "reason": "Completed"}), status("b", ready=True, running=RUNNING)]),
        (1, 2, "NotReady")),
    "killed": (pod(phase="Failed", containerStatuses=[status(terminated={"exitCode": 137, "signal": 9})]), (0, 1, "Signal:9")),
    "evicted": (pod(phase="Failed", reason="Evicted"), (0, 1, "Evicted")),
    "going": (pod(phase="Running", deleted=True, containerStatuses=[status(waiting={"reason": "CrashLoopBackOff"})]), (0, 1, "Terminating")),
    "gone with its node": (pod(phase="Running", reason="NodeLost", deleted=True), (0, 1, "Unknown")),
    "ended while going": (
        pod(phase="Succeeded", deleted=True, containerStatuses=[status(terminated={"exitCode": 0, "reason": "Completed"})]),
        (0, 1, "Completed")),
    "gated": (pod(phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]), (0, 1, "SchedulingGated")),
    "bare": (pod(phase="Pending"), (0, 1, "Pending")),
}  # fmt: skip


@pytest.mark.parametrize("shape", ROWS)
def test_row(shape: str) -> None:
    given, row = ROWS[shape]
    assert podstatus.pod_row(given) == row


def test_a_crashing_container_tells_how_its_last_run_ended() -> None:
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    found = podstatus.troubles(
        pod(phase="Running", containerStatuses=[status(waiting={"reason": "CrashLoopBackOff"}, lastState=last)])
    )
    assert [(t.state, t.reason, t.exit_code) for t in found] == [
        ("waiting", "CrashLoopBackOff", None),
        ("last", "OOMKilled", 137),
    ]


def test_starting_and_ending_well_is_no_trouble() -> None:
    starting = pod(phase="Pending", containerStatuses=[status(waiting={"reason": "ContainerCreating"})])
    done = pod(phase="Succeeded", containerStatuses=[status(terminated={"exitCode": 0, "reason": "Completed"})])
    assert podstatus.troubles(starting) == podstatus.troubles(done) == ()
    assert podstatus.is_finished_well(done)


def test_running_is_not_ready() -> None:
    assert not podstatus.is_ready(pod(phase="Running", containerStatuses=[status(running=RUNNING)]))
    assert podstatus.is_ready(pod(phase="Running", conditions=cond(Ready="True")))


def test_restarts_count_what_kubectl_counts() -> None:
    counts = {
        "containerStatuses": [status(restartCount=3)],
        "inits": [INIT],
        "initContainerStatuses": [status("setup", restartCount=2)],
    }
    assert podstatus.restarts(pod(phase="Running", conditions=cond(Initialized="True"), **dict(counts))) == 3
    assert podstatus.restarts(pod(phase="Pending", **dict(counts))) == 2


def test_init_containers_come_first_and_are_marked() -> None:
    found = podstatus.troubles(
        pod(phase="Pending", inits=[INIT], containerStatuses=[status(waiting={"reason": "Odd"})],
            initContainerStatuses=[status("setup", waiting={"reason": "ErrImagePull", "message": "m"})])
    )  # fmt: skip
    assert [(t.container, t.image, t.init, t.reason) for t in found] == [
        ("setup", "i", True, "ErrImagePull"),
        ("main", "r.lab/app:1", False, "Odd"),
    ]
    assert podstatus.waiting_reasons(pod(phase="Pending", containerStatuses=[status(waiting={"reason": "Odd"})])) == (
        "Odd",
    )
