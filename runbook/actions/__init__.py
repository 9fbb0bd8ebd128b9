"""The whole list of ways a cluster can be changed: one kind of change a file, each a pure plan and the act itself.

Uninstalling a release is never among them: it runs delete hooks and takes PVCs, namespaces and CRDs that the chart
templates hold (semantics 2.5).
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

from runbook.acting.fluxorder import in_order
from runbook.acting.hands import Hands, performed
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, Snapshot

# Which kinds of change a stage plans, in the order they are done.
PLANS = {
    "registry-trust": ("install_registry_ca",),
    "cleanup": ("delete_job", "delete_pod"),
    "reconcile": (
        "request_reconcile", "restart_controller", "reset_release", "force_release", "suspend_release", "resume_suspended",
    ),
}  # fmt: skip


def plan(
    stage: str,
    snapshot: Snapshot,
    findings: Sequence[Finding],
    explanation: Explanation | None,
    inventory: Inventory,
) -> tuple[Action, ...]:
    """Every change the stage would make, numbered A1, A2 …; empty for stages that change nothing."""
    found = [a for module in _modules(stage) for a in module.plan(snapshot, findings, explanation, inventory)]
    if stage == "reconcile":
        place = {obj.ref: n for n, obj in enumerate(in_order(snapshot, inventory))}
        found.sort(key=lambda a: place.get(a.object, -1))
    return tuple(replace(a, id=f"A{n}") for n, a in enumerate(found, 1))


def notes(stage: str, snapshot: Snapshot, inventory: Inventory) -> tuple[str, ...]:
    """What the stage looked at and does not select, one sentence each with the reason."""
    modules = [m for m in _modules(stage) if hasattr(m, "notes")]
    return tuple(line for module in modules for line in module.notes(snapshot, inventory))


def perform(action: Action, hands: Hands) -> Action:
    """Do one act and say what came of it. Raises what concerns more than this act: EvidenceError, LockedError."""
    module = next(m for stage in PLANS for m in _modules(stage) if action.kind in m.KINDS)
    return performed(action, module.perform, hands)


def _modules(stage: str) -> list[ModuleType]:
    return [importlib.import_module(f"runbook.actions.{name}") for name in PLANS.get(stage, ())]
