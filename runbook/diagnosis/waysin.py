"""Where a Service, an Ingress or a route leads nowhere though no pod fails: a selector that matches none, a port that is not there.

What the objects say of each other is proof; that no container declares a number is only a hint, since to declare one is
optional.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

from runbook.domain import custom
from runbook.domain.cluster import Generic
from runbook.domain.meta import Resource
from runbook.domain.network import BackendPort, Ingress, Service, ServicePort
from runbook.domain.pods import Container, Pod
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.graph import Graph

_NEAR = 0.6  # how alike two values of a label are that may be one another's slip
_NAMED = 3  # pods that are named


def pods(graph: Graph, ref: ObjectRef) -> tuple[Pod, ...]:
    """The pods behind a Service, each once."""
    found = dict.fromkeys(pod for some in graph.behind(ref) for pod in some.pods)
    return tuple(pod for one in found if isinstance(pod := graph.index.get(one), Pod))


def unselected(graph: Graph, ref: ObjectRef) -> str:
    """Why a Service's selector reaches no pod; empty where it reaches one, has none, or no pods were observed."""
    service, index = graph.index.get(ref), graph.index
    if not isinstance(service, Service) or not service.spec.selector or not index.looked("Pod"):
        return ""
    if any(some.pods for some in graph.behind(ref)):
        return ""
    known = "matches no pod" if index.saw("Pod") else "matches no pod of those that were observed"
    text = f"its selector {_pairs(service.spec.selector)} {known}"
    if scaled := scaled_down(graph, service):
        return f"{text}: those of {scaled} would match, and it is scaled to 0"
    near = [f"{pod.ref}, {how}" for pod, how in nearest(graph, service)]
    return f"{text}; nearest: {'; '.join(near)}" if near else text


def nearest(graph: Graph, service: Service) -> list[tuple[Pod, str]]:
    """The pods of its namespace that a selector misses by a value which is much alike, or by one pair of several."""
    wanted, found = service.spec.selector or {}, []
    for pod in graph.pods(service.metadata.namespace):
        labels = pod.metadata.labels or {}
        other = {key: labels.get(key, "") for key in wanted if labels.get(key) != wanted[key]}
        alike = min((_alike(wanted[key], value) for key, value in other.items()), default=0.0)
        if alike >= _NEAR or 0 < len(other) < len(wanted):
            said = ", ".join(f"{key} is {value}" if value else f"no label {key}" for key, value in other.items())
            found.append((len(other), -alike, pod.metadata.name, pod, said))
    return [(pod, said) for _, _, _, pod, said in sorted(found, key=lambda f: f[:3])[:_NAMED]]


@lru_cache(maxsize=4096)
def _alike(value: str, other: str) -> float:
    return SequenceMatcher(None, value, other).ratio()


def scaled_down(graph: Graph, service: Service) -> ObjectRef | None:
    """The workload at 0 replicas whose pods the Service would select."""
    wanted = (service.spec.selector or {}).items()
    idle = graph.idle(service.metadata.namespace)
    return next((obj.ref for obj in idle if wanted <= (obj.spec.template.metadata.labels or {}).items()), None)


def port_of(service: Service, asked: BackendPort) -> ServicePort | None:
    """The Service's port that a backend names, by name or number."""
    return next((p for p in service.spec.ports or () if (asked.name and p.name == asked.name) or (asked.number and p.port == asked.number)), None)  # fmt: skip


def lacks_port(service: Service, port: BackendPort, *, or_target: bool = True) -> str:
    """What a backend asks for that its Service has not. `or_target`: a targetPort is let pass, which ingress-nginx takes."""
    asked = port.name or str(port.number or "")
    ports = service.spec.ports or ()
    if not asked or not ports or service.spec.type == "ExternalName" or port_of(service, port) is not None:
        return ""
    if or_target and any(str(p.target_port) == asked for p in ports):
        return ""
    return f"has no port {asked}, only {', '.join(said(p) for p in ports)}"


def unnamed(graph: Graph, service: Service, port: ServicePort) -> str:
    """A targetPort by a name that no container behind the Service has: of those pods nothing is ever reached by it."""
    if not isinstance(port.target_port, str):
        return ""
    declared = [p for pod in pods(graph, service.ref) for c in _serving(pod) for p in c.ports or ()]
    if not declared or any(p.name == port.target_port for p in declared):
        return ""
    return f"leads port {said(port)} to a container port named {port.target_port}, and none of its pods has one of that name"


def problems(graph: Graph, ref: ObjectRef) -> Iterator[str]:
    """Why a Service, or a way that leads to some, leads nowhere, though it exists and no pod says why."""
    yield from misled(graph, ref)
    for edge in graph.out(ref, "serves"):
        if missed := unselected(graph, edge.target):
            yield f"{edge.target}: {missed}"
    if missed := unselected(graph, ref):
        yield missed


def misled(graph: Graph, ref: ObjectRef) -> Iterator[str]:
    """What an Ingress or a route leads to that is not there, of Services that are: no pod fails for it, and nothing answers."""
    obj = graph.index.get(ref)
    for where, to, port in backends(obj):
        service = graph.index.get(to)
        if not isinstance(service, Service):
            continue
        if lacking := lacks_port(service, port, or_target=isinstance(obj, Ingress)):
            yield f"{where} leads to {service.ref}, which {lacking}"
        named = port_of(service, port)
        if named is not None and (lost := unnamed(graph, service, named)):
            yield f"{where} leads to {service.ref}, which {lost}"


def backends(obj: Resource | None) -> Iterator[custom.Way]:
    """The Services that an Ingress or a route leads to; of anything else none."""
    if isinstance(obj, Ingress):
        for where, backend in obj.backends():
            yield custom.Way(where, ObjectRef(Service.KIND, obj.metadata.namespace, backend.name), backend.port)
    elif isinstance(obj, Generic) and obj.kind in custom.ROUTES:
        yield from custom.ways(obj)


def said(port: ServicePort) -> str:
    """A Service's port as people write it."""
    return f"{port.port}{f' ({port.name})' if port.name else ''}"


def declares(graph: Graph, service: Service, port: ServicePort) -> str:
    """What the containers behind a Service have of a port that it leads to."""
    behind = pods(graph, service.ref)
    declared = [p for pod in behind for c in _serving(pod) for p in c.ports or ()]
    target = port.target_port if port.target_port not in (None, "", 0) else port.port
    if not behind:
        return "no pod is behind it"
    if isinstance(target, str):
        named = next((p for p in declared if p.name == target), None)
        if named is None:
            return f"no container names a port {target}: nothing is reached by it"
        return f"a container names it: {named.container_port}"
    if any(p.container_port == target for p in declared):
        return "a container declares it"
    return "no container declares it, which is a hint only: to declare a port is optional"


def _serving(pod: Pod) -> Iterator[Container]:
    yield from pod.spec.containers
    yield from (c for c in pod.spec.init_containers or () if c.restart_policy == "Always")


def _pairs(selector: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
