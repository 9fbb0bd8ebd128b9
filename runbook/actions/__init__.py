"""The whole list of ways a cluster can be changed: one kind of change a file, each a pure plan. Nothing writes yet."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, Snapshot

# Which kinds of change a stage plans, in the order they would be done.
PLANS = {
    "registry-trust": ("install_registry_ca",),
    "cleanup": ("delete_wreckage",),
    "reconcile": ("reconcile_flux",),
}


def plan(
    stage: str,
    snapshot: Snapshot,
    findings: Sequence[Finding],
    explanation: Explanation | None,
    inventory: Inventory,
) -> tuple[Action, ...]:
    """Every change the stage would make, numbered A1, A2 …; empty for stages that change nothing."""
    modules = (importlib.import_module(f"runbook.actions.{name}") for name in PLANS.get(stage, ()))
    return tuple(a for module in modules for a in module.plan(snapshot, findings, explanation, inventory))


def left_alone(
    stage: str,
    snapshot: Snapshot,
    findings: Sequence[Finding],
    explanation: Explanation | None,
    inventory: Inventory,
) -> tuple[str, ...]:
    """What the stage looked at and does not select, one sentence each with the reason."""
    modules = [importlib.import_module(f"runbook.actions.{name}") for name in PLANS.get(stage, ())]
    return tuple(
        line
        for module in modules
        if hasattr(module, "left_alone")
        for line in module.left_alone(snapshot, findings, explanation, inventory)
    )
