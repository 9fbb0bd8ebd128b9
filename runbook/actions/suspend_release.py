"""Suspend a HelmRelease that goes on spending attempts and hooks while its first cause stands. A person decides.

A forgotten suspension hides failures (semantics 2.5), so nothing suspends by itself, and the reason stays on the object.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook.acting.fluxorder import in_order
from runbook.acting.hands import Hands
from runbook.acting.standing import causes_of, is_acting, stands
from runbook.acting.suspending import intent, set_suspend
from runbook.domain.helm import HelmRelease
from runbook.domain.readiness import flux_state
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, Snapshot

KINDS = ("suspend-release",)


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One offer for each expected release that is acting again although its cause stands."""
    causes, found = causes_of(explanation), list[Action]()
    for obj in in_order(snapshot, inventory):
        why = stands(causes.get(obj.ref), snapshot)
        if not isinstance(obj, HelmRelease) or not why or obj.spec.suspend or flux_state(obj).ready:
            continue
        if is_acting(obj):
            found.append(_offer(obj, why))
    return tuple(found)


def perform(action: Action, hands: Hands) -> str:
    """Set spec.suspend with the reason beside it. Raises NotDone, ActionError."""
    return set_suspend(action, hands, True)


def _offer(obj: HelmRelease, why: str) -> Action:
    name = f"{obj.metadata.name} -n {obj.metadata.namespace}"
    return intent(
        obj,
        kind="suspend-release",
        reason=f"it acts again although {why}",
        command=f"flux suspend helmrelease {name}",
        undo=f"flux resume helmrelease {name}",
        finding="releases-ready",
        asks="a forgotten suspension hides failures: a person decides",
    )
