"""Has every SealedSecret become the Secret it should be? Without access to Secrets the status decides, and a doubt is said."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.cluster import Secret
from runbook.domain.meta import condition
from runbook.domain.sealing import SealedSecret
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, by_name, cluster_ref
from runbook.model import Finding, Snapshot

QUESTION = "Has every SealedSecret become the Secret it should be?"
NEEDS = ("SealedSecret",)
STAGES = ("verify", "preflight")
answer = Answers("sealed-secrets-unsealed")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each SealedSecret."""
    sealed = snapshot.of(SealedSecret)
    if not sealed:
        tell = answer.failed if inventory.sealed_secrets else answer.inapplicable
        yield tell(cluster_ref(snapshot), "there is no SealedSecret")
    secrets = by_name(snapshot.seen(Secret))
    readable = set(inventory.secrets_access.namespaces) if inventory.secrets == "metadata" and secrets else set()
    for one in sealed:
        yield _judged(one, secrets, one.metadata.namespace in readable)


def _judged(one: SealedSecret, secrets: dict[tuple[str, str], Secret], readable: bool) -> Finding:
    synced = condition(one.status.conditions, "Synced")
    old = one.status.observed_generation not in (None, one.metadata.generation)
    if synced is not None and synced.status == "False":
        return answer.failed(one.ref, synced.message or "Synced is False", keys=len(one.spec.encrypted_data or {}))
    if readable:
        secret = secrets.get((one.metadata.namespace, one.metadata.name))
        if secret is None:
            return answer.failed(one.ref, "its Secret does not exist")
        owned = any(o.uid == one.metadata.uid for o in secret.metadata.owner_references or ())
        managed = secret.metadata.annotation("sealedsecrets.bitnami.com/managed") == "true"
        tell = answer.passed if owned or managed else answer.failed
        return tell(
            one.ref,
            "its Secret exists and is its own"
            if owned or managed
            else "a Secret of that name exists and is not its own",
        )
    if synced is None:
        return answer.unknown(one.ref, "the controller has written no status, and Secrets are not read")
    if old:
        return answer.unknown(one.ref, "its status is of an older generation, and Secrets are not read")
    return answer.passed(one.ref, "Synced, by its status (Secrets are not read)")
