"""From a route that is not served to its Gateway, and from a Gateway to the certificate that nobody could make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runbook.diagnosis import behind, blame, edges_gateway, follow, grants, held, waysin
from runbook.diagnosis.deadend import dead_end
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Proof, Root, Walk, better, nowhere
from runbook.diagnosis.signs import Health, Sign
from runbook.diagnosis.signs_gateway import bad_of, bad_of_gateway, parents, reaches
from runbook.domain import custom
from runbook.domain.gateway import Gateway, Listener, ListenerStatus, Route, certificates
from runbook.domain.meta import Condition, condition
from runbook.model import Hypothesis, ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

# Reasons of ResolvedRefs that speak of something else than a certificate that is not there [gw:gateway_types.go]
_OTHER_REFS = frozenset({"RefNotPermitted", "InvalidRouteKinds", "InvalidCACertificateRef", "InvalidCACertificateKind"})
_ABOUT_SECRETS = "InvalidCertificateRef"
# Reasons that do not say what is invalid: a certificate may be
_GENERAL = frozenset({"Invalid", "Pending", "ListenersNotValid"})
# Reasons of Accepted that are the route's own fault, or its Gateway's intent: a sound Gateway refuses it as well [gw:shared_types.go]
_OWN = frozenset(
    {
        "NotAllowedByListeners",
        "NoMatchingListenerHostname",
        "NoMatchingParent",
        "UnsupportedValue",
        "IncompatibleFilters",
    }
)


def gateway(walker: Walker, ref: ObjectRef, obj: Gateway, health: Health) -> Walk:
    """The root of a Gateway: who should have made a certificate's Secret, that Secret, or a cause that its words name."""
    current = [sign for sign in health.signs if not sign.stale]
    if health.signs and not current:
        return nowhere(health.signs[0].stale)
    lacking = {edge: listener for listener, edge in _lacking(walker, ref, obj)}
    said_so = {n for n in lacking.values() if (c := _resolved(obj, n)) is not None and c.reason == _ABOUT_SECRETS}
    open_ = {
        e: (held.unless_said if n in said_so else held.unless_missing)(walker, e.target) for e, n in lacking.items()
    }
    if found := better(walk for edge in lacking for walk in behind.makers(walker, edge, open_[edge])):
        return found
    if health.state != "failing" or not current:
        return nowhere("")
    if refused := grants.missing(walker, ref, obj, current):
        return refused
    read = [(sign, walker.read(ref, sign)) for sign in current]
    said = any(meaning.cause == "secret-missing" for _, meaning in read)
    for edge, listener in lacking.items():
        if said or walker.graph.absent(edge.target) == "missing":
            mine = (sign for sign in current if sign.origin.startswith(f"listener {listener} "))
            return _missing(walker, edge, next(mine, current[0]))
    for sign, meaning in read:
        if (
            meaning.role == "cause" and meaning.cause != grants.CAUSE
        ):  # of which reference is told above, or nobody knows
            return blame.blame(walker, ref, sign, meaning)
    decides = walker.catalogue.causes["secret-missing"].decides
    unseen = (Hypothesis("secret-missing", f"{edge.target} was not observed.", decides) for edge in lacking)
    return nowhere(_told(current[0]), *unseen)


def route(walker: Walker, ref: ObjectRef, obj: Route, health: Health) -> Walk:
    """The root of a route: its Gateway's where that keeps it from being accepted or served, else its Services'."""
    current = [sign for sign in health.signs if not sign.stale]
    if health.signs and not current:
        return nowhere(health.signs[0].stale)
    refused = [sign for sign in current if sign.origin.startswith("Accepted")]
    if refused and all(sign.reason in _OWN for sign in refused):
        return nowhere(_told(refused[0]))
    grant = grants.missing(walker, ref, obj, current)
    if grant is not None and not refused:
        return grant
    services = None if refused else follow.structure(walker, ref)
    if services is not None:
        return services
    walks = list(_gateways(walker, ref, obj))
    if found := better(walks):
        return found
    if grant is not None:
        return grant
    if walks:
        return nowhere(walks[0].why, *walks[0].hypotheses)
    gone = [e.target for e in walker.graph.out(ref, "attaches") if walker.graph.absent(e.target) == "missing"]
    if gone:
        return nowhere(f"{gone[0]} does not exist")
    if current and not any(waysin.problems(walker.graph, ref)):
        return nowhere(_told(current[0]))
    return nowhere(dead_end(walker.graph, ref, health))


