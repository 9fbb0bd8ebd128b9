"""Reset a HelmRelease whose retries are exhausted and whose cause is gone: only that, or a change, starts it again.

The milder act before a force: an in-sync release is left alone, and only the failed one gets an attempt (semantics 2.5).
A reset that is sent while a dependency or its source is not ready is swallowed: in_the_way keeps it back. One that was
tried and came to nothing is repeated when something has changed since, or when a person says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook.acting.fluxorder import Requests, exhausted, in_order
from runbook.acting.hands import Hands
from runbook.acting.requesting import request, send
from runbook.acting.retried import changed_since_failure, in_vain
from runbook.domain.helm import HelmRelease
from runbook.domain.requests import RESET
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, Snapshot

KINDS = ("reset-release",)


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One reset for each expected release with exhausted retries, with what stands in its way."""
    requests = Requests(snapshot, findings, explanation, inventory)
    return tuple(
        request(
            obj,
            kind="reset-release",
            reason=f"{requests.why_ask(obj)} (retries exhausted: only a reset or a change starts it again{_since(obj, snapshot)})",
            command=f"flux reconcile helmrelease {obj.metadata.name} -n {obj.metadata.namespace} --reset",
            blast_radius="annotations requestedAt and resetAt; one install or upgrade attempt with its hooks",
            finding="releases-ready",
            requires=requests.in_the_way(obj),
            asks=in_vain(obj, snapshot),
        )
        for obj in in_order(snapshot, inventory)
        if isinstance(obj, HelmRelease) and exhausted(obj) and not obj.spec.suspend
    )


def perform(action: Action, hands: Hands) -> str:
    """Send requestedAt and resetAt with one token in one patch. Raises NotDone, ActionError."""
    return send(action, hands, also=RESET)


def _since(obj: HelmRelease, snapshot: Snapshot) -> str:
    changed = changed_since_failure(obj, snapshot)
    return f"; {changed}" if changed else ""
