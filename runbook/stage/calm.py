"""What an object that is not red says of itself, and what is red beneath it."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.diagnosis.details import details
from runbook.diagnosis.follow import BELOW
from runbook.diagnosis.graph import Graph
from runbook.display.extent import extent
from runbook.domain.cluster import Namespace
from runbook.domain.meta import Condition
from runbook.domain.pods import Pod
from runbook.domain.podstatus import pod_row
from runbook.domain.workloads import Workload
from runbook.model import Explanation, ObjectRef, Snapshot

_NAMED = 5
_TELLING = ("Ready", "Available", "Healthy", "Synced", "Complete", "Failed", "Programmed", "Accepted", "Progressing")


def says(network: Graph, snapshot: Snapshot, explanation: Explanation, ref: ObjectRef) -> str:
    """What an object that is not red says of itself, and what is red beneath it."""
    beneath = _beneath(network, explanation, ref)
    below = f"; red beneath it: {some([str(r) for r in beneath])}" if beneath else ""
    return f"{_itself(network, snapshot, ref)}{below}"


def _itself(network: Graph, snapshot: Snapshot, ref: ObjectRef) -> str:
    if why := dict(snapshot.malformed).get(ref):
        return f"it could not be read, so nothing is known of it: {why}"
    obj = network.index.get(ref)
    if obj is None:
        return (
            "it answers as it should"
            if ref in network.index.probes
            else "it was not observed; only its events are at hand"
        )
    if getattr(getattr(obj, "spec", None), "suspend", None):
        return f"it is suspended (spec.suspend is true), so nothing is tried. {_conditions(network, snapshot, ref)}".strip()
    if isinstance(obj, Pod):
        ready, total, status = pod_row(obj)
        return f"{status}, {ready} of {total} ready"
    said = _conditions(network, snapshot, ref)
    if isinstance(obj, Namespace):
        whole = (
            " and all that Flux reconciles in it is suspended" if ref.name in extent(snapshot, ref.name).whole else ""
        )
        return f"it is {obj.status.phase or 'there'}{whole}"
    if isinstance(obj, Workload):
        said = ", ".join(filter(None, (f"{obj.status.ready_replicas or obj.status.number_ready} ready", said)))
    if ref.kind == "Service":
        slices = network.index.slices.get((ref.namespace, ref.name))
        return "it has ready endpoints" if slices else "its endpoints were not observed"
    return said or "it has no condition that says how it is"


def _conditions(network: Graph, snapshot: Snapshot, ref: ObjectRef) -> str:
    found = details(snapshot, ref, network)
    by_type = {c.type: c for c in found.conditions} if found is not None else {}
    telling = next((by_type[t] for t in _TELLING if t in by_type), None)
    return _condition(telling) if telling else ""


def _condition(one: Condition) -> str:
    return f"{one.type} {one.status}" + "".join(f", {part}" for part in (one.reason, one.message) if part)


def _beneath(network: Graph, explanation: Explanation, ref: ObjectRef) -> list[ObjectRef]:
    red = {r for c in explanation.first_causes for r in (c.object, *(e.object for e in c.explains))}
    red |= {u.object for u in explanation.unexplained}
    found, waiting, seen = list[ObjectRef](), [ref], {ref}
    while waiting:
        for edge in network.out(waiting.pop(), *BELOW):
            if edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
                found += [edge.target] if edge.target in red else []
    return found


def some(names: Sequence[str]) -> str:
    """The first few by name, the rest counted."""
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
