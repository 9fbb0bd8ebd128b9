"""Which Flux objects want a request, why, in which order, and what stands in the way.

A leaf reconciled before its source applies the old revision again; a release whose cause stands fails again and only
spends its retries; a suspended object is never woken by a request (semantics 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from runbook.acting.standing import causes_of, is_acting, stands, unknown_cause, witnessed
from runbook.domain.flux import Bucket, GitRepository, HelmRepository, Kustomization, NameRef, OCIRepository, Source
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import condition
from runbook.domain.probes import GitHead
from runbook.domain.readiness import flux_state
from runbook.domain.requests import asked_at
from runbook.inventory.model import Inventory
from runbook.model import Explanation, Finding, FirstCause, ObjectRef, Result, Snapshot

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


@dataclass(frozen=True)
class Requests:
    """What one look says about requests: why an object wants one, and what stands in its way."""

    snapshot: Snapshot
    findings: Sequence[Finding]
    explanation: Explanation | None
    inventory: Inventory

    def why_ask(self, obj: FluxObject) -> str:
        """Why an object wants a request, or nothing: not ready, behind its source or Git, or one that the ticket asks for."""
        ready, state = condition(obj.status.conditions, "Ready"), flux_state(obj)
        if not state.ready and not obj.spec.suspend:
            if ready is None:
                return "not ready: it has no Ready condition"
            told = f"{ready.reason}: {ready.message}" if ready.status != "True" else f"{state.reason}: {state.message}"
            return f"not ready: {told}"[:300]
        if isinstance(obj, Kustomization):
            return self._behind_its_source(obj) or self._asked_for_by_the_ticket(obj)
        return self._behind_git(obj) if isinstance(obj, GitRepository) else ""

    def in_the_way(self, obj: FluxObject) -> list[str]:
        """A first cause that stands or is not known, a dependency that is not ready, an action under way.

        What only waits for others needs no cause of its own: its dependencies are looked at here, one by one, and a
        request comes to nothing before they are ready: its controller asks first and acts then (semantics 2.2).
        """
        found: list[str] = []
        if isinstance(obj, HelmRelease):
            found.append(stands(self._causes.get(obj.ref), self.snapshot))
            if flux_state(obj).word != "waiting" and (not exhausted(obj) or obj.ref in self._witnessed):
                found.append(unknown_cause(self.explanation, obj.ref))
        for ref in _needs(obj):
            if ref not in self._by_ref:
                found.append(f"it depends on {ref}, which does not exist")
            elif not flux_state(self._by_ref[ref]).ready:
                found.append(f"it depends on {ref}, which is not ready")
        if isinstance(obj, HelmRelease) and is_acting(obj):
            found.append("it is in the middle of an action: wait for its end")
        return [f for f in found if f]

    @cached_property
    def _causes(self) -> Mapping[ObjectRef, FirstCause]:
        return causes_of(self.explanation)

    @cached_property
    def _witnessed(self) -> frozenset[ObjectRef]:
        return witnessed(self.snapshot)

    @cached_property
    def _by_ref(self) -> Mapping[ObjectRef, FluxObject]:
        others: list[FluxObject] = [*self.snapshot.seen(Kustomization), *self.snapshot.seen(HelmRelease)]
        return {o.ref: o for o in others}

    def _behind_its_source(self, obj: Kustomization) -> str:
        ref = obj.spec.source_ref
        wanted = ObjectRef(ref.kind, ref.namespace or obj.metadata.namespace, ref.name)
        source = next((s for kind in SOURCES for s in self.snapshot.seen(kind) if s.ref == wanted), None)
        revision = source.status.artifact.revision if source and source.status.artifact else ""
        if not revision or revision == obj.status.last_applied_revision:
            return ""
        return f"applied {obj.status.last_applied_revision or 'nothing'}, its source is at {revision}"

    def _asked_for_by_the_ticket(self, obj: Kustomization) -> str:
        asked = next((f for f in self.findings if f.check == "reconcile-requested" and f.object == obj.ref), None)
        if asked is None or asked.result is not Result.FAIL:
            return ""
        return f"{asked.reason}, and the inventory's criteria want one"

    def _behind_git(self, obj: GitRepository) -> str:
        """The checkout's HEAD is not what was fetched, and it was not asked for since that commit: pushed or not, once."""
        source = self.inventory.git.source
        heads = self.snapshot.seen(GitHead)
        if (
            source is None
            or (source.namespace, source.name) != (obj.metadata.namespace, obj.metadata.name)
            or not heads
        ):
            return ""
        head, artifact = heads[0], obj.status.artifact.revision if obj.status.artifact else ""
        if not head.revision or head.dirty or head.revision in artifact:
            return ""
        last = asked_at(obj.status.last_handled_reconcile_at)
        if head.committed is None or (last is not None and last >= head.committed):
            return ""
        return f"HEAD of the checkout is {head.revision[:12]}, it has fetched {artifact or 'nothing'}"


def exhausted(obj: FluxObject) -> bool:
    """Whether only a reset, a force or a change starts it again (semantics 2.3)."""
    stalled = condition(obj.status.conditions, "Stalled")
    return isinstance(obj, HelmRelease) and bool(
        stalled and stalled.status == "True" and stalled.reason == "RetriesExceeded"
    )


def finding_of(obj: FluxObject) -> str:
    """The check that speaks of such an object."""
    return {"HelmRelease": "releases-ready", "Kustomization": "kustomizations-ready"}.get(obj.KIND, "sources-ready")


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
