"""Is every expected Kustomization ready, at the revision its source has?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.flux import Bucket, GitRepository, Kustomization, OCIRepository, Source
from runbook.domain.readiness import flux_state
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Is every expected Kustomization ready, at the revision its source has?"
NEEDS = ("Kustomization", "GitRepository", "OCIRepository", "Bucket")
STAGES = ("reconcile", "verify", "diagnose")
SOURCES: dict[str, type[Source]] = {k.KIND: k for k in (GitRepository, OCIRepository, Bucket)}
answer = Answers("kustomizations-ready")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each expected Kustomization, and one for each other that is red."""
    found = by_name(snapshot.of(Kustomization))
    if not inventory.kustomizations:
        yield answer.expected(snapshot.cluster, "Kustomizations")
    for entry in inventory.kustomizations:
        key = (entry.namespace, entry.name)
        one = found.pop(key, None)
        yield _judged(snapshot, one) if one else answer.failed(ObjectRef("Kustomization", *key), "it does not exist")
    for other in found.values():
        state = flux_state(other)
        if not state.ready:
            yield answer.warned(other.ref, f"not expected, and {state.word}", state.message)


def _judged(snapshot: Snapshot, obj: Kustomization) -> Finding:
    state, applied = flux_state(obj), obj.status.last_applied_revision
    facts = {"revision": applied, "state": state.word, "reason": state.reason}
    if not state.ready:
        return answer.failed(obj.ref, f"{state.word}: {state.reason}", state.message, **facts)
    if not applied:
        return answer.failed(obj.ref, "ready, but it has applied no revision", **facts)
    reference = obj.spec.source_ref
    if reference.kind not in SOURCES:
        return answer.unknown(obj.ref, f"applied {applied}; a source of kind {reference.kind} is not read", **facts)
    source = _source(snapshot, obj)
    name = f"{reference.kind} {reference.namespace or obj.metadata.namespace}/{reference.name}"
    if source is None:
        return answer.failed(obj.ref, f"applied {applied}, but its source {name} does not exist", **facts)
    offered = source.status.artifact.revision if source.status.artifact else ""
    if offered != applied:
        return answer.failed(obj.ref, f"applied {applied}, its source offers {offered or 'nothing'}", **facts)
    return answer.passed(obj.ref, f"applied {applied}", **facts)


def _source(snapshot: Snapshot, obj: Kustomization) -> Source | None:
    reference = obj.spec.source_ref
    key = (reference.namespace or obj.metadata.namespace, reference.name)
    found: Source | None = by_name(snapshot.of(SOURCES[reference.kind])).get(key)
    return found
