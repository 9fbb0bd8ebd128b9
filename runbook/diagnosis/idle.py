"""A release whose action should have ended by now, while nothing that it could wait for is under way: a guess that it is stuck.

While an action runs its record is pending, and rightly; it has its timeout for each hook and once more for its wait, so that only
three of them prove anything (`overdue`). After one, and with every workload and hook at rest, nobody seems to work at it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook.diagnosis.overdue import action
from runbook.diagnosis.roots import Root, Walk
from runbook.domain import helmrecords
from runbook.domain.durations import human
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import condition
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_CAUSE = "helm-pending-operation"
_MARGIN = 30.0  # seconds between the end of an action and what is said of it


def idle(walker: Walker, ref: ObjectRef) -> Walk | None:
    """The release as its own first cause, as a hypothesis; None where its action may still run."""
    obj = walker.index.get(ref)
    if not isinstance(obj, HelmRelease):
        return None
    record, ready = walker.index.records.get(helmrecords.where(obj)), condition(obj.status.conditions, "Ready")
    if record is None or (status := record.metadata.label("status")) not in helmrecords.PENDING or ready is None:
        return None
    begun = max((at for at in (record.metadata.creation_timestamp, ready.last_transition_time) if at), default=None)
    may = action(obj)
    if begun is None or (age := (walker.index.now - begun).total_seconds()) <= may + _MARGIN:
        return None
    known = {walker.health(edge.target).state for edge in walker.graph.out(ref, "hook", "applies")}
    if known != {"fine"}:  # something is under way, or nothing of it was observed
        return None
    said = f"its release record {record.metadata.name} has been {status} for {human(age)}; an action may take {human(may)}, and nothing of it is under way"
    decides = walker.catalogue.causes[_CAUSE].decides
    return Walk(Root(_CAUSE, ref, ref, said, record.metadata.creation_timestamp, "hypothesis", decides))
