"""Has every SealedSecret become the Secret it should be? Synced alone may be old: kubelets and events are asked too.

Without the right to read Secrets the status decides, and only when no witness speaks against it: a pod whose kubelet
does not find the Secret, or the controller's own event, newer than the status, that it could not unseal.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbook.domain.cluster import Event, Secret
from runbook.domain.meta import Condition, condition
from runbook.domain.pods import Pod
from runbook.domain.sealing import FAILED_EVENTS, UNSEALED_EVENT, SealedSecret, says_missing
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, by_name, cluster_ref
from runbook.model import Finding, Snapshot

QUESTION = "Has every SealedSecret become the Secret it should be?"
NEEDS = ("SealedSecret", "Pod", "Event")
STAGES = ("verify", "preflight", "diagnose")
MANAGED = "sealedsecrets.bitnami.com/managed"
RECENT = timedelta(minutes=10)  # a kubelet repeats FailedMount at least every two minutes while it lasts
answer = Answers("sealed-secrets-unsealed")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each SealedSecret."""
    sealed = snapshot.of(SealedSecret)
    if not sealed:
        tell = answer.failed if inventory.sealed_secrets else answer.inapplicable
        yield tell(cluster_ref(snapshot), "there is no SealedSecret")
    readable = inventory.secrets_access.namespaces if inventory.secrets == "metadata" else ()
    for one in sealed:
        against = _against(snapshot, one)
        if against is not None:
            yield against
        elif one.metadata.namespace in readable:
            yield _by_secret(snapshot, one)
        else:
            yield _by_status(snapshot, one)


def _against(snapshot: Snapshot, one: SealedSecret) -> Finding | None:
    """What the controller itself says against it: its status, or an event that is newer than the status."""
    synced = condition(one.status.conditions, "Synced")
    if synced is not None and synced.status == "False":
        return answer.failed(one.ref, synced.message or "Synced is False", keys=len(one.spec.encrypted_data or {}))
    event = _failed_event(snapshot, one, synced)
    if event is not None:
        return answer.failed(one.ref, f"{event.reason}: {event.message or 'no message'}", keys=_number(one))
    return None


def _failed_event(snapshot: Snapshot, one: SealedSecret, synced: Condition | None) -> Event | None:
    """The controller's last word on it when that is a failure, and newer than the status that says otherwise."""
    mine = [
        e
        for e in snapshot.seen(Event)
        if (e.involved_object.kind, e.involved_object.namespace, e.involved_object.name)
        == (one.KIND, one.metadata.namespace, one.metadata.name)
        and e.involved_object.uid in ("", one.metadata.uid)
        and e.when is not None
        and (e.reason in FAILED_EVENTS or e.reason == UNSEALED_EVENT)
    ]
    last = max(mine, key=lambda e: e.when or snapshot.observed_at, default=None)
    if last is None or last.when is None or last.reason not in FAILED_EVENTS:
        return None
    written = (synced.last_update_time or synced.last_transition_time) if synced else None
    return last if written is None or last.when > written else None


def _by_secret(snapshot: Snapshot, one: SealedSecret) -> Finding:
    """The Secret itself, where the inventory opted in to read it: none at all is a failure, not a reason to believe."""
    secret = by_name(snapshot.of(Secret)).get((one.metadata.namespace, one.metadata.name))
    if secret is None:
        return answer.failed(one.ref, "its Secret does not exist")
    owned = any(o.uid == one.metadata.uid for o in secret.metadata.owner_references or ())
    if owned or secret.metadata.annotation(MANAGED) == "true":
        return answer.passed(one.ref, "its Secret exists and is its own")
    return answer.failed(one.ref, "a Secret of that name exists and is not its own")


def _by_status(snapshot: Snapshot, one: SealedSecret) -> Finding:
    """Without Secrets: the status, unless a kubelet does not find the Secret. Who cannot be asked cannot agree either."""
    synced = condition(one.status.conditions, "Synced")
    said = _kubelet_says(snapshot, one)
    if said:
        return answer.failed(one.ref, "a kubelet does not find its Secret, whatever its status says", said)
    if synced is None:
        return answer.unknown(one.ref, "the controller has written no status, and Secrets are not read")
    if one.status.observed_generation not in (None, one.metadata.generation):
        return answer.unknown(one.ref, "its status is of an older generation, and Secrets are not read")
    for witness in (Pod, Event):
        snapshot.of(witness)  # raises when nobody could be asked
    return answer.passed(one.ref, "Synced, by its status; no kubelet and no event speaks against it")


def _kubelet_says(snapshot: Snapshot, one: SealedSecret) -> str:
    """The words of a pod of its namespace that waits for the Secret now, as its status or as a recent event has them."""
    name, keys = one.metadata.name, one.spec.encrypted_data or {}
    pods = [p for p in snapshot.seen(Pod) if p.metadata.namespace == one.metadata.namespace]
    for pod in pods:
        for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
            waiting = status.state.waiting
            if waiting is not None and says_missing(waiting.message, name, keys):
                return f"{pod.ref}: {waiting.message}"
    pending = {p.metadata.uid for p in pods if p.status.phase == "Pending"}
    for event in snapshot.seen(Event):
        recent = event.when is not None and event.when >= snapshot.observed_at - RECENT
        if recent and event.involved_object.uid in pending and says_missing(event.message or "", name, keys):
            return f"Pod/{one.metadata.namespace}/{event.involved_object.name}: {event.message}"
    return ""


def _number(one: SealedSecret) -> int:
    return len(one.spec.encrypted_data or {})
