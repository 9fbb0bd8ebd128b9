"""May this identity read what the stages need? A denied list is not an empty one."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.probes import AccessReview
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.judgement.permissions import READING, allowed, of_review
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "May this identity read what the stages need?"
NEEDS = ("AccessReview",)
STAGES = ("preflight",)
answer = Answers("access")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One failure for each permission to read that is missing; else one pass with their number."""
    every = [r for r in snapshot.of(AccessReview) if r.verb in READING]
    # refused everywhere and asked again namespace by namespace: the namespaces decide
    again = {(r.verb, r.group, r.resource) for r in every if r.namespace}
    reviews = [r for r in every if r.namespace or r.allowed or (r.verb, r.group, r.resource) not in again]
    denied = [r for r in reviews if not allowed(of_review(r), every)]
    for review in denied:
        wanted = of_review(review)
        ref = ObjectRef("Permission", review.namespace, wanted.action)
        yield answer.failed(ref, f"may not {wanted}", review.reason, verb=review.verb)
    if not reviews:
        yield answer.unknown(cluster_ref(snapshot), "no permission was reviewed")
    elif not denied:
        yield answer.passed(cluster_ref(snapshot), f"{len(reviews)} of {len(reviews)} permissions allowed")
