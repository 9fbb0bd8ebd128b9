"""Health checks of a Kustomization: `wait` and `healthChecks`, judged as kstatus judges (semantics 4) [pkg:ssa/manager_wait.go]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook.rehearsal.controllers.conditions import deleting, found, is_true
from runbook.rehearsal.controllers.workloads import available
from runbook.rehearsal.durations import seconds
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store

LEAST = 30.0
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True)
class Wait:
    """What was applied: of which revision and generation, since when (cluster seconds), and the objects."""

    state: tuple[str, int]
    began: float
    applied: list[Object]


def timeout(obj: Object) -> float:
    """spec.timeout, else the interval less 30 s; never below 30 s [kc:api/v1/kustomization_types.go]."""
    text = obj["spec"].get("timeout")
    return max(LEAST, seconds(text) if text else seconds(obj["spec"].get("interval") or "10m") - LEAST)


def unhealthy(store: Store, obj: Object, applied: Sequence[Object]) -> dict[str, str]:
    """`Kind/namespace/name` to kstatus' word, of what is asked for and not Current. Empty without `wait` and checks."""
    out: dict[str, str] = {}
    namespace = obj["spec"].get("targetNamespace") or obj["metadata"]["namespace"]
    for kind, where, name in _asked(obj, applied, namespace):
        served = next((k for k in store.kinds.values() if k.kind == kind), None)
        held = store.find(served, where if served.namespaced else None, name) if served else None
        word = status(held)
        if word != "Current":
            out[f"{kind}/{where}/{name}"] = word
    return out


def _asked(obj: Object, applied: Sequence[Object], namespace: str) -> list[tuple[str, str, str]]:
    if obj["spec"].get("wait"):
        target = obj["spec"].get("targetNamespace")
        places = [(d["kind"], target or d["metadata"].get("namespace", ""), d["metadata"]["name"]) for d in applied]
        return sorted(places)
    checks = obj["spec"].get("healthChecks") or ()
    return [(c["kind"], c.get("namespace") or namespace, c["name"]) for c in checks]


def status(obj: Object | None) -> str:
    """kstatus' word. Jobs must be complete, as Flux's own reader of them wants [pkg:runtime/statusreaders/job.go]."""
    if obj is None:
        return "NotFound"
    if deleting(obj):
        return "Terminating"
    known = obj.get("status") or {}
    if known.get("observedGeneration", obj["metadata"].get("generation")) != obj["metadata"].get("generation"):
        return "InProgress"
    if is_true(obj, "Reconciling"):
        return "InProgress"
    if is_true(obj, "Stalled") or (obj["kind"] == "Job" and is_true(obj, "Failed")):
        return "Failed"
    if obj["kind"] == "Job":
        return "Current" if is_true(obj, "Complete") else "InProgress"
    if obj["kind"] in WORKLOADS:
        return "Current" if available(obj) else "InProgress"
    waits = found(obj, "Ready") is not None and not is_true(obj, "Ready")
    return "InProgress" if waits or (obj["kind"] == "HelmRelease" and not known.get("conditions")) else "Current"


def words_of(left: Mapping[str, str]) -> str:
    """The end of a failed check's message."""
    failed = [f"{name} status: 'Failed'" for name, word in left.items() if word == "Failed"]
    if failed:
        return f"failed early due to stalled resources: [{', '.join(failed)}]"
    return "timeout waiting for: [" + ", ".join(f"{name} status: '{word}'" for name, word in left.items()) + "]"
