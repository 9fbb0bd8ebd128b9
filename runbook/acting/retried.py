"""Was a reset of this release tried already, and has anything changed since that would let a further one end otherwise?

A reset makes one attempt. When that attempt has failed and nothing is different, the next one fails likewise and only
runs the hooks again, so a second apply would change something without a proof (semantics 2.3, 2.5).
"""

from __future__ import annotations

from datetime import datetime

from runbook.acting.standing import release_of
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Condition, condition
from runbook.domain.pods import Pod
from runbook.domain.readiness import pod_ready
from runbook.domain.requests import asked_at
from runbook.domain.sealing import SealedSecret
from runbook.model import Snapshot


def in_vain(release: HelmRelease, snapshot: Snapshot) -> str:
    """Why a further reset is a person's decision; empty for a first one, and when something has changed since the last."""
    if not _was_tried(release) or changed_since_failure(release, snapshot):
        return ""
    return (
        f"its reset of {release.status.last_handled_reset_at} failed, and nothing that was looked at has changed since: "
        "a further one makes the same attempt and runs the same hooks; a person decides"
    )


def _was_tried(release: HelmRelease) -> bool:
    """Whether the last reset's own attempt failed.

    One that was swallowed (no revision is newer than it) made no attempt, and after another chart or other values the
    last attempt was theirs: both may be reset. What cannot be ordered counts as tried.
    """
    token = release.status.last_handled_reset_at
    if not token:
        return False
    asked, history = asked_at(token), release.status.history or ()
    if asked is None or not history or any(h.last_deployed is None for h in history):
        return True
    since = [h for h in history if h.last_deployed is not None and h.last_deployed >= asked]
    return len({(h.chart_version, h.config_digest) for h in since}) == 1


def changed_since_failure(release: HelmRelease, snapshot: Snapshot) -> str:
    """What of the release has become better after it had failed, as a sentence; empty when nothing that was looked at has."""
    stalled = condition(release.status.conditions, "Stalled")
    failed = stalled.last_transition_time if stalled is not None else None
    if failed is None:
        return ""
    return _opened(release, snapshot, failed) or _pods_ready(release, snapshot, failed)


def _opened(release: HelmRelease, snapshot: Snapshot, failed: datetime) -> str:
    namespace = _namespace(release)
    for sealed in snapshot.seen(SealedSecret):
        if sealed.metadata.namespace == namespace and _turned(sealed.status.conditions, "Synced", failed):
            return f"{sealed.ref} opens since"
    return ""


def _pods_ready(release: HelmRelease, snapshot: Snapshot, failed: datetime) -> str:
    """All of its pods, and one at least after the failure: what was ready while the attempt failed proves nothing."""
    namespace = _namespace(release)
    there = [p for p in snapshot.seen(Pod) if p.metadata.namespace == namespace and p.status.phase != "Failed"]
    mine = [p for p in there if _is_of(p, release, snapshot)]
    if mine and all(map(pod_ready, mine)) and any(_turned(p.status.conditions, "Ready", failed) for p in mine):
        return f"its pods are ready since ({len(mine)} of {len(mine)})"
    return ""


def _namespace(release: HelmRelease) -> str:
    return release.spec.target_namespace or release.metadata.namespace


def _is_of(pod: Pod, release: HelmRelease, snapshot: Snapshot) -> bool:
    found = release_of(pod.metadata, snapshot)
    return found is not None and found.ref == release.ref


def _turned(conditions: tuple[Condition, ...] | None, kind: str, after: datetime) -> bool:
    found = condition(conditions, kind)
    changed = found.last_transition_time if found is not None and found.status == "True" else None
    return changed is not None and changed > after
