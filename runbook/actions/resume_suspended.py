"""Resume an expected Flux object that is suspended. Somebody had a reason: a person decides."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.acting.fluxorder import FluxObject, finding_of, in_order
from runbook.acting.hands import Hands
from runbook.acting.suspending import WHY, intent, set_suspend
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, Snapshot

KINDS = ("resume",)
_WORDS = {
    "GitRepository": "source git",
    "OCIRepository": "source oci",
    "HelmRepository": "source helm",
    "Bucket": "source bucket",
    "Kustomization": "kustomization",
    "HelmRelease": "helmrelease",
}


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One offer for each expected object that is suspended."""
    return tuple(_offer(obj) for obj in in_order(snapshot, inventory) if obj.spec.suspend)


def perform(action: Action, hands: Hands) -> str:
    """Take spec.suspend away. Raises NotDone, ActionError."""
    return set_suspend(action, hands, False)


def _offer(obj: FluxObject) -> Action:
    name, told = f"{obj.metadata.name} -n {obj.metadata.namespace}", obj.metadata.annotation(WHY)
    return intent(
        obj,
        kind="resume",
        reason=f"it is suspended{f', because {told}' if told else '; nothing on it says why'}: no request wakes it",
        command=f"flux resume {_WORDS[obj.KIND]} {name}",
        undo=f"flux suspend {_WORDS[obj.KIND]} {name}",
        finding=finding_of(obj),
        asks="somebody suspended it for a reason: a person decides",
    )
