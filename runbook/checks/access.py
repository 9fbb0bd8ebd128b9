"""May this identity read what the stages need? A denied list is not an empty one."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.probes import AccessReview
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "May this identity read what the stages need?"
NEEDS = ("AccessReview",)
STAGES = ("preflight",)
answer = Answers("access")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One failure for each permission that is missing; else one pass with their number."""
    reviews = snapshot.of(AccessReview)
    denied = [r for r in reviews if not r.allowed]
    for review in denied:
        qualified = f"{review.resource}.{review.group}" if review.group else review.resource
        where = f"in {review.namespace}" if review.namespace else "in all namespaces"
        ref = ObjectRef("Permission", review.namespace, f"{review.verb} {qualified}")
        yield answer.failed(ref, f"may not {review.verb} {qualified} {where}", review.reason, verb=review.verb)
    if not reviews:
        yield answer.unknown(cluster_ref(snapshot), "no permission was reviewed")
    elif not denied:
        yield answer.passed(cluster_ref(snapshot), f"{len(reviews)} of {len(reviews)} permissions allowed")
