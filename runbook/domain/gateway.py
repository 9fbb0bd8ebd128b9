"""The Gateway API's Gateway, what a route's status says of the Gateways it attaches to, and ReferenceGrants. [gw:apis/v1]

Read at 4564255ac2c3 of August 2026: gateway_types.go, shared_types.go, object_reference_types.go. Istio has a Gateway of its
own (networking.istio.io), which is never read as this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import msgspec

from runbook.domain.cluster import Generic, GenericStatus
from runbook.domain.meta import Condition, Observed, Resource
from runbook.model import ObjectRef

GROUP = "gateway.networking.k8s.io"


class SecretObjectReference(Observed, frozen=True):
    """spec.listeners[].tls.certificateRefs[]: unsaid, a core Secret of the Gateway's own namespace."""

    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str = ""


class ListenerTLS(Observed, frozen=True):
    """spec.listeners[].tls; the mode is Terminate when unsaid, and in Passthrough certificateRefs are ignored."""

    mode: str | None = None
    certificate_refs: tuple[SecretObjectReference, ...] | None = None


class Listener(Observed, frozen=True):
    """spec.listeners[]; a route's sectionName is the name of one."""

    name: str = ""
    port: int | None = None
    tls: ListenerTLS | None = None


class GatewaySpec(Observed, frozen=True):
    """spec of a Gateway."""

    listeners: tuple[Listener, ...] | None = None


class ListenerStatus(Observed, frozen=True):
    """status.listeners[]: Accepted, ResolvedRefs and Programmed should be True, Conflicted should not."""

    name: str = ""
    conditions: tuple[Condition, ...] | None = None


class GatewayStatus(Observed, frozen=True):
    """status of a Gateway: Accepted and Programmed, Unknown until a controller has seen it."""

    conditions: tuple[Condition, ...] | None = None
    listeners: tuple[ListenerStatus, ...] | None = None


class Gateway(Resource, frozen=True):
    """gateway.networking.k8s.io Gateway."""

    KIND: ClassVar[str] = "Gateway"

    spec: GatewaySpec = GatewaySpec()
    status: GatewayStatus = GatewayStatus()


class ParentRef(Observed, frozen=True):
    """parentRefs[] of a route: unsaid, a Gateway of the route's own namespace; an empty group is the core group."""

    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str = ""
    section_name: str | None = None
    port: int | None = None

    def gateway(self, namespace: str) -> ObjectRef | None:
        """The Gateway that a route of this namespace attaches to; None for a parent of another kind, a mesh's Service say."""
        group = GROUP if self.group is None else self.group
        if group != GROUP or (self.kind or Gateway.KIND) != Gateway.KIND or not self.name:
            return None
        return ObjectRef(Gateway.KIND, self.namespace or namespace, self.name)

    def where(self, namespace: str) -> tuple[ObjectRef | None, str, int]:
        """What tells one parentRef of a route from its others."""
        return self.gateway(namespace), self.section_name or "", self.port or 0


class ParentStatus(Observed, frozen=True):
    """status.parents[] of a route: what one controller says of one parentRef."""

    parent_ref: ParentRef = ParentRef()
    conditions: tuple[Condition, ...] | None = None


class RouteStatus(GenericStatus, frozen=True):
    """status of a route: nothing of the route as a whole."""

    parents: tuple[ParentStatus, ...] | None = None


class Route(Generic, frozen=True):
    """HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute; of the spec `domain/custom` reads where it leads and to what it attaches."""

    status: RouteStatus = RouteStatus()


class GrantFrom(Observed, frozen=True):
    """spec.from[] of a ReferenceGrant: who may refer; all three are required."""

    group: str = ""
    kind: str = ""
    namespace: str = ""


class GrantTo(Observed, frozen=True):
    """spec.to[] of a ReferenceGrant: to what, in its own namespace; without a name to all of the kind."""

    group: str = ""
    kind: str = ""
    name: str | None = None


class GrantSpec(Observed, frozen=True):
    """spec of a ReferenceGrant: each of `from` may refer to each of `to`."""

    from_: tuple[GrantFrom, ...] | None = msgspec.field(default=None, name="from")
    to: tuple[GrantTo, ...] | None = None


class ReferenceGrant(Resource, frozen=True):
    """gateway.networking.k8s.io ReferenceGrant: the owner of its namespace lets others refer into it. It has no status."""

    KIND: ClassVar[str] = "ReferenceGrant"

    spec: GrantSpec = GrantSpec()


class Reference(NamedTuple):
    """What an object refers to, and the field that does."""

    group: str
    kind: str
    namespace: str
    name: str
    where: str


def permits(grant: ReferenceGrant, who: ObjectRef, to: Reference) -> bool:
    """Whether a grant lets an object of the Gateway API refer there. [gw:apis/v1beta1/referencegrant_types.go]"""
    spec = grant.spec
    if grant.metadata.namespace != to.namespace:
        return False
    asks = any((f.group, f.kind, f.namespace) == (GROUP, who.kind, who.namespace) for f in spec.from_ or ())
    return asks and any(
        (t.group, t.kind) == (to.group, to.kind) and t.name in (None, "", to.name) for t in spec.to or ()
    )


def certificates(obj: Gateway, listener: Listener) -> Iterator[ObjectRef]:
    """The Secrets with the certificates that a listener terminates TLS with."""
    tls = listener.tls
    if tls is None or tls.mode == "Passthrough":
        return
    for ref in tls.certificate_refs or ():
        if not ref.group and (ref.kind or "Secret") == "Secret" and ref.name:
            yield ObjectRef("Secret", ref.namespace or obj.metadata.namespace, ref.name)
