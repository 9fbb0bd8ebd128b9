"""Force one install or upgrade of a HelmRelease that a reset did not heal. Its hooks run again: a person decides."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.acting.fluxorder import Requests, exhausted, in_order
from runbook.acting.hands import Hands
from runbook.acting.requesting import request, send
from runbook.acting.retried import in_vain
from runbook.domain.helm import HelmRelease
from runbook.domain.requests import FORCE
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, Snapshot

KINDS = ("force-release",)


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One force for each release whose reset was handled last and failed with nothing changed since: the next rung of semantics 2.5."""
    requests = Requests(snapshot, findings, explanation, inventory)
    return tuple(
        request(
            obj,
            kind="force-release",
            reason=f"{requests.why_ask(obj)} (exhausted again, after the reset {obj.status.last_handled_reset_at})",
            command=f"flux reconcile helmrelease {obj.metadata.name} -n {obj.metadata.namespace} --force",
            blast_radius="annotations requestedAt and forceAt; one install or upgrade, and all of its hooks, run again",
            finding="releases-ready",
            requires=requests.in_the_way(obj),
            undo="none: hooks that ran (migrations) have run",
            asks="a force runs the hooks again whatever the state: a person decides",
        )
        for obj in in_order(snapshot, inventory)
        if isinstance(obj, HelmRelease)
        and exhausted(obj)
        and _was_reset(obj)
        and in_vain(obj, snapshot)
        and not obj.spec.suspend
    )


def perform(action: Action, hands: Hands) -> str:
    """Send requestedAt and forceAt with one token in one patch. Raises NotDone, ActionError."""
    return send(action, hands, also=FORCE)


def _was_reset(obj: HelmRelease) -> bool:
    """Whether the last request it handled was a reset."""
    handled = obj.status.last_handled_reset_at
    return bool(handled) and handled == obj.status.last_handled_reconcile_at
