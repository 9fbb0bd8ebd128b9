"""Flux objects of which nothing was heard for far longer than what they do may take.

A controller writes conditions when it begins a pass, and again when it ends. [pkg:runtime/patch] What a pass may take is its
object's timeout: 5 m of a HelmRelease, for each of its actions; of a Kustomization its interval; 1 m of a source where it
names none. [hc:api/v2/helmrelease_types.go, kc:api/v1/kustomization_types.go, sc:api/v1] Three times that, and at least a quarter of an
hour, is long enough for a queue, a restart and a lost lease.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from runbook.diagnosis.index import Index, ref_of
from runbook.domain import helmrecords
from runbook.domain.cluster import Secret
from runbook.domain.durations import human, seconds
from runbook.domain.flux import HelmRepository, Kustomization, Source
from runbook.domain.helm import ActionSpec, HelmRelease
from runbook.domain.meta import Condition, condition

FACTOR, LEAST = 3.0, 900.0
_HELM, _SOURCE, _SHORTEST = 300.0, 60.0, 30.0
_PENDING = 60.0  # a controller that was restarted unlocks the release at its next attempt


class Overdue(NamedTuple):
    """Since when nothing was heard, how long that might have been, and a sentence that says so."""

    since: datetime
    budget: float
    why: str


def overdue(obj: Source | Kustomization | HelmRelease, index: Index) -> Overdue | None:
    """Whether it should have said more by now. One that is suspended, being deleted or may try for ever never should."""
    budget = allowed(obj)
    ready = condition(obj.status.conditions, "Ready")
    static = isinstance(obj, HelmRepository) and obj.spec.type == "oci"
    if budget is None or static or obj.spec.suspend or obj.metadata.deletion_timestamp:
        return None
    since = _last_heard(obj, ready, index)
    if since is None or (silent := (index.now - since).total_seconds()) <= max(FACTOR * budget, LEAST):
        return None
    heard = f"it has said nothing for {human(silent)}"
    if ready is None:
        heard = f"its controller has said nothing of it in {human(silent)}"
    elif ready.message:
        heard = f"“{ready.message[:160]}” is the last that it said, {human(silent)} ago"
    return Overdue(since, budget, f"{heard}; it may take {human(budget)}")


def pending(obj: HelmRelease, index: Index) -> tuple[Secret, str] | None:
    """Helm's newest record of a release where that has been pending for longer than any action may take, and a sentence of it.

    While an action runs its record is pending, and rightly; each of its hooks and its wait have the timeout for themselves.
    """
    record = index.records.get(helmrecords.where(obj))
    if record is None or (status := record.metadata.label("status")) not in helmrecords.PENDING:
        return None
    since = record.metadata.creation_timestamp
    if since is None or (age := (index.now - since).total_seconds()) <= max(FACTOR * action(obj), _PENDING):
        return None
    may = human(action(obj))
    return (
        record,
        f"its release record {record.metadata.name} has been {status} for {human(age)}; an action may take {may}",
    )


def action(obj: HelmRelease) -> float:
    """Seconds that one action, and each hook of it, may take. [hc:api/v2/helmrelease_types.go]"""
    given = seconds(obj.spec.timeout)
    parts = [part for part in (obj.spec.install, obj.spec.upgrade) if part is not None]
    return max(_HELM if given is None else given, *(seconds(part.timeout) or 0.0 for part in parts), 0.0)


def allowed(obj: Source | Kustomization | HelmRelease) -> float | None:
    """Seconds that one pass may take: of a HelmRelease all its tries, each with what sets it right again."""
    given = seconds(obj.spec.timeout)
    if isinstance(obj, HelmRelease):
        return _of_release(obj)
    if isinstance(obj, Kustomization):
        other = (seconds(obj.spec.interval) or _HELM) - _SHORTEST
        return max(other if given is None else given, _SHORTEST)
    return _SOURCE if given is None else given


def _of_release(obj: HelmRelease) -> float | None:
    actions = [part or ActionSpec() for part in (obj.spec.install, obj.spec.upgrade)]
    retries = max((part.remediation.retries or 0) if part.remediation else 0 for part in actions)
    if any(part.remediation and (part.remediation.retries or 0) < 0 for part in actions):
        return None
    return action(obj) if not retries else 2 * action(obj) * (retries + 1)


def _last_heard(obj: Source | Kustomization | HelmRelease, ready: Condition | None, index: Index) -> datetime | None:
    """The newest time at which anything was said: a condition that turned, an action that began, an event."""
    times = [c.last_transition_time for c in obj.status.conditions or ()]
    times += [event.when for event in index.events.get(ref_of(obj), ())[:1]]
    if isinstance(obj, HelmRelease):
        times += [h.last_deployed for h in (obj.status.history or ())[:1]]
    if ready is None:
        times.append(obj.metadata.creation_timestamp)
    return max((at for at in times if at is not None), default=None)
