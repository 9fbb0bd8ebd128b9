"""Was a reconcile asked of each expected Kustomization, and was that very request handled?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.flux import Kustomization
from runbook.domain.readiness import REQUESTED
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Was a reconcile asked of each expected Kustomization, and was that very request handled?"
NEEDS = ("Kustomization",)
STAGES = ("reconcile", "verify")
answer = Answers("reconcile-requested")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each expected Kustomization, with the target's name: `apps` is not `clusters-minikube`."""
    if not inventory.kustomizations:
        yield answer.expected(snapshot.cluster, "Kustomizations")
    found = by_name(snapshot.of(Kustomization))
    for entry in inventory.kustomizations:
        ref = ObjectRef("Kustomization", entry.namespace, entry.name)
        obj = found.get((entry.namespace, entry.name))
        if obj is None:
            yield answer.failed(ref, "it does not exist")
            continue
        token, handled = obj.metadata.annotation(REQUESTED), obj.status.last_handled_reconcile_at
        if not token and not _is_asked(inventory):
            yield answer.inapplicable(ref, "no reconcile was requested of it, and no criterion asks for one")
        elif not token:
            yield answer.failed(ref, "no reconcile was ever requested of it")
        elif token != handled:
            yield answer.failed(
                ref, f"requested {token}, last handled {handled or 'nothing'}", requested=token, handled=handled
            )
        else:
            yield answer.passed(ref, f"requested and handled: {token}", requested=token, handled=handled)


def _is_asked(inventory: Inventory) -> bool:
    """Whether the ticket wants a reconcile to be triggered: a cluster that needs none is not failing."""
    return any("reconcile-requested" in criterion.checks for criterion in inventory.criteria)
