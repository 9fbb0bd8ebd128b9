"""What a table cell says about an object: kubectl's words, ported from [kk:pkg/printers/internalversion/printers.go]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from runbook.rehearsal.jsonpath import get

Object = Mapping[str, Any]
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def parse_time(text: str) -> datetime:
    """An RFC 3339 timestamp as an aware datetime."""
    return datetime.fromisoformat(text)


def human_duration(seconds: float) -> str:
    """apimachinery's `duration.HumanDuration`."""
    s = int(seconds)
    if s < 0:
        return "<invalid>" if s < -1 else "0s"
    if s < 2 * MINUTE:
        return f"{s}s"
    if s < 10 * MINUTE:
        return f"{s // MINUTE}m{s % MINUTE}s" if s % MINUTE else f"{s // MINUTE}m"
    if s < 3 * HOUR:
        return f"{s // MINUTE}m"
    if s < 8 * HOUR:
        rest = s % HOUR // MINUTE
        return f"{s // HOUR}h{rest}m" if rest else f"{s // HOUR}h"
    if s < 2 * DAY:
        return f"{s // HOUR}h"
    return _days(s // HOUR)


def _days(hours: int) -> str:
    days, years = hours // 24, hours // 24 // 365
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if years < 2:
        return f"{days}d"
    return f"{years}y{days % 365}d" if years < 8 and days % 365 else f"{years}y"


def since(text: str | None, now: datetime) -> str:
    """How long ago a timestamp was."""
    return human_duration((now - parse_time(text)).total_seconds()) if text else "<unknown>"


def age(obj: Object, now: datetime) -> str:
    """The AGE column."""
    return since(obj["metadata"].get("creationTimestamp"), now)


def joined(values: Iterable[Any], empty: str = "<none>") -> str:
    """Values with commas."""
    return ",".join(str(value) for value in values) or empty


def labels(selector: Mapping[str, str] | None) -> str:
    """`a=b,c=d`."""
    return joined(f"{key}={value}" for key, value in sorted((selector or {}).items()))


def _termination(state: Object) -> str:
    if state.get("reason"):
        return str(state["reason"])
    return f"Signal:{state['signal']}" if state.get("signal") else f"ExitCode:{state.get('exitCode', 0)}"


class PodRow:
    """A pod's READY, STATUS and RESTARTS as `printPod` computes them."""

    def __init__(self, pod: Object) -> None:
        self._spec = pod.get("spec") or {}
        self._status = pod.get("status") or {}
        self._inits = {c["name"]: c for c in self._spec.get("initContainers") or ()}
        self.total = len(self._spec.get("containers") or ()) + sum(map(self._sidecar, self._inits))
        self.ready = 0
        self.restarts = 0
        self._last_restart = ""
        self.reason = self._status.get("reason") or self._status.get("phase") or "Unknown"
        if self._condition("PodScheduled").get("reason") == "SchedulingGated":
            self.reason = "SchedulingGated"
        if not self._initializing() or self._condition("Initialized").get("status") == "True":
            self._containers()
        if pod["metadata"].get("deletionTimestamp"):
            if self._status.get("reason") == "NodeLost":
                self.reason = "Unknown"
            elif self._status.get("phase") not in ("Succeeded", "Failed"):
                self.reason = "Terminating"

    def _sidecar(self, name: str) -> bool:
        return (self._inits.get(name) or {}).get("restartPolicy") == "Always"

    def _condition(self, type_: str) -> Object:
        conditions: Iterable[Object] = self._status.get("conditions") or ()
        return next((c for c in conditions if c.get("type") == type_), {})

    def _count(self, container: Object) -> None:
        self.restarts += container.get("restartCount", 0)
        finished = get(container, "lastState.terminated.finishedAt") or ""
        self._last_restart = max(self._last_restart, finished)

    def _initializing(self) -> bool:
        for index, container in enumerate(self._status.get("initContainerStatuses") or ()):
            self._count(container)
            sidecar = self._sidecar(container["name"])
            state = container.get("state") or {}
            done, waiting = state.get("terminated"), state.get("waiting") or {}
            if done and done.get("exitCode") == 0:
                continue
            if sidecar and container.get("started"):
                self.ready += bool(container.get("ready"))
                continue
            if done:
                self.reason = "Init:" + _termination(done)
            elif waiting.get("reason") not in (None, "", "PodInitializing"):
                self.reason = "Init:" + waiting["reason"]
            else:
                self.reason = f"Init:{index}/{len(self._inits)}"
            return True
        return False

    def _containers(self) -> None:
        running, self.restarts, self._last_restart = False, 0, ""  # once initialised, of the init containers only
        for container in self._status.get("initContainerStatuses") or ():  # sidecars' restarts still count
            if self._sidecar(container["name"]):
                self._count(container)
        for container in reversed(self._status.get("containerStatuses") or ()):  # so the first container's reason wins
            self._count(container)
            state = container.get("state") or {}
            if (state.get("waiting") or {}).get("reason"):
                self.reason = state["waiting"]["reason"]
            elif state.get("terminated"):
                self.reason = _termination(state["terminated"])
            elif container.get("ready") and state.get("running") is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed" and running:
            self.reason = "Running" if self._condition("Ready").get("status") == "True" else "NotReady"

    def restarted(self, now: datetime) -> str:
        """The RESTARTS column: `3 (5m ago)`."""
        if not self.restarts or not self._last_restart:
            return str(self.restarts)
        return f"{self.restarts} ({since(self._last_restart, now)} ago)"


def node_status(node: Object, _now: datetime) -> str:
    """`Ready`, `NotReady,SchedulingDisabled` …"""
    ready = next((c for c in get(node, "status.conditions") or () if c["type"] == "Ready"), None)
    word = "Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"
    return word + (",SchedulingDisabled" if get(node, "spec.unschedulable") else "")


def node_roles(node: Object, _now: datetime) -> str:
    """From the labels `node-role.kubernetes.io/…`."""
    prefix = "node-role.kubernetes.io/"
    return joined(sorted(k.removeprefix(prefix) for k in node["metadata"].get("labels") or {} if k.startswith(prefix)))


def job_status(job: Object, _now: datetime) -> str:
    """Complete, Failed, Terminating, Suspended, FailureTarget, Running: in that precedence."""
    true = {c["type"] for c in get(job, "status.conditions") or () if c.get("status") == "True"}
    if found := next((word for word in ("Complete", "Failed") if word in true), ""):
        return found
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((word for word in ("Suspended", "FailureTarget") if word in true), "Running")


def job_completions(job: Object, _now: datetime) -> str:
    """`0/1`, or `0/1 of 3` for a work queue."""
    done, spec = get(job, "status.succeeded", 0), job.get("spec") or {}
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallel = spec.get("parallelism", 1)
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def job_duration(job: Object, now: datetime) -> str:
    """From start to completion, or to now."""
    started, ended = get(job, "status.startTime"), get(job, "status.completionTime")
    if not started:
        return ""
    return human_duration(((parse_time(ended) if ended else now) - parse_time(started)).total_seconds())
