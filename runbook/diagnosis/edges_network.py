"""Edges of the way in: declared endpoint, Ingress or route → Service, Service → pods behind it, or who should make it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from runbook.diagnosis.edge import Edge
from runbook.diagnosis.index import Index
from runbook.domain import custom
from runbook.domain.cluster import Generic
from runbook.domain.helm import HelmRelease, release_storage
from runbook.domain.meta import Resource
from runbook.domain.network import DEFAULT, Ingress, Service
from runbook.domain.pods import Pod
from runbook.domain.webhooks import Webhook, WebhookConfiguration
from runbook.domain.workloads import ReplicaSet, Workload
from runbook.model import ObjectRef

R = TypeVar("R", bound=Resource)


def edges(index: Index, services: Mapping[str, str]) -> Iterator[Edge]:
    """All edges that end at a Service, and who should make one that is not there."""
    ways = list(dict.fromkeys(_ways(index, services)))
    yield from ways
    yield from _makers(index, {edge.target for edge in ways if index.get(edge.target) is None})


@dataclass(frozen=True, slots=True)
class Behind:
    """Pods behind a Service, and what names them. Services that select alike share one: it is worked out once."""

    pods: tuple[ObjectRef, ...]
    proof: str


class Services:
    """The pods behind each Service; all labels are looked through when the first Service is asked for."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._alike: dict[tuple[str, frozenset[tuple[str, str]]], Behind] = {}

    @cached_property
    def _selected(self) -> Mapping[tuple[str, str, str], set[ObjectRef]]:
        return _by_label(self._index)

    @cached_property
    def pods(self) -> Mapping[str, list[Pod]]:
        """All pods by namespace."""
        return _by_namespace(o for o in self._index.objects.values() if isinstance(o, Pod))

    @cached_property
    def idle(self) -> Mapping[str, list[Workload]]:
        """The workloads that are scaled to 0, by namespace; of a ReplicaSet that is the rule."""
        every = self._index.objects.values()
        none = (o for o in every if isinstance(o, Workload) and not isinstance(o, ReplicaSet))
        return _by_namespace(o for o in none if o.spec.replicas == 0)

    def behind(self, ref: ObjectRef) -> Iterator[Behind]:
        """By EndpointSlices, which name the pods; else by the selector. Nothing is behind anything else."""
        obj = self._index.get(ref) if ref.kind == "Service" else None
        if not isinstance(obj, Service):
            return
        if named := tuple(dict.fromkeys(_named(self._index, ref))):
            yield Behind(named, "EndpointSlice")
        if obj.spec.selector:
            key = ref.namespace, frozenset(obj.spec.selector.items())
            if key not in self._alike:
                matching = [self._selected.get((ref.namespace, *pair), set()) for pair in key[1]]
                self._alike[key] = Behind(tuple(sorted(set.intersection(*matching))), "spec.selector")
            yield self._alike[key]


def _ways(index: Index, services: Mapping[str, str]) -> Iterator[Edge]:
    for ref, probe in index.probes.items():
        named = services.get(probe.name) or probe.service
        if "/" in named:
            namespace, name = named.split("/", 1)
            yield Edge(ref, ObjectRef("Service", namespace, name), "serves", "the inventory's endpoint")
    for ref, obj in index.objects.items():
        if isinstance(obj, Ingress):
            yield from _ingress(ref, obj)
        elif isinstance(obj, WebhookConfiguration):
            yield from _webhooks(ref, obj)
        elif isinstance(obj, Generic) and obj.kind in custom.ROUTES:
            for way in custom.ways(obj):
                yield Edge(ref, way.service, "serves", "spec.http" if obj.kind == "VirtualService" else "spec.rules")


def _makers(index: Index, absent: Set[ObjectRef]) -> Iterator[Edge]:
    """Which release should make a Service that is not there, by the names that charts give their Services."""
    if not absent:
        return
    releases: dict[str, list[tuple[ObjectRef, HelmRelease]]] = defaultdict(list)
    for ref, obj in index.objects.items():
        if isinstance(obj, HelmRelease):
            releases[release_storage(obj)[0]].append((ref, obj))
    for service in sorted(absent):
        near = releases[service.namespace]
        for ref, obj in near:
            if _names(obj, service.name, alone=len(near) == 1):
                yield Edge(service, ref, "made-by", "the release's name")


def _names(release: HelmRelease, service: str, *, alone: bool) -> bool:
    """`<release>`, `<release>-<chart>`, or `<release>-…` where no other release lives: more would be guessing."""
    name, chart = release_storage(release)[1], release.spec.chart
    charts = {h.chart_name for h in release.status.history or ()} | ({chart.spec.chart} if chart else set())
    return service in {name, *(f"{name}-{c}" for c in charts if c)} or (alone and service.startswith(f"{name}-"))


def _ingress(ref: ObjectRef, obj: Ingress) -> Iterator[Edge]:
    for where, backend in obj.backends():
        proof = "spec.defaultBackend" if where == DEFAULT else "spec.rules"
        yield Edge(ref, ObjectRef("Service", ref.namespace, backend.name), "serves", proof)


def _webhooks(ref: ObjectRef, obj: WebhookConfiguration) -> Iterator[Edge]:
    for hook in obj.webhooks or ():
        if edge := answered(ref, hook):
            yield edge


def answered(ref: ObjectRef, hook: Webhook) -> Edge | None:
    """The edge from a webhook's configuration to the Service that answers it; None where it is asked elsewhere."""
    where = f"webhooks[{hook.name}].clientConfig.service"
    return Edge(ref, hook.service, "serves", where) if hook.service else None


def _named(index: Index, ref: ObjectRef) -> Iterator[ObjectRef]:
    for part in index.slices.get((ref.namespace, ref.name), ()):
        for endpoint in part.endpoints or ():
            if endpoint.target_ref is not None and endpoint.target_ref.kind == "Pod":
                yield ObjectRef("Pod", endpoint.target_ref.namespace or ref.namespace, endpoint.target_ref.name)


def _by_namespace(some: Iterator[R]) -> Mapping[str, list[R]]:
    found: dict[str, list[R]] = defaultdict(list)
    for obj in some:
        found[obj.metadata.namespace].append(obj)
    return found


def _by_label(index: Index) -> Mapping[tuple[str, str, str], set[ObjectRef]]:
    found: dict[tuple[str, str, str], set[ObjectRef]] = defaultdict(set)
    for ref, obj in index.objects.items():
        if isinstance(obj, Pod):
            for key, value in (obj.metadata.labels or {}).items():
                found[ref.namespace, key, value].add(ref)
    return found
