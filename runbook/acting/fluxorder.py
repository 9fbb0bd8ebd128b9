"""Which Flux objects want a request, why, in which order, and what stands in the way.

A leaf reconciled before its source applies the old revision again; a release whose cause stands fails again and only
spends its retries; a suspended object is never woken by a request (semantics 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from runbook.acting.standing import causes_of, has_witness, is_acting, stands, unknown_cause
from runbook.domain.flux import Bucket, GitRepository, HelmRepository, Kustomization, NameRef, OCIRepository, Source
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import condition
from runbook.domain.readiness import flux_state
from runbook.inventory.model import Inventory
from runbook.model import Explanation, Finding, ObjectRef, Result, Snapshot

SOURCES = (GitRepository, OCIRepository, HelmRepository, Bucket)
FluxObject = Source | Kustomization | HelmRelease
T = TypeVar("T", Kustomization, HelmRelease)


def in_order(snapshot: Snapshot, inventory: Inventory) -> Iterator[FluxObject]:
    """Expected sources, Kustomizations in the order of their dependsOn, then releases likewise."""
    sources = {ObjectRef(s.kind, s.namespace, s.name) for s in inventory.sources}
    yield from (o for kind in SOURCES for o in snapshot.seen(kind) if o.ref in sources)
    wanted = {ObjectRef("Kustomization", k.namespace, k.name) for k in inventory.kustomizations}
    yield from _dependencies_first([o for o in snapshot.seen(Kustomization) if o.ref in wanted])
    releases = {ObjectRef("HelmRelease", r.namespace, r.name) for r in inventory.releases}
    yield from _dependencies_first([o for o in snapshot.seen(HelmRelease) if o.ref in releases])


def why_ask(obj: FluxObject, snapshot: Snapshot, findings: Sequence[Finding]) -> str:
    """Why an object wants a request, or nothing: not ready, behind its source, or a request that the ticket asks for."""
    ready, state = condition(obj.status.conditions, "Ready"), flux_state(obj)
    if not state.ready and not obj.spec.suspend:
        if ready is None:
            return "not ready: it has no Ready condition"
        told = f"{ready.reason}: {ready.message}" if ready.status != "True" else f"{state.reason}: {state.message}"
        return f"not ready: {told}"[:300]
    if isinstance(obj, Kustomization):
        revision = _source_revision(obj, snapshot)
        if revision and revision != obj.status.last_applied_revision:
            return f"applied {obj.status.last_applied_revision or 'nothing'}, its source is at {revision}"
        asked = next((f for f in findings if f.check == "reconcile-requested" and f.object == obj.ref), None)
        if asked is not None and asked.result is Result.FAIL:
            return f"{asked.reason}, and the inventory's criteria want one"
    return ""


def in_the_way(obj: FluxObject, snapshot: Snapshot, explanation: Explanation | None) -> list[str]:
    """A first cause that stands or is not known, a suspension, a dependency that is not ready, an action under way."""
    found: list[str] = []
    if isinstance(obj, HelmRelease):
        found.append(stands(causes_of(explanation).get(obj.ref), snapshot))
        if not exhausted(obj) or has_witness(obj, snapshot):
            found.append(unknown_cause(explanation, obj.ref))
    others: list[FluxObject] = [*snapshot.seen(Kustomization), *snapshot.seen(HelmRelease)]
    by_ref = {o.ref: o for o in others}
    for ref in _needs(obj):
        if ref not in by_ref:
            found.append(f"it depends on {ref}, which does not exist")
        elif not flux_state(by_ref[ref]).ready:
            found.append(f"it depends on {ref}, which is not ready")
    if isinstance(obj, HelmRelease) and is_acting(obj):
        found.append("it is in the middle of an action: wait for its end")
    return [f for f in found if f]


def exhausted(obj: FluxObject) -> bool:
    """Whether only a reset, a force or a change starts it again (semantics 2.3)."""
    stalled = condition(obj.status.conditions, "Stalled")
    return isinstance(obj, HelmRelease) and bool(
        stalled and stalled.status == "True" and stalled.reason == "RetriesExceeded"
    )


def finding_of(obj: FluxObject) -> str:
    """The check that speaks of such an object."""
    return {"HelmRelease": "releases-ready", "Kustomization": "kustomizations-ready"}.get(obj.KIND, "sources-ready")


def _source_revision(obj: Kustomization, snapshot: Snapshot) -> str:
    ref = obj.spec.source_ref
    wanted = ObjectRef(ref.kind, ref.namespace or obj.metadata.namespace, ref.name)
    source = next((s for kind in SOURCES for s in snapshot.seen(kind) if s.ref == wanted), None)
    return source.status.artifact.revision if source and source.status.artifact else ""


def _dependencies_first(objects: list[T]) -> list[T]:
    """Each after what it depends on; a cycle keeps the order of names."""
    waiting, done, ordered = sorted(objects, key=lambda o: o.ref), set[ObjectRef](), list[T]()
    names = {o.ref for o in waiting}
    while waiting:
        free = [o for o in waiting if all(d in done or d not in names for d in _needs(o))] or waiting[:1]
        ordered += free
        done |= {o.ref for o in free}
        waiting = [o for o in waiting if o.ref not in done]
    return ordered


def _needs(obj: FluxObject) -> list[ObjectRef]:
    depends: Sequence[NameRef] = () if isinstance(obj, Source) else obj.spec.depends_on or ()
    return [ObjectRef(obj.KIND, d.namespace or obj.metadata.namespace, d.name) for d in depends]
