"""What a Service and an Ingress lead to, line by line: selector, endpoints and ports; class, backends and certificates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook.diagnosis import waysin
from runbook.diagnosis.graph import Graph
from runbook.domain import podstatus
from runbook.domain.meta import Resource
from runbook.domain.network import BackendPort, Endpoint, Ingress, Service, ready_endpoints
from runbook.domain.pods import Pod
from runbook.model import ObjectRef

_NAMED = 5  # pods that are named, ready and not


@dataclass(frozen=True, slots=True)
class Lead:
    """One thing that it leads to, where that is said, and what is there."""

    what: str
    where: str
    state: str


def leads(network: Graph, obj: Resource) -> Iterator[Lead]:
    """The lines of a Service, an Ingress or a route; of anything else none."""
    if isinstance(obj, Service):
        yield from _service(network, obj)
    elif isinstance(obj, Ingress):
        yield from _ingress(network, obj)
    else:
        yield from _backends(network, obj)


def _service(network: Graph, obj: Service) -> Iterator[Lead]:
    selector = obj.spec.selector
    if obj.spec.type == "ExternalName":
        yield Lead(obj.spec.external_name or "no name", "spec.externalName", "outside: nothing of it is observed")
        return
    pairs = ",".join(f"{key}={value}" for key, value in sorted((selector or {}).items()))
    yield Lead(pairs or "no selector", "spec.selector", _selected(network, obj))
    yield Lead("endpoints", "EndpointSlices", _endpoints(network, obj.ref))
    for n, port in enumerate(obj.spec.ports or ()):
        target = port.target_port if port.target_port not in (None, "", 0) else port.port
        yield Lead(f"port {waysin.said(port)} → {target}", f"spec.ports[{n}]", waysin.declares(network, obj, port))


def _selected(network: Graph, obj: Service) -> str:
    if not obj.spec.selector:
        return "its endpoints are made by somebody else than the selector"
    if not network.index.looked("Pod"):
        return "pods were not observed"
    if missed := waysin.unselected(network, obj.ref):
        return missed.partition(" matches ")[2] and f"matches {missed.partition(' matches ')[2]}"
    number = len(waysin.pods(network, obj.ref))
    return f"matches {number} pod{'' if number == 1 else 's'}"


def _endpoints(network: Graph, ref: ObjectRef) -> str:
    if not network.index.looked("EndpointSlice"):
        return "not observed"
    every = [e for s in network.index.slices.get((ref.namespace, ref.name), ()) for e in s.endpoints or ()]
    ready = [_name(e) for e in every if e.conditions.ready is not False]
    other = [f"{_name(e)} ({_why(network, e, ref)})" for e in every if e.conditions.ready is False]
    told = [f"{len(ready)} ready{_list(ready)}"]
    return "; ".join([*told, f"{len(other)} not ready{_list(other)}"] if other else told)


def _name(endpoint: Endpoint) -> str:
    return endpoint.target_ref.name if endpoint.target_ref else ", ".join(endpoint.addresses) or "no address"


def _why(network: Graph, endpoint: Endpoint, service: ObjectRef) -> str:
    target = endpoint.target_ref
    pod = network.index.get(ObjectRef("Pod", target.namespace or service.namespace, target.name)) if target else None
    if not isinstance(pod, Pod):
        return "not observed"
    word = podstatus.pod_row(pod)[2]
    return "its readiness probe does not pass" if word == "Running" else word


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f": {', '.join(names[:_NAMED])}{more}" if names else ""


def _ingress(network: Graph, obj: Ingress) -> Iterator[Lead]:
    name = obj.spec.ingress_class_name
    yield Lead(f"class {name}" if name else "no class", "spec.ingressClassName", _class(network, name))
    yield from _backends(network, obj)
    if not any(obj.backends()):
        yield Lead("no Service", "spec.rules", "it leads nowhere")
    for entry in obj.spec.tls or ():
        hosts = ", ".join(entry.hosts or ()) or "all hosts"
        secret = ObjectRef("Secret", obj.metadata.namespace, entry.secret_name)
        state = {"": "there", "missing": "missing", "unseen": "not known"}[network.absent(secret)]
        named = bool(entry.secret_name)
        yield Lead(
            str(secret) if named else "no Secret",
            f"spec.tls, {hosts}",
            state if named else "the controller's own certificate",
        )


def _class(network: Graph, name: str) -> str:
    """Whether there is a class of that name: most controllers serve no Ingress of one that is not there, some go by the name alone."""
    held = sorted(ref.name for ref in network.index.objects if ref.kind == "IngressClass")
    if not name:
        return "the cluster's default class, if there is one"
    if name in held:
        return "there"
    among = f"not among {', '.join(held)}" if held else ""
    return among or ("missing: there is no class at all" if network.index.saw("IngressClass") else "not looked for")


def _backends(network: Graph, obj: Resource) -> Iterator[Lead]:
    for where, service, port in waysin.backends(obj):
        asked = port.name or str(port.number or "")
        state = _backend(network, service, port, or_target=isinstance(obj, Ingress))
        yield Lead(f"{service}{f' port {asked}' if asked else ''}", where, state)


def _backend(network: Graph, ref: ObjectRef, asked: BackendPort, *, or_target: bool) -> str:
    service = network.index.get(ref)
    if not isinstance(service, Service):
        return "missing" if network.absent(ref) == "missing" else "not known"
    said = [lacking] if (lacking := waysin.lacks_port(service, asked, or_target=or_target)) else []
    port = waysin.port_of(service, asked)
    if port is None and not said and asked != BackendPort() and service.spec.type != "ExternalName":
        said.append("the port is its targetPort, which only some controllers take")
    if port is not None and (lost := waysin.unnamed(network, service, port)):
        said.append(lost)
    if network.index.looked("EndpointSlice") and service.spec.type != "ExternalName":
        ready = ready_endpoints(network.index.slices.get((ref.namespace, ref.name), ())).total()
        said.append(f"{ready or 'no'} ready endpoint{'' if ready == 1 else 's'}")
    if missed := waysin.unselected(network, ref):
        said.append(missed)
    return "; ".join(("there", *said))
