"""Edges of Flux's objects: source → chart → release → hook and members; Kustomization → inventory; dependsOn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runbook.diagnosis.edge import Edge
from runbook.diagnosis.index import Index
from runbook.domain import custom, owners, references
from runbook.domain.cluster import Generic
from runbook.domain.flux import HelmChart, Kustomization, NameRef, ResourceInventory, Source, SourceRef
from runbook.domain.helm import HelmRelease
from runbook.model import ObjectRef


def edges(index: Index) -> Iterator[Edge]:
    """All edges that start at a Flux object, or at a Secret that something makes."""
    for ref, obj in index.objects.items():
        if isinstance(obj, HelmRelease):
            yield from _release(index, ref, obj)
        elif isinstance(obj, Kustomization):
            yield from _kustomization(index, ref, obj)
        elif isinstance(obj, Source):
            yield from _source(ref, obj)
        elif ref.kind == "SealedSecret":
            yield Edge(ObjectRef("Secret", ref.namespace, ref.name), ref, "made-by", "the same namespace and name")
        elif isinstance(obj, Generic) and obj.kind in custom.MAKERS and (name := custom.secret_made(obj)):
            where = "spec.secretName" if obj.kind == "Certificate" else "spec.target.name"
            yield Edge(ObjectRef("Secret", ref.namespace, name), ref, "made-by", where)


def _source(ref: ObjectRef, obj: Source) -> Iterator[Edge]:
    if isinstance(obj, HelmChart) and obj.spec.source_ref is not None:
        yield Edge(ref, _named(obj.spec.source_ref, ref.namespace), "source", "spec.sourceRef")
    yield from _needs(ref, references.of_source(obj))


def _release(index: Index, ref: ObjectRef, obj: HelmRelease) -> Iterator[Edge]:
    spec = obj.spec
    if spec.chart_ref is not None and spec.chart_ref.name:
        yield Edge(ref, _named(spec.chart_ref, ref.namespace), "source", "spec.chartRef")
    elif spec.chart is not None:
        yield _chart(ref, obj)
    yield from _depends(ref, spec.depends_on)
    for member in index.members.get(ref, ()):
        hook = member.kind == "Job" and owners.is_hook(index.objects[member].metadata)
        yield Edge(ref, member, "hook" if hook else "applies", "Helm's or Flux's labels and annotations")
    yield from _listed(ref, obj.status.inventory)
    yield from _needs(ref, references.of_release(obj))


def _listed(ref: ObjectRef, inventory: ResourceInventory | None) -> Iterator[Edge]:
    for entry in inventory.entries or () if inventory else ():
        if target := owners.inventory_ref(entry.id):
            yield Edge(ref, target, "applies", "status.inventory")


def _chart(ref: ObjectRef, obj: HelmRelease) -> Edge:
    """status.helmChart names it; before the first pass it is `<namespace>-<name>` beside the source."""
    if "/" in obj.status.helm_chart:
        namespace, name = obj.status.helm_chart.split("/", 1)
        return Edge(ref, ObjectRef("HelmChart", namespace, name), "source", "status.helmChart")
    chart = obj.spec.chart
    namespace = (chart.spec.source_ref.namespace if chart else "") or ref.namespace
    return Edge(ref, ObjectRef("HelmChart", namespace, f"{ref.namespace}-{ref.name}"), "source", "spec.chart")


def _kustomization(index: Index, ref: ObjectRef, obj: Kustomization) -> Iterator[Edge]:
    if obj.spec.source_ref.name:
        yield Edge(ref, _named(obj.spec.source_ref, ref.namespace), "source", "spec.sourceRef")
    yield from _depends(ref, obj.spec.depends_on)
    yield from _listed(ref, obj.status.inventory)
    for member in index.members.get(ref, ()):
        yield Edge(ref, member, "applies", "Flux's labels")
    yield from _needs(ref, references.of_kustomization(obj))


def _depends(ref: ObjectRef, names: tuple[NameRef, ...] | None) -> Iterator[Edge]:
    for name in names or ():
        yield Edge(ref, ObjectRef(ref.kind, name.namespace or ref.namespace, name.name), "depends-on", "spec.dependsOn")


def _needs(ref: ObjectRef, found: Iterable[references.Reference]) -> Iterator[Edge]:
    for need in found:
        if not need.optional:
            yield Edge(ref, ObjectRef(need.kind, need.namespace, need.name), "needs", need.where)


def _named(source: SourceRef, namespace: str) -> ObjectRef:
    return ObjectRef(source.kind, source.namespace or namespace, source.name)
