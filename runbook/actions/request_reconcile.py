"""Ask Flux to reconcile one object: the annotation requestedAt, as `flux reconcile` sets it. Git says what is applied."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.acting.fluxorder import FluxObject, Requests, exhausted, finding_of, in_order
from runbook.acting.hands import Hands
from runbook.acting.requesting import request, send
from runbook.domain.flux import Kustomization
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, Snapshot

KINDS = ("request-reconcile",)
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
    """One request for each expected object that is not ready, lags its source or Git, or was never asked as wanted."""
    requests = Requests(snapshot, findings, explanation, inventory)
    wanted = ((o, requests.why_ask(o)) for o in in_order(snapshot, inventory) if not exhausted(o))
    return tuple(_ask(o, why, requests.in_the_way(o)) for o, why in wanted if why)


def perform(action: Action, hands: Hands) -> str:
    """Send the request. Raises NotDone when the object was suspended since, ActionError when it is refused."""
    return send(action, hands)


def _ask(obj: FluxObject, why: str, needs: list[str]) -> Action:
    meta = obj.metadata
    with_source = " --with-source" if isinstance(obj, Kustomization) else ""
    return request(
        obj,
        kind="request-reconcile",
        reason=why,
        command=f"flux reconcile {_WORDS[obj.KIND]} {meta.name} -n {meta.namespace}{with_source}",
        blast_radius="annotation reconcile.fluxcd.io/requestedAt; what Git declares is applied",
        finding=finding_of(obj),
        requires=needs,
    )
