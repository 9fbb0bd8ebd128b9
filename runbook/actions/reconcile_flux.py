"""Ask Flux to reconcile: sources first, then Kustomizations, then HelmReleases. Planned only; nothing is annotated here.

A leaf reconciled before its source applies the old revision again; a release whose cause stands fails again and only
spends its retries; a suspended object is never woken by a request (semantics 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from runbook.actions.standing import causes_of, stands
from runbook.domain.flux import GitRepository, HelmRepository, Kustomization, NameRef, OCIRepository, Source
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import condition, is_true
from runbook.domain.readiness import flux_state
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, ObjectRef, Snapshot

_SOURCES = (GitRepository, OCIRepository, HelmRepository)
_WORDS = {
    "GitRepository": "source git",
    "OCIRepository": "source oci",
    "HelmRepository": "source helm",
    "Kustomization": "kustomization",
    "HelmRelease": "helmrelease",
}
FluxObject = Source | Kustomization | HelmRelease
T = TypeVar("T", Kustomization, HelmRelease)


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One request for each expected object that is not ready or lags its source, in the order they must be asked."""
    causes = causes_of(explanation)
    actions: list[Action] = []
    for obj in _in_order(snapshot, inventory):
        reason = _why(obj, snapshot)
        if not reason:
            continue
        cause = causes.get(obj.ref)
        needs = [*([stands(cause)] if cause else []), *_blocks(obj, snapshot)]
        actions.append(_request(len(actions) + 1, obj, reason, needs))
    return tuple(actions)


def _in_order(snapshot: Snapshot, inventory: Inventory) -> Iterator[FluxObject]:
    """Expected sources, Kustomizations in the order of their dependsOn, then releases likewise."""
    sources = {ObjectRef(s.kind, s.namespace, s.name) for s in inventory.sources}
    yield from (o for kind in _SOURCES for o in snapshot.seen(kind) if o.ref in sources)
    wanted = {ObjectRef("Kustomization", k.namespace, k.name) for k in inventory.kustomizations}
    yield from _dependencies_first([o for o in snapshot.seen(Kustomization) if o.ref in wanted])
    releases = {ObjectRef("HelmRelease", r.namespace, r.name) for r in inventory.releases}
    yield from _dependencies_first([o for o in snapshot.seen(HelmRelease) if o.ref in releases])


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


def _why(obj: FluxObject, snapshot: Snapshot) -> str:
    ready = condition(obj.status.conditions, "Ready")
    if not flux_state(obj).ready:
        return f"not ready: {ready.reason}: {ready.message}"[:300] if ready else "not ready: it has no Ready condition"
    if isinstance(obj, Kustomization):
        ref = obj.spec.source_ref
        wanted = ObjectRef(ref.kind, ref.namespace or obj.metadata.namespace, ref.name)
        source = next((s for kind in _SOURCES for s in snapshot.seen(kind) if s.ref == wanted), None)
        revision = source.status.artifact.revision if source and source.status.artifact else ""
        if revision and revision != obj.status.last_applied_revision:
            return f"applied {obj.status.last_applied_revision or 'nothing'}, its source is at {revision}"
    return ""


def _blocks(obj: FluxObject, snapshot: Snapshot) -> list[str]:
    found = ["it is suspended: a request does not wake it; a person resumes it"] if obj.spec.suspend else []
    others: list[FluxObject] = [*snapshot.seen(Kustomization), *snapshot.seen(HelmRelease)]
    by_ref = {o.ref: o for o in others}
    for ref in _needs(obj):
        if ref not in by_ref:
            found.append(f"it depends on {ref}, which does not exist")
        elif not flux_state(by_ref[ref]).ready:
            found.append(f"it depends on {ref}, which is not ready")
    return found


def _request(number: int, obj: FluxObject, reason: str, needs: list[str]) -> Action:
    meta = obj.metadata
    command = f"flux reconcile {_WORDS[obj.KIND]} {meta.name} -n {meta.namespace}"
    kind, mark = "request-reconcile", "reconcile.fluxcd.io/requestedAt"
    if isinstance(obj, Kustomization):
        command += " --with-source"
    stalled = condition(obj.status.conditions, "Stalled")
    if isinstance(obj, HelmRelease) and stalled and stalled.status == "True" and stalled.reason == "RetriesExceeded":
        command, kind = f"{command} --reset", "reset-release"
        mark += " and resetAt"
        reason = f"{reason} (retries exhausted: only a reset or a change starts it again)"[:300]
    if is_true(obj.status.conditions, "Reconciling"):
        needs = [*needs, "it is in the middle of an action: wait for its end"]
    return Action(
        id=f"A{number}",
        kind=kind,
        object=obj.ref,
        reason=reason,
        undo="none needed: the request asks for what Git declares",
        command=command,
        finding={"HelmRelease": "releases-ready", "Kustomization": "kustomizations-ready"}.get(
            obj.KIND, "sources-ready"
        ),
        precondition=f"uid {meta.uid}, generation {meta.generation}",
        blast_radius=f"annotation {mark}; what Git declares is applied",
        requires=tuple(needs),
    )
