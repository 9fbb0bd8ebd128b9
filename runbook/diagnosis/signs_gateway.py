"""What a Gateway and its listeners say of themselves, and what Gateways say of a route. [gw:apis/v1]"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.diagnosis.signs import FINE, MOVING, Health, Sign
from runbook.domain import custom
from runbook.domain.gateway import Gateway, ListenerStatus, ParentRef, ParentStatus, Route
from runbook.domain.meta import Condition, condition

_OF_GATEWAY = ("Accepted", "Programmed")
_OF_LISTENER = ("ResolvedRefs", "Conflicted", "Accepted", "Programmed")  # the most telling first
_OF_ROUTE = ("Accepted", "ResolvedRefs")


def of_gateway(obj: Gateway) -> Health:
    """A Gateway by its own and its listeners' conditions; Unknown is what stands there until a controller has seen it."""
    conditions = obj.status.conditions
    if obj.metadata.deletion_timestamp:
        return FINE
    if not any(condition(conditions, type_) for type_ in _OF_GATEWAY):
        return MOVING
    found = [(c, f"listener {one.name} {c.type}") for one in obj.status.listeners or () for c in bad_of(one)]
    found += [(c, c.type) for c in bad_of_gateway(obj)]
    return _health(found, obj.metadata.generation or 0)


def bad_of_gateway(obj: Gateway) -> Iterator[Condition]:
    """The conditions by which all of a Gateway does not serve."""
    return _bad(obj.status.conditions, _OF_GATEWAY)


def bad_of(listener: ListenerStatus) -> Iterator[Condition]:
    """The conditions by which a listener does not serve. Conflicted is the one that should not be True."""
    return _bad(listener.conditions, _OF_LISTENER)


def reaches(obj: Gateway, parent: ParentRef) -> bool:
    """Whether what fails of a Gateway is where a route attaches: all of it, the listener it names, or all that it may use.

    A route without sectionName and port is attached as long as one listener accepts it. [gw:shared_types.go ParentReference]
    """
    if any(bad_of_gateway(obj)):
        return True
    bad = {one.name for one in obj.status.listeners or () if any(bad_of(one))}
    usable = [
        one.name
        for one in obj.spec.listeners or ()
        if parent.section_name in (None, "", one.name) and parent.port in (None, 0, one.port)
    ]
    return bool(usable) and bad.issuperset(usable)


def of_route(obj: Route) -> Health:
    """A route by what each of its parents says of it; what is left of a parent that it no longer names does not count."""
    found = [
        (c, f"{c.type} by {name(one.parent_ref, obj)}") for one in parents(obj) for c in _bad(one.conditions, _OF_ROUTE)
    ]
    return _health(found, obj.metadata.generation or 0)


def parents(obj: Route) -> Iterator[ParentStatus]:
    """The parents that say something of a route, of those it still names."""
    namespace = obj.metadata.namespace
    named = {parent.where(namespace) for parent in custom.parents(obj)}
    return (one for one in obj.status.parents or () if one.parent_ref.where(namespace) in named)


def name(parent: ParentRef, route: Route) -> str:
    """A parent as people are told of it."""
    gateway = parent.gateway(route.metadata.namespace)
    return str(gateway) if gateway else f"{parent.kind}/{parent.name}"


def _bad(conditions: tuple[Condition, ...] | None, types: tuple[str, ...]) -> Iterator[Condition]:
    for type_ in types:
        found = condition(conditions, type_)
        if found is not None and found.status != ("False" if type_ == "Conflicted" else "True"):
            yield found


def _health(found: list[tuple[Condition, str]], generation: int) -> Health:
    signs: dict[tuple[str, str], Sign] = {}
    for one, origin in found:
        sign = Sign(one.message, one.reason, one.last_transition_time, origin, _stale(one, generation))
        signs.setdefault((one.message, one.reason), sign)
    failing = any(one.status != "Unknown" for one, _ in found)
    return Health("failing" if failing else "moving", tuple(signs.values())) if found else FINE


def _stale(found: Condition, generation: int) -> str:
    seen = found.observed_generation
    return (
        f"its message is of generation {seen}, and the object is at {generation}" if seen and seen < generation else ""
    )
