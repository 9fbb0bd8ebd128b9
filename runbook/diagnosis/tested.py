"""A test hook's pod that says only that it failed: that it did is what the release says, and all that is known of either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook.diagnosis.blame import blame
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Root, Walk
from runbook.domain.owners import HOOK
from runbook.domain.pods import Pod
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

FAILED = "helm-test-failed"
_TESTS = frozenset({"test", "test-success", "test-failure"})  # the last two are Helm 2's [helm:pkg/release/hook.go]


def tested(walker: Walker, ref: ObjectRef, found: Walk) -> Walk:
    """The walk of a pod without a root, ended at the release that it tests where that says so; else as it is."""
    pod = walker.index.get(ref)
    if found.root is not None or not isinstance(pod, Pod) or not _is_test(pod):
        return found
    release = walker.index.released_by.get(ref)
    root = _said(walker, release) if release is not None else None
    if release is None or root is None:
        return found
    return Walk(root, (Edge(ref, release, "tests", f"its annotation {HOOK}"),), hypotheses=found.hypotheses)


def _is_test(pod: Pod) -> bool:
    hooks = pod.metadata.annotation(HOOK).split(",")
    return not _TESTS.isdisjoint(hook.strip() for hook in hooks)


def _said(walker: Walker, release: ObjectRef) -> Root | None:
    """The release's own root, where that is this."""
    for sign in walker.health(release).signs:
        meaning = walker.read(release, sign)
        if meaning.cause == FAILED and not sign.stale:
            return blame(walker, release, sign, meaning).root
    return None