def _gateways(walker: Walker, ref: ObjectRef, obj: Route) -> Iterator[Walk]:
    """Walks to the Gateways that are not well where the route attaches, and do not refuse it for a reason of its own."""
    said = {one.parent_ref.where(ref.namespace): condition(one.conditions, "Accepted") for one in parents(obj)}
    for parent in custom.parents(obj):
        edge = edges_gateway.attached(ref, parent)
        there = walker.index.get(edge.target) if edge else None
        if edge is None or not isinstance(there, Gateway) or _is_own(said.get(parent.where(ref.namespace))):
            continue
        if reaches(there, parent) and walker.health(edge.target).state != "fine":
            walk = walker.walk(edge.target)
            lost = nowhere(f"it waits for {edge.target}: {walk.why}", *walk.hypotheses)
            yield walk.after(edge) if walk.root else lost


def _is_own(accepted: Condition | None) -> bool:
    return accepted is not None and accepted.status == "False" and accepted.reason in _OWN


def _lacking(walker: Walker, ref: ObjectRef, obj: Gateway) -> Iterator[tuple[str, Edge]]:
    """Certificates that are not among what was observed, of listeners that may lack them, with the listener's name."""
    needed = {edge.target: edge for edge in walker.graph.out(ref, "needs")}
    for listener in obj.spec.listeners or ():
        for secret in certificates(obj, listener) if _may_lack(obj, listener) else ():
            if walker.index.get(secret) is None:
                yield listener.name, needed[secret]


def _may_lack(obj: Gateway, listener: Listener) -> bool:
    """By its ResolvedRefs; where nothing is said of those, unless it or the Gateway names another reason."""
    status = _status(obj, listener.name)
    if (resolved := _resolved(obj, listener.name)) is not None:
        return resolved.status != "True" and resolved.reason not in _OTHER_REFS
    return all(c.reason in _GENERAL for c in (*bad_of_gateway(obj), *(bad_of(status) if status else ())))


def _status(obj: Gateway, listener: str) -> ListenerStatus | None:
    return next((one for one in obj.status.listeners or () if one.name == listener), None)


def _resolved(obj: Gateway, listener: str) -> Condition | None:
    status = _status(obj, listener)
    return condition(status.conditions, "ResolvedRefs") if status else None


def _missing(walker: Walker, edge: Edge, sign: Sign) -> Walk:
    """A certificate's Secret that is not there: a fact where all who could make it were looked at, and nobody does."""
    if silent := behind.unmade(walker, edge, sign):
        return silent
    known = all(walker.index.saw(kind) for kind in ("SealedSecret", *custom.MAKERS))
    decides = ""
    if not known:
        decides = f"Whether a SealedSecret, a Certificate or another maker declares {edge.target}."
    captures = {"secret": edge.target.name}
    message = sign.message or sign.reason
    proof: Proof = "hypothesis" if decides else "fact"
    return Walk(Root("secret-missing", edge.origin, edge.target, message, sign.at, proof, decides, captures), (edge,))


def _told(sign: Sign) -> str:
    """A condition with its reason, as it stands in the object."""
    text = " ".join(sign.message.split())
    short = text if len(text) <= 160 else f"{text[:157]}..."
    return f"{sign.origin} is not as it should be ({sign.reason})" + (f": “{short}”" if short else "")
