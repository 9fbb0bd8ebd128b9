"""Is every expected Kustomization ready, at the revision its source has?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.flux import GitRepository, Kustomization, OCIRepository
from runbook.domain.readiness import flux_state
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Is every expected Kustomization ready, at the revision its source has?"
NEEDS = ("Kustomization", "GitRepository", "OCIRepository")
STAGES = ("reconcile", "verify")
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
    offered = _source_revision(snapshot, obj)
    if offered and offered != applied:
        return answer.failed(obj.ref, f"applied {applied}, its source offers {offered}", **facts)
    return answer.passed(obj.ref, f"applied {applied}", **facts)


def _source_revision(snapshot: Snapshot, obj: Kustomization) -> str:
    reference = obj.spec.source_ref
    kind = {"GitRepository": GitRepository, "OCIRepository": OCIRepository}.get(reference.kind)
    if kind is None:
        return ""
    source = by_name(snapshot.of(kind)).get((reference.namespace or obj.metadata.namespace, reference.name))
    return source.status.artifact.revision if source and source.status.artifact else ""
