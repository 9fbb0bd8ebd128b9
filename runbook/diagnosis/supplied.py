"""A Certificate or an ExternalSecret that fails: whoever it has its contents from may have failed first, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Walk
from runbook.domain import custom
from runbook.domain.cluster import Generic
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker


def supplied(walker: Walker, ref: ObjectRef) -> Walk | None:
    """The root of a Certificate or an ExternalSecret at its Issuer or store, where that fails."""
    obj = walker.index.get(ref)
    named = custom.supplier(obj) if isinstance(obj, Generic) and obj.kind in custom.MAKERS else None
    if named is None:
        return None
    walk = walker.walk(named[0])
    return walk.after(Edge(ref, named[0], "needs", named[1])) if walk.root is not None else None
