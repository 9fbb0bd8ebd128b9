"""Has Flux applied what the checkout's HEAD is? Nothing to push is only not applicable with that proof."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.flux import GitRepository
from runbook.domain.probes import GitHead
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Has Flux fetched what the checkout's HEAD is, and is nothing left uncommitted?"
NEEDS = ("GitHead", "GitRepository")
STAGES = ("preflight", "verify")
answer = Answers("git-revision")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer: HEAD against the source's artifact."""
    source = inventory.git.source
    heads = snapshot.of(GitHead)
    ref = ObjectRef("GitRepository", source.namespace if source else "", source.name if source else "checkout")
    if not heads:
        yield answer.unknown(ref, "no checkout was read")
        return
    head = heads[0]
    if not head.revision:
        yield answer.unknown(ref, "the checkout has no commit: there is no HEAD to compare")
        return
    if source is None:
        yield answer.unknown(ref, "the inventory does not say which source reads this checkout (git.source)")
        return
    found = by_name(snapshot.of(GitRepository)).get((source.namespace, source.name))
    if found is None or found.status.artifact is None:
        yield answer.failed(ref, "the source does not exist or has no artifact")
        return
    revision = found.status.artifact.revision
    facts = {"head": head.revision, "artifact": revision, "dirty": head.dirty}
    if head.dirty:
        yield answer.failed(ref, "the checkout has uncommitted changes: what it says is not what Flux can see", **facts)
    elif head.revision in revision:
        yield answer.inapplicable(ref, f"nothing to push: HEAD {head.revision[:12]} is what Flux has fetched", **facts)
    else:
        yield answer.failed(ref, f"HEAD is {head.revision[:12]}, Flux has {revision}", **facts)
