"""spec.suspend of a Flux object: one patch, idempotent, with the reason kept on the object for who comes after."""

from __future__ import annotations

from runbook.acting.fluxorder import FluxObject
from runbook.acting.hands import Hands, NotDone
from runbook.model import Action

WHY = "runbook/suspended-because"


def intent(obj: FluxObject, *, kind: str, reason: str, command: str, undo: str, finding: str, asks: str) -> Action:
    """A planned suspend or resume."""
    return Action(
        id="",
        kind=kind,
        object=obj.ref,
        reason=reason[:300],
        undo=undo,
        command=command,
        finding=finding,
        precondition=f"uid {obj.metadata.uid}",
        blast_radius="spec.suspend: a new generation; Git still says otherwise",
        asks=asks,
        uid=obj.metadata.uid,
        resource_version=obj.metadata.resource_version,
    )


def set_suspend(action: Action, hands: Hands, wanted: bool) -> str:
    """Set it. Raises NotDone `unchanged` when it is so already, ActionError when it is refused."""
    obj = hands.fresh(action)
    if bool((obj.get("spec") or {}).get("suspend")) is wanted:
        raise NotDone("unchanged", f"spec.suspend is {str(wanted).lower()} already")
    note = action.reason if wanted else None
    hands.patch(
        action,
        obj,
        {"spec": {"suspend": wanted}, "metadata": {"annotations": {WHY: note}}},
        made=lambda: hands.holds(action.object, lambda o: bool((o.get("spec") or {}).get("suspend")) is wanted),
    )
    return f"spec.suspend is {str(wanted).lower()} now"
