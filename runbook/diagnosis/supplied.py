"""A Certificate or an ExternalSecret that fails: whoever it has its contents from may have failed first, for want of a Secret, say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook.diagnosis import behind, held
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Root, Walk, better
from runbook.diagnosis.signs import Health
from runbook.domain import custom
from runbook.domain.cluster import Generic
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker


def supplied(walker: Walker, ref: ObjectRef, health: Health) -> Walk | None:
    """The root of a Certificate or an ExternalSecret at its Issuer or store, and of these at the Secret they cannot do without."""
    obj = walker.index.get(ref)
    if not isinstance(obj, Generic):
        return None
    if obj.kind in custom.SUPPLIERS:
        return _keyless(walker, ref, obj, health)
    named = custom.supplier(obj) if obj.kind in custom.MAKERS else None
    if named is None:
        return None
    walk = walker.walk(named[0])
    return walk.after(Edge(ref, named[0], "needs", named[1])) if walk.root is not None else None


def _keyless(walker: Walker, ref: ObjectRef, obj: Generic, health: Health) -> Walk | None:
    """Its words say neither a cause nor what the wire did, and a Secret that its spec names is not among those of that namespace."""
    if walker.read(ref, health.signs[0]).fault not in ("", "denied", "weak-denied"):
        return None
    for secret, where in custom.secrets_used(obj):
        if walker.index.get(secret) is not None or secret.namespace not in walker.index.with_secrets:
            continue
        edge, sign = Edge(ref, secret, "needs", where), health.signs[0]
        made = better(behind.makers(walker, edge, held.unless_missing(walker, secret)))
        if found := made or behind.unmade(walker, edge, sign):
            return found
        said, captures = sign.message or sign.reason, {"secret": secret.name}
        return Walk(
            Root("secret-missing", ref, secret, said, sign.at, "hypothesis", held.is_there(secret), captures), (edge,)
        )
    return None
