"""Will it unseal? Asked of the controller itself, before anything is reconciled, secret by secret."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.probes import UnsealProbe
from runbook.domain.sealing import SealedSecret, scope_of
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.judgement.unsealing import releases_needing
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
    needing = releases_needing(snapshot)
    sealed = snapshot.of(SealedSecret)
    for one in sealed:
        probe = probes.get((one.metadata.namespace, one.metadata.name))
        names = ", ".join(
            f"{r.namespace}/{r.name}" for r in needing.get((one.metadata.namespace, one.metadata.name), ())
        )
        if probe is None:
            yield answer.unknown(one.ref, "the controller was not asked about it")
        elif probe.opens:
            yield answer.passed(one.ref, "the controller can open it", status=probe.status)
        elif probe.opens_as:
            own = scope_of(one.metadata.annotations or {})
            yield answer.failed(
                one.ref,
                f"the key is there, and opens it as {probe.opens_as}; its annotations say {own}",
                status=probe.status,
                needed_by=names,
            )
        else:
            yield _closed(one, probe, names)
    if not sealed:
        yield answer.unknown(cluster_ref(snapshot), "there was no SealedSecret to ask about")


def _closed(one: SealedSecret, probe: UnsealProbe, names: str) -> Finding:
    """Which releases will fail, as far as it can be known before they are reconciled."""
    said = f"no key of the controller opens it: reconciling {names or 'what needs it'} will fail"
    return answer.failed(one.ref, said, status=probe.status, needed_by=names)
