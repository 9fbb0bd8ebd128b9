"""Columns `kubectl get` shows for pods and for what makes them [kk:pkg/printers/internalversion/printers.go]."""

from __future__ import annotations

from datetime import datetime

from runbook.rehearsal import cells
from runbook.rehearsal.cells import Object, PodRow, joined, labels
from runbook.rehearsal.columns import AGE, NAME, Cell, Column, number, text
from runbook.rehearsal.jsonpath import get


def selector(path: str = "spec.selector.matchLabels") -> Cell:
    """A label selector, as `k=v,k=v`."""
    return lambda obj, _now: labels(get(obj, path))


def _ready(obj: Object, _now: datetime) -> str:
    return f"{get(obj, 'status.readyReplicas', 0)}/{get(obj, 'spec.replicas', 1)}"


def _containers(field: str, template: str = "spec.template.spec") -> Cell:
    return lambda obj, _now: joined(c.get(field, "") for c in get(obj, f"{template}.containers") or ())


def _gates(obj: Object, _now: datetime) -> str:
    gates = get(obj, "spec.readinessGates") or ()
    true = {c["type"] for c in get(obj, "status.conditions") or () if c["status"] == "True"}
    return f"{sum(g['conditionType'] in true for g in gates)}/{len(gates)}" if gates else "<none>"


TEMPLATE = (text("Containers", _containers("name"), 1), text("Images", _containers("image"), 1))
REPLICAS = (
    NAME,
    number("Desired", "spec.replicas", empty=1),
    number("Current", "status.replicas"),
    number("Ready", "status.readyReplicas"),
    AGE,
    *TEMPLATE,
)
WORKLOADS: dict[str, tuple[Column, ...]] = {
    "Pod": (
        NAME,
        text("Ready", lambda obj, _now: "{0.ready}/{0.total}".format(PodRow(obj))),
        text("Status", lambda obj, _now: PodRow(obj).reason),
        text("Restarts", lambda obj, now: PodRow(obj).restarted(now)),
        AGE,
        text("IP", "status.podIP", 1),
        text("Node", "spec.nodeName", 1),
        text("Nominated Node", "status.nominatedNodeName", 1),
        text("Readiness Gates", _gates, 1),
    ),
    "Deployment": (
        NAME,
        text("Ready", _ready),
        number("Up-to-date", "status.updatedReplicas"),
        number("Available", "status.availableReplicas"),
        AGE,
        *TEMPLATE,
        text("Selector", selector(), 1),
    ),
    "ReplicaSet": (*REPLICAS, text("Selector", selector(), 1)),
    "ReplicationController": (*REPLICAS, text("Selector", selector("spec.selector"), 1)),
    "StatefulSet": (NAME, text("Ready", _ready), AGE, *TEMPLATE),
    "DaemonSet": (
        NAME,
        number("Desired", "status.desiredNumberScheduled"),
        number("Current", "status.currentNumberScheduled"),
        number("Ready", "status.numberReady"),
        number("Up-to-date", "status.updatedNumberScheduled"),
        number("Available", "status.numberAvailable"),
        text("Node Selector", selector("spec.template.spec.nodeSelector")),
        AGE,
        *TEMPLATE,
        text("Selector", selector(), 1),
    ),
    "Job": (
        NAME,
        text("Status", cells.job_status),
        text("Completions", cells.job_completions),
        text("Duration", cells.job_duration),
        AGE,
        *TEMPLATE,
        text("Selector", selector(), 1),
    ),
    "CronJob": (
        NAME,
        text("Schedule", "spec.schedule"),
        text("Timezone", "spec.timeZone"),
        text("Suspend", lambda obj, _now: str(bool(get(obj, "spec.suspend")))),
        number("Active", lambda obj, _now: len(get(obj, "status.active") or ())),
        text("Last Schedule", lambda obj, now: cells.since(get(obj, "status.lastScheduleTime"), now)),
        AGE,
    ),
}
