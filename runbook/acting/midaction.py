"""Asked again at the last moment before a deletion: is the object's HelmRelease in the middle of an action?

A hook Job deleted then makes Helm 3 count a success: the upgrade goes on with its migration not run (semantics 2.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook.acting.hands import Hands, NotDone
from runbook.acting.standing import release_of
from runbook.domain.meta import Resource
from runbook.model import Action, ObjectRef, Snapshot


def release_details(obj: Resource, snapshot: Snapshot) -> Mapping[str, str]:
    """The object's HelmRelease, as the plan keeps it for the act; empty when it belongs to none."""
    release = release_of(obj.metadata, snapshot)
    return {"release": release.metadata.name, "release_namespace": release.metadata.namespace} if release else {}


def planned_release(action: Action) -> ObjectRef | None:
    """The HelmRelease the plan found."""
    name = action.details.get("release")
    return ObjectRef("HelmRelease", action.details["release_namespace"], name) if name else None


def refuse_mid_action(action: Action, hands: Hands) -> None:
    """Raises NotDone while an action of its release runs, and when it cannot be known whether one does."""
    ref = planned_release(action)
    if ref is None:
        return
    busy = hands.holds(ref, is_reconciling_now)
    if busy is None:
        raise NotDone("failed", f"whether {ref} is in the middle of an action could not be asked: nothing was deleted")
    if busy:
        raise NotDone("skipped", f"{ref} is in the middle of an action: Helm would count a deleted hook as a success")


def is_reconciling_now(release: Mapping[str, Any]) -> bool:
    """Whether a HelmRelease as served says that an action runs."""
    conditions = (release.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Reconciling" and c.get("status") == "True" for c in conditions)
