"""The state of any object, worked out once each; and which objects count as failing at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runbook.diagnosis import hearsay, waysin
from runbook.diagnosis.graph import Graph
from runbook.diagnosis.index import ENDPOINT, ref_of
from runbook.diagnosis.signs import FINE, MOVING, Health, Sign, of_flux, of_sealed
from runbook.diagnosis.signs_gateway import of_gateway, of_route, reaches
from runbook.diagnosis.signs_node import of_node
from runbook.diagnosis.signs_volume import of_claim, of_volume
from runbook.diagnosis.signs_workload import of_job, of_pod, of_workload
from runbook.domain import custom
from runbook.domain.cluster import Generic, Namespace, Node, PersistentVolume, PersistentVolumeClaim
from runbook.domain.custom import MAKERS, ROUTES
from runbook.domain.flux import Kustomization, Source
from runbook.domain.gateway import Gateway, Route
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Resource, condition
from runbook.domain.network import Ingress, Service
from runbook.domain.pods import Pod
from runbook.domain.sealing import SealedSecret
from runbook.domain.workloads import Job, ReplicaSet, Workload
from runbook.model import ObjectRef

_GOOD = ("Ready", "Available", "Healthy", "Synced")
FLUX = ("GitRepository", "OCIRepository", "HelmRepository", "HelmChart", "Bucket", "Kustomization", "HelmRelease")


class Healths:
    """States by object. `statuses` are the HTTP statuses an endpoint may answer, by its name (200 to 399 if not said)."""

    def __init__(self, graph: Graph, statuses: Mapping[str, tuple[int, ...]] | None = None) -> None:
        self.graph = graph
        self.statuses = statuses or {}
        self._known: dict[ObjectRef, Health] = {}
        self.heard = graph.heard

    def declared(self, ref: ObjectRef) -> bool:
        """Whether it lives outside the API and was probed."""
        return ref in self.graph.index.probes

    def of(self, ref: ObjectRef) -> Health:
        """The object's state."""
        if ref not in self._known:
            self._known[ref] = self._of(ref)
        return self._known[ref]

    def tells(self, ref: ObjectRef) -> bool:
        """Whether the object's own state is among what was observed: many kinds have none that all understand."""
        obj = self.graph.index.get(ref)
        if isinstance(obj, Route):
            return bool(obj.status.parents)
        return not isinstance(obj, Generic) or any(condition(obj.status.conditions, t) for t in _GOOD)

    def members(self) -> Iterator[tuple[ObjectRef, Health]]:
        """Every object that may stand in an explanation and is not fine, Flux objects first, each kind by name."""
        index = self.graph.index
        refs = [*(ref for ref, obj in index.objects.items() if _is_member(obj)), *index.probes, *self.heard]
        red = [ref for ref in refs if self.of(ref).state != "fine"]
        for ref in sorted(red, key=lambda r: (r.kind not in FLUX, r.kind, r.namespace, r.name)):
            yield ref, self.of(ref)

    def _of(self, ref: ObjectRef) -> Health:
        index = self.graph.index
        if ref.kind == ENDPOINT and ref in index.probes:
            return self._endpoint(ref)
        if ref in self.heard:
            return hearsay.health(index, ref)
        obj = index.get(ref)
        if isinstance(obj, (Source, Kustomization, HelmRelease)):
            return of_flux(obj, index)
        if isinstance(obj, SealedSecret):
            return of_sealed(obj, index)
        if isinstance(obj, Workload):
            return of_workload(obj, index)
        if isinstance(obj, Job):
            return of_job(obj, index)
        if isinstance(obj, Pod):
            return of_pod(obj, index)
        if isinstance(obj, PersistentVolumeClaim):
            return of_claim(obj, index)
        if isinstance(obj, (Node, PersistentVolume, Namespace)):
            return _of_the_cluster(obj)
        if isinstance(obj, (Ingress, Gateway)) or ref.kind in ROUTES:
            return self._way_in(ref, obj)
        if isinstance(obj, Generic):
            return _generic(obj)
        return self._service(ref) if isinstance(obj, Service) else FINE

    def _endpoint(self, ref: ObjectRef) -> Health:
        probe = self.graph.index.probes[ref]
        allowed = self.statuses.get(probe.name) or tuple(range(200, 400))
        if not probe.error and probe.status in allowed:
            return FINE
        text = probe.error or f"GET {probe.url} answered {probe.status}"
        return Health("failing", (Sign(text, probe.layer or "status", self.graph.index.now, "probe"),))

    def _way_in(self, ref: ObjectRef, obj: Resource | None) -> Health:
        if isinstance(obj, Gateway):
            return of_gateway(obj)
        return self._route(ref, obj) if isinstance(obj, Route) else self._ingress(ref)

    def _ingress(self, ref: ObjectRef) -> Health:
        bad = [e.target for e in self.graph.out(ref, "serves") if self._is_dead(e.target)]
        return Health("failing") if bad or any(waysin.misled(self.graph, ref)) else FINE

    def _route(self, ref: ObjectRef, obj: Route) -> Health:
        """By what its parents say and where it leads; one whose Gateway fails where it attaches has yet to be explained."""
        own = of_route(obj)
        gone = any(self.graph.absent(e.target) == "missing" for e in self.graph.out(ref, "attaches"))
        if own.state == "failing" or gone or self._ingress(ref).state == "failing":
            return Health("failing", own.signs)
        for parent in custom.parents(obj):
            gateway = self.graph.index.get(parent.gateway(ref.namespace) or ref)
            if isinstance(gateway, Gateway) and reaches(gateway, parent) and self.of(gateway.ref).state != "fine":
                return Health("moving", own.signs)
        return own

    def _is_dead(self, service: ObjectRef) -> bool:
        if self.graph.absent(service):
            return self.graph.absent(service) == "missing"
        return self.of(service).state == "failing"

    def _service(self, ref: ObjectRef) -> Health:
        """A Service with slices and no ready endpoint in them. A nil `ready` counts as true (discovery/v1)."""
        slices = self.graph.index.slices.get((ref.namespace, ref.name), ())
        if not slices:
            return MOVING
        ready = any(e.conditions.ready is not False for s in slices for e in s.endpoints or ())
        return FINE if ready else Health("failing")


