"""Gateways, their certificates and the routes attached to them, built by hand, and what is explained of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from diagnosis_worlds import condition, snapshot
from recorded_worlds import Object, kind

from runbook.diagnosis import explain
from runbook.domain.kinds import KINDS
from runbook.inventory.model import Cluster, Inventory, SecretsAccess
from runbook.model import Explanation

GATEWAY, ROUTE, SEALED = "Gateway/edge/public", "HTTPRoute/shop/web", "SealedSecret/edge/web-tls"
NO_CERTIFICATE = ("InvalidCertificateRef", "Secret edge/web-tls does not exist.")
NOT_READY = ("NoReadyListeners", "There are no ready listeners for this parent ref")
PENDING = [condition(t, "Unknown", "Pending", "Waiting for controller") for t in ("Accepted", "Programmed")]
ELSEWHERE = ("NotAllowedByListeners", "No listeners included by this parent ref allowed this attachment.")


def conditions(**said: tuple[str, str] | None) -> list[Object]:
    """Conditions by type: None is True, else False with this reason and message."""
    return [condition(t, "False" if why else "True", *(why or (t, ""))) for t, why in said.items()]


def listener(name: str = "https", **tls: Any) -> Object:
    refs = tls.pop("certificateRefs", [{"name": "web-tls"}])
    return {"name": name, "port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": refs, **tls}}


def gateway(*listeners: Object, of: dict[str, Any] | None = None, **said: tuple[str, str] | None) -> Object:
    """A Gateway that is accepted and not programmed, unless `said` otherwise; `of` are its listeners' conditions by name."""
    told = {
        "Accepted": None,
        "Programmed": ("Invalid", "Listener is invalid, see other Conditions for details."),
        **said,
    }
    by_name = {"https": conditions(ResolvedRefs=NO_CERTIFICATE)} if of is None else of
    status = {"conditions": conditions(**told), "listeners": [{"name": n, "conditions": c} for n, c in by_name.items()]}
    return kind("Gateway", "edge", "public", spec={"listeners": list(listeners) or [listener()]}, status=status)


def route(accepted: tuple[str, str] | None = NOT_READY, *, kind_: str = "HTTPRoute", resolved: Any = None, service: str = "",
          says: bool = True, **parent: Any) -> Object:  # fmt: skip
    """A route with one parent, and what its Gateway's controller says of it."""
    ref = {"name": "public", "namespace": "edge", **parent}
    told = [
        {
            "parentRef": ref,
            "controllerName": "lab.example/gateway",
            "conditions": conditions(Accepted=accepted, ResolvedRefs=resolved),
        }
    ]
    rules = [{"backendRefs": [{"name": service, "port": 80}]}] if service else []
    return kind(
        kind_, "shop", "web", spec={"parentRefs": [ref], "rules": rules}, status={"parents": told if says else []}
    )


def grant(namespace: str, *, name: str = "lets", of: tuple[str, str] = ("HTTPRoute", "shop"), to: Object | None = None, group: str = "gateway.networking.k8s.io") -> Object:  # fmt: skip
    """A ReferenceGrant that lets objects of a kind and namespace refer to Services of its own, unless `to` says to what."""
    who = {"group": group, "kind": of[0], "namespace": of[1]}
    return kind("ReferenceGrant", namespace, name, spec={"from": [who], "to": [to or {"group": "", "kind": "Service"}]})


def listed(*objects: Any, without: tuple[str, ...] = ()) -> Explanation:
    """What is explained of a live cluster in which all kinds were listed, and the Secrets of edge."""
    inventory = Inventory(schema="runbook/inventory/v1", cluster=Cluster(name="lab"), secrets_access=SecretsAccess(namespaces=("edge",)))  # fmt: skip
    return explain(snapshot(*objects, observed=tuple(k for k in KINDS if k not in without)), inventory)


def under(found: Explanation) -> dict[str, tuple[str, str, str]]:
    """Object → what explains it: cause, at what, and how sure."""
    return {str(e.object): (c.cause, str(c.object), c.proof) for c in found.first_causes for e in c.explains}


def left(found: Explanation) -> dict[str, str]:
    return {str(u.object): u.why for u in found.unexplained}


def names(found: Explanation) -> Iterator[str]:
    yield from (*left(found), *under(found))
