"""A reference into another namespace that nobody there has allowed: the ReferenceGrant that is missing.

A Gateway's controller says `RefNotPermitted` and need not say which reference. [gw:apis/v1beta1/referencegrant_types.go]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Proof, Root, Walk, nowhere
from runbook.diagnosis.signs import Sign
from runbook.domain import custom
from runbook.domain.gateway import GROUP, Gateway, Reference, ReferenceGrant, Route, certificates, permits
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

CAUSE = "reference-not-permitted"


def missing(walker: Walker, ref: ObjectRef, obj: Gateway | Route, current: list[Sign]) -> Walk | None:
    """The root of a reference that is refused; None where no sign speaks of one, or the object has none to elsewhere.

    A fact where ReferenceGrants were listed and none permits it: else the controller may have been given one since.
    """
    sign = next((s for s in current if walker.read(ref, s).cause == CAUSE), None)
    if sign is None:
        return None
    elsewhere = [to for to in _references(obj, sign) if to.namespace != ref.namespace]
    refused = [to for to in elsewhere if _permit(walker, ref, to) is None]
    if refused:
        return _root(walker, ref, next((to for to in refused if _names(sign, to)), refused[0]), sign)
    if elsewhere:
        now = _permit(walker, ref, elsewhere[0])
        return nowhere(f"it says that a reference is not permitted, and {now} permits it now")
    return None


def _references(obj: Gateway | Route, sign: Sign) -> Iterator[Reference]:
    if isinstance(obj, Route):
        yield from custom.backends(obj)
        return
    for listener in obj.spec.listeners or ():
        if sign.origin.startswith(f"listener {listener.name} "):
            where = f"spec.listeners[{listener.name}].tls.certificateRefs"
            for to in certificates(obj, listener):
                yield Reference("", to.kind, to.namespace, to.name, where)


def _permit(walker: Walker, ref: ObjectRef, to: Reference) -> ObjectRef | None:
    grants = ((name, obj) for name, obj in walker.index.objects.items() if isinstance(obj, ReferenceGrant))
    return next((name for name, obj in grants if permits(obj, ref, to)), None)


def _names(sign: Sign, to: Reference) -> bool:
    """Whether the words name it: `cafe/tea`, or Istio's `tea/cafe`."""
    names = rf"{re.escape(to.namespace)}/{re.escape(to.name)}|{re.escape(to.name)}/{re.escape(to.namespace)}"
    return re.search(rf"(?<![a-z0-9./-])(?:{names})(?![a-z0-9./-])", sign.message) is not None


def _root(walker: Walker, ref: ObjectRef, to: Reference, sign: Sign) -> Walk:
    """One grant serves all of a kind and namespace: what they have in common is what is missing, by the name it could have."""
    grant = ObjectRef(ReferenceGrant.KIND, to.namespace, f"{ref.namespace}-{ref.kind}-{to.kind}-{to.name}".lower())
    known = walker.index.saw(ReferenceGrant.KIND)
    lets = f"lets {ref.kind} of {ref.namespace} refer to {to.kind} {to.name}"
    captures = {
        "grant": grant.name,
        "from": f"{GROUP} {ref.kind} of namespace {ref.namespace}",
        "to": f"{f'{to.group} ' if to.group else ''}{to.kind} {to.name}",
        "to_namespace": to.namespace,
    }
    said = f"No ReferenceGrant in {to.namespace} is known that {lets}. It says: {sign.message or sign.reason}"
    proof: Proof = "fact" if known else "hypothesis"
    decides = "" if known else f"Whether a ReferenceGrant in {to.namespace} {lets} by now."
    edge = Edge(ref, grant, "needs", to.where)
    return Walk(Root(CAUSE, ref, grant, said, sign.at, proof, decides, captures), (edge,))