def _of_the_cluster(obj: Node | PersistentVolume | Namespace) -> Health:
    if isinstance(obj, Node):
        return of_node(obj)
    if isinstance(obj, PersistentVolume):
        return of_volume(obj)
    return Health("failing") if obj.status.phase == "Terminating" else FINE


def _generic(obj: Generic) -> Health:
    """Any other project's object by the conditions that all share; one without any says nothing. [kstatus]"""
    conditions, generation = obj.status.conditions, obj.metadata.generation or 0
    stalled, ready = (
        condition(conditions, "Stalled"),
        next(filter(None, (condition(conditions, t) for t in _GOOD)), None),
    )
    bad = stalled if stalled is not None and stalled.status == "True" else ready
    if bad is None and obj.kind in MAKERS:
        return MOVING  # it has yet to say whether it made its Secret
    if bad is None or (bad is ready and bad.status == "True"):
        return FINE
    seen = obj.status.observed_generation or bad.observed_generation
    stale = (
        f"its message is of generation {seen}, and the object is at {generation}" if seen and seen < generation else ""
    )
    sign = Sign(bad.message, bad.reason, bad.last_transition_time, bad.type, stale)
    return Health("moving" if bad.status == "Unknown" else "failing", (sign,))


def _is_member(obj: Resource) -> bool:
    if isinstance(obj, ReplicaSet):
        return obj.metadata.controller is None
    if isinstance(obj, Generic):
        return obj.kind in (*ROUTES, *MAKERS)
    return (
        isinstance(obj, (Pod, Job, Workload, SealedSecret, PersistentVolumeClaim, Ingress, Gateway))
        or ref_of(obj).kind in FLUX
    )
