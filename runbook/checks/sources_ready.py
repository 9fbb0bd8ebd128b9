"""Is every expected Flux source ready, with an artifact, at this generation?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.flux import Bucket, GitRepository, HelmRepository, OCIRepository, Source
from runbook.domain.readiness import flux_state
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Is every expected Flux source ready, with an artifact, at this generation?"
NEEDS = ("GitRepository", "HelmRepository", "OCIRepository", "Bucket")
STAGES = ("preflight", "reconcile", "verify", "diagnose")
KINDS: dict[str, type[Source]] = {k.KIND: k for k in (GitRepository, HelmRepository, OCIRepository, Bucket)}
answer = Answers("sources-ready")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each expected source, and one for each other source that is red."""
    if not inventory.sources:
        yield answer.expected(snapshot.cluster, "sources")
    expected = set()
    for entry in inventory.sources:
        ref = ObjectRef(entry.kind, entry.namespace, entry.name)
        expected.add(ref)
        found = by_name(snapshot.of(KINDS[entry.kind])).get((entry.namespace, entry.name))
        yield _judged(ref, found) if found else answer.failed(ref, "it does not exist")
    for kind in KINDS.values():
        for source in snapshot.seen(kind):
            state = flux_state(source)
            if source.ref not in expected and not state.ready:
                yield answer.warned(source.ref, f"not expected, and {state.word}", state.message)


def _judged(ref: ObjectRef, source: Source) -> Finding:
    state, artifact = flux_state(source), source.status.artifact
    revision = artifact.revision if artifact else ""
    facts = {"revision": revision, "state": state.word, "reason": state.reason}
    if not state.ready:
        return answer.failed(ref, f"{state.word}: {state.reason}", state.message, **facts)
    if artifact is None and source.spec.type != "oci":
        return answer.failed(ref, "ready, but it has no artifact", **facts)
    return answer.passed(ref, f"ready at {revision[:60] or state.message}", **facts)
