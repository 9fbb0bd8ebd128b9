"""Will it unseal? Asked of the controller itself, before anything is reconciled, secret by secret."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.probes import UnsealProbe
from runbook.domain.sealing import SealedSecret
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.model import Finding, Snapshot

QUESTION = "Will every SealedSecret open with the keys this controller has?"
NEEDS = ("UnsealProbe", "SealedSecret")
STAGES = ("preflight", "verify")
answer = Answers("sealing-keys")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each SealedSecret, as the controller's /v1/verify gave it."""
    if inventory.sealed_secrets is None:
        yield answer.expected(snapshot.cluster, "sealed-secrets controller")
        return
    probes = {(p.namespace, p.name): p for p in snapshot.of(UnsealProbe)}
    sealed = snapshot.of(SealedSecret)
    for one in sealed:
        probe = probes.get((one.metadata.namespace, one.metadata.name))
        if probe is None:
            yield answer.unknown(one.ref, "the controller was not asked about it")
        elif probe.opens:
            yield answer.passed(one.ref, "the controller can open it", status=probe.status)
        else:
            yield answer.failed(
                one.ref, "no key of the controller opens it: reconciling what needs it will fail", status=probe.status
            )
    if not sealed:
        yield answer.unknown(cluster_ref(snapshot), "there was no SealedSecret to ask about")
