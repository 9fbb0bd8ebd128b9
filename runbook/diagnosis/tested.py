"""A test hook's pod that says only that it failed: that it did is what the release says, and all that is known of either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Root, Walk
from runbook.domain.helm import HelmRelease
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
    of = (r for r, members in walker.index.members.items() if r.kind == HelmRelease.KIND and ref in members)
    release = next(of, None)
    root = _said(walker, release) if release is not None else None
    if release is None or root is None:
        return found
    return Walk(root, (Edge(ref, release, "tests", f"its annotation {HOOK}"),), hypotheses=found.hypotheses)


def _is_test(pod: Pod) -> bool:
    hooks = pod.metadata.annotation(HOOK).split(",")
    return not _TESTS.isdisjoint(hook.strip() for hook in hooks)


def _said(walker: Walker, release: ObjectRef) -> Root | None:
    """The release's own root, as its words prove it."""
    for sign in walker.health(release).signs:
        if not sign.stale and walker.read(release, sign).cause == FAILED:
            return Root(FAILED, release, release, sign.message, sign.at)
    return None
