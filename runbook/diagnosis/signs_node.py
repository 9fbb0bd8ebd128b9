"""What a node says of its state: whether its kubelet answers, and the pressures under which it keeps pods out."""

from __future__ import annotations

from runbook.diagnosis.signs import FINE, Health, Sign
from runbook.domain.cluster import Node
from runbook.domain.meta import condition

PRESSURES = ("DiskPressure", "MemoryPressure", "PIDPressure")
_PREFIX = "node.kubernetes.io/"
UNSCHEDULABLE = f"{_PREFIX}unschedulable"
# The condition, and its statuses, that each taint of the node lifecycle controller stands for.
# [kk:pkg/controller/nodelifecycle/node_lifecycle_controller.go]
_CONDITIONS = {
    f"{_PREFIX}not-ready": ("Ready", ("False",)),
    f"{_PREFIX}unreachable": ("Ready", ("Unknown",)),
    f"{_PREFIX}disk-pressure": ("DiskPressure", ("True",)),
    f"{_PREFIX}memory-pressure": ("MemoryPressure", ("True",)),
    f"{_PREFIX}pid-pressure": ("PIDPressure", ("True",)),
    f"{_PREFIX}network-unavailable": ("NetworkUnavailable", ("True",)),
}
TAINTS = frozenset({*_CONDITIONS, UNSCHEDULABLE})


def of_node(obj: Node) -> Health:
    """A node fails when it is not Ready. One under pressure or without routes still runs the pods that it has: it is moving."""
    signs = []
    for type_, good in (("Ready", "True"), *((one, "") for one in (*PRESSURES, "NetworkUnavailable"))):
        found = condition(obj.status.conditions, type_)
        if found is not None and (found.status != good if good else found.status == "True"):
            signs.append(Sign(found.message, found.reason, found.last_transition_time, type_))
    if not signs:
        return FINE
    return Health("failing" if signs[0].origin == "Ready" else "moving", tuple(signs))


def condition_of(taint: str) -> str:
    """The type of the condition that a taint stands for; empty for a cordon, which is nobody's condition."""
    return _CONDITIONS[taint][0] if taint in _CONDITIONS else ""


def bears(obj: Node, taint: str) -> bool:
    """Whether a node is in the state that the taint stands for."""
    if taint == UNSCHEDULABLE:
        return bool(obj.spec.unschedulable)
    type_, statuses = _CONDITIONS[taint]
    found = condition(obj.status.conditions, type_)
    if found is None:
        return False
    # not-ready and unreachable are put on in turn: a node may have one and by now be in the other's state
    tainted = any(one.key == taint for one in obj.spec.taints or ())
    return found.status in statuses or (tainted and type_ == "Ready" and found.status != "True")
