"""From a claim that is not bound to who is at fault for it: the volume, or the claim itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook.diagnosis.roots import Root, Walk
from runbook.diagnosis.signs_volume import trouble
from runbook.domain.cluster import PersistentVolumeClaim
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker


def claim(walker: Walker, ref: ObjectRef, obj: PersistentVolumeClaim) -> Walk | None:
    """The root that a claim and its volume prove by what both say of each other; None where they say nothing."""
    found = trouble(obj, walker.index) if walker.health(ref).state == "failing" else None
    if found is None:
        return None
    edges = tuple(e for e in walker.graph.out(ref, "volume") if e.target == found.fault)
    return Walk(Root("pvc-pending", found.fault, found.fault, found.text, None, next=found.act), edges)
