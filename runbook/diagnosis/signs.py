"""What an object itself says of its state: failing, still moving, or fine, and the messages that speak of it.

A message may be of another time than the state: of an earlier generation, of a revision that was deployed over, of a
Secret that has been made since. Such a sign is kept, marked, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from runbook.diagnosis.index import Index, ref_of
from runbook.diagnosis.overdue import Overdue, overdue, pending
from runbook.domain.cluster import Secret
from runbook.domain.flux import HelmRepository, Kustomization, Source
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Condition, condition, is_true
from runbook.domain.sealing import SealedSecret
from runbook.model import ObjectRef

State = Literal["failing", "moving", "fine"]
FluxObject = Source | Kustomization | HelmRelease

_REMEDIATED = ("RollbackSucceeded", "UninstallSucceeded")
_RACE = "latest generation of object has not been reconciled"


@dataclass(frozen=True, slots=True)
class Sign:
    """One message about an object. `origin` is where it stands; `stale` says why it proves nothing, or is empty."""

    message: str
    reason: str
    at: datetime | None
    origin: str
    stale: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """`moving` is neither good nor bad by itself: it counts as failing only when something below it fails."""

    state: State
    signs: tuple[Sign, ...] = ()
    suspended: bool = False
    overdue: Overdue | None = None


FINE, MOVING = Health("fine"), Health("moving")


def of_flux(obj: FluxObject, index: Index) -> Health:
    """A source, Kustomization or HelmRelease by its conditions; one that only works fails when it is long overdue."""
    health = _by_conditions(obj)
    stuck = pending(obj, index) if isinstance(obj, HelmRelease) and health.state == "moving" else None
    if stuck is not None:
        record, said = stuck
        sign = Sign(said, record.metadata.label("status"), record.metadata.creation_timestamp, "release record")
        return replace(health, state="failing", signs=(sign, *health.signs))
    late = overdue(obj, index) if health.state == "moving" else None
    return replace(health, state="failing", overdue=late) if late else health


def _by_conditions(obj: FluxObject) -> Health:
    """By its Ready condition, if it has one. [pkg:apis/meta/conditions.go]"""
    conditions = obj.status.conditions
    ready, suspended = condition(conditions, "Ready"), bool(obj.spec.suspend)
    if ready is None:
        static = isinstance(obj, HelmRepository) and obj.spec.type == "oci"
        return Health("fine" if static or suspended else "moving", (), suspended)
    if ready.status == "True":
        return Health("fine", (), suspended)
    failing = ready.status == "False" or is_true(conditions, "Stalled")
    if _RACE in ready.message and not is_true(conditions, "Stalled"):
        failing = False
    return Health("failing" if failing else "moving", tuple(_flux_signs(obj)), suspended)


def _flux_signs(obj: FluxObject) -> Iterator[Sign]:
    seen = set()
    for type_ in ("Ready", "Released", "Remediated", "Healthy", "FetchFailed", "BuildFailed", "Stalled", "TestSuccess"):
        found = condition(obj.status.conditions, type_)
        bad = found is not None and (found.status != "True" if type_ in _GOOD else found.status == "True")
        if found is None or not bad or (found.message, found.reason) in seen:
            continue
        seen.add((found.message, found.reason))
        yield Sign(found.message, found.reason, found.last_transition_time, type_, _stale(obj, found))


_GOOD = ("Ready", "Released", "Healthy", "TestSuccess", "Remediated")


def _stale(obj: FluxObject, found: Condition) -> str:
    generation = obj.metadata.generation or 0
    if (
        found.observed_generation is not None
        and 0 < found.observed_generation < generation
        and found.status != "Unknown"
    ):
        return f"its message is of generation {found.observed_generation}, and the object is at {generation}"
    if isinstance(obj, HelmRelease) and found.reason not in _REMEDIATED and not _rolled_back(obj):
        return _deployed_since(obj, found.last_transition_time)
    return ""


def _deployed_since(obj: HelmRelease, at: datetime | None) -> str:
    """A failure's text is history once a later revision stands as deployed."""
    newest = next(iter(obj.status.history or ()), None)
    if newest is None or newest.status != "deployed" or newest.action == "rollback":
        return ""
    if at is None or newest.last_deployed is None or newest.last_deployed <= at:
        return ""
    return f"revision {newest.version} was deployed after its message was written"


def _rolled_back(obj: HelmRelease) -> bool:
    return is_true(obj.status.conditions, "Remediated")


def of_sealed(obj: SealedSecret, index: Index) -> Health:
    """A SealedSecret by its Synced condition, and by /v1/verify where that was asked. [ss:pkg/controller/controller.go]"""
    ref = ref_of(obj)
    probe = index.unseals.get((ref.namespace, ref.name))
    synced = condition(obj.status.conditions, "Synced")
    if synced is not None and synced.status == "False":
        at = synced.last_update_time or synced.last_transition_time
        sign = Sign(synced.message, synced.reason, at, "Synced", _sealed_stale(obj, synced, at, index))
        return Health("failing", (sign,))
    if probe is not None and not probe.opens and probe.status == 409:
        return Health("failing", (Sign("no key could decrypt secret", "verify", index.now, "/v1/verify"),))
    return FINE if synced is not None else MOVING


def _sealed_stale(obj: SealedSecret, synced: Condition, at: datetime | None, index: Index) -> str:
    generation, seen = obj.metadata.generation or 0, obj.status.observed_generation
    if seen is not None and 0 < seen < generation:
        return f"its message is of generation {seen}, and the object is at {generation}"
    probe = index.unseals.get((obj.metadata.namespace, obj.metadata.name))
    if probe is not None and probe.opens and "decrypt" in synced.message:
        return "the controller can open it now; it does not try again by itself after its five tries"
    made = index.get(ObjectRef("Secret", obj.metadata.namespace, obj.metadata.name))
    if isinstance(made, Secret) and at is not None:
        owner, born = made.metadata.controller, made.metadata.creation_timestamp
        if owner is not None and owner.uid == obj.metadata.uid and born is not None and born > at:
            return "its Secret has been made since the message was written"
    return ""
