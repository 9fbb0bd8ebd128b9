"""Objects that were not observed and of which events speak: what these say is a hypothesis, never a fact.

It happens where a kind may not be listed (403), or where somebody saved events and little else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook.diagnosis.index import Index
from runbook.diagnosis.roots import Walk, doubted
from runbook.diagnosis.signs import FINE, Health, Sign
from runbook.diagnosis.signs_workload import EVENT_LIFE
from runbook.domain import owners
from runbook.domain.kinds import KINDS
from runbook.model import ObjectRef

_KINDS = frozenset(k.kind for k in KINDS.values() if not k.optional) - {
    "Namespace",
    "Node",
    "Service",
    "Event",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "PersistentVolume",
    "Lease",
    "EndpointSlice",
}
_DELETED = re.compile(r"\b[Dd]eleted? [Pp]od:? ([a-z0-9.-]{1,253})")
_MAKERS = ("ReplicaSet", "StatefulSet", "DaemonSet", "Job")
_WELL = frozenset(
    {
        "InstallSucceeded", "UpgradeSucceeded", "RollbackSucceeded", "ReconciliationSucceeded", "ArtifactUpToDate", "NewArtifact",
        "ChartPullSucceeded", "Started", "Completed", "SuccessfulCreate", "Killing", "Unsealed", "Succeeded", "ProvisioningSucceeded",
    }
)  # fmt: skip


def spoken_of(index: Index) -> Iterator[ObjectRef]:
    """Objects of kinds that were not observed at all and of which a current warning speaks."""
    unseen = frozenset(kind for kind in _KINDS if not index.looked(kind))
    spoken = [ref for ref in index.events if ref.kind in unseen]
    deleted = frozenset(_deleted(index)) if spoken else frozenset()
    yield from (ref for ref in spoken if ref not in deleted and health(index, ref).signs)


def _deleted(index: Index) -> Iterator[ObjectRef]:
    for ref, events in index.events.items():
        for event in events:
            if event.reason == "SuccessfulDelete" and (found := _DELETED.search(event.message or "")):
                yield ObjectRef("Pod", ref.namespace, found[1])


def health(index: Index, ref: ObjectRef) -> Health:
    """What its current warnings say, newest first, up to the last event that says it is well."""
    signs: dict[str, Sign] = {}
    for event in index.events.get(ref, ()):
        if event.when is None or (index.now - event.when).total_seconds() > EVENT_LIFE or event.reason in _WELL:
            break
        if event.type == "Warning" and event.message:
            signs.setdefault(event.message, Sign(event.message, event.reason, event.when, f"event {event.reason}"))
    return Health("failing", tuple(signs.values())) if signs else FINE


def maker(ref: ObjectRef) -> tuple[ObjectRef, ...]:
    """Who may have made a pod of that name: only by its name, since nothing else is known of it."""
    name = owners.name_of_maker(ref.name) if ref.kind == "Pod" else ref.name
    return tuple(ObjectRef(kind, ref.namespace, name) for kind in _MAKERS) if name != ref.name else ()


def guessed(ref: ObjectRef, walk: Walk) -> Walk:
    """The walk with a fact turned into a hypothesis: the object's own state decides."""
    if walk.root is None or walk.root.proof == "hypothesis":
        return walk
    where = f" -n {ref.namespace}" if ref.namespace else ""
    decides = (
        f"{ref} itself, of which only events were observed: kubectl get {ref.kind.lower()} {ref.name}{where} -o yaml."
    )
    return doubted(walk, decides)
