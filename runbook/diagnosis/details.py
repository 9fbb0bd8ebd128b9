"""Everything at hand about one object, as `kubectl describe` would have it and a step further: who made it, its conditions,
its containers, what it needs and whether that is there, and its events with the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from runbook.diagnosis import graph, index, signs_gateway
from runbook.diagnosis.details_ways import Lead, leads
from runbook.diagnosis.graph import Graph
from runbook.diagnosis.index import Index
from runbook.diagnosis.releasedetails import ReleaseDetail, release_detail
from runbook.domain import exitcodes, owners, podstatus, pullsecrets
from runbook.domain.cluster import ConfigMap, Secret
from runbook.domain.gateway import Gateway, Route
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Condition, Resource
from runbook.domain.network import ready_endpoints
from runbook.domain.peers import peers_of
from runbook.domain.pods import ContainerStatus, Pod, Terminated
from runbook.model import ObjectRef, Snapshot


@dataclass(frozen=True, slots=True)
class Need:
    """One object it refers to: `there`, `missing`, or `not known` where nobody looked."""

    object: ObjectRef
    where: str
    state: str


@dataclass(frozen=True, slots=True)
class ContainerDetail:
    """One container: what it does, what it did before, how often it was started, and its limits."""

    name: str
    state: str
    last: str
    restarts: int
    image: str
    limits: str


@dataclass(frozen=True, slots=True)
class Said:
    """One event: when, what kind, why, what."""

    when: datetime | None
    type: str
    reason: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Details:
    """What is at hand about one object. `makers` is the way up: each is made by the next."""

    object: ObjectRef
    status: str
    makers: tuple[ObjectRef, ...]
    conditions: tuple[Condition, ...]
    containers: tuple[ContainerDetail, ...]
    needs: tuple[Need, ...]
    events: tuple[Said, ...]
    failing: tuple[str, ...] = ()
    release: ReleaseDetail | None = None
    leads: tuple[Lead, ...] = ()


def details(snapshot: Snapshot, ref: ObjectRef, network: Graph | None = None) -> Details | None:
    """What the snapshot holds of an object; None when neither it nor an event of it was observed.

    Who asks about many objects builds the `network` of the snapshot once.
    """
    network = network or graph.build(index.build(snapshot))
    found = network.index
    obj = found.get(ref)
    events = tuple(Said(e.when, e.type, e.reason, e.message or "", e.count or 1) for e in found.events.get(ref, ()))
    if obj is None:
        return Details(ref, "not observed", (), (), (), (), events) if events else None
    pod = obj if isinstance(obj, Pod) else None
    return Details(
        ref,
        podstatus.pod_row(pod)[2] if pod else "",
        tuple(_makers(found, obj)),
        (*(getattr(getattr(obj, "status", None), "conditions", None) or ()), *_of_parts(obj)),
        tuple(_containers(pod)) if pod else (),
        (*_needs(found, network, ref), *_peers(found, obj)),
        events,
        tuple(dict.fromkeys(t.container for t in podstatus.troubles(pod))) if pod else (),
        release_detail(network, obj) if isinstance(obj, HelmRelease) else None,
        tuple(leads(network, obj)),
    )


def _makers(found: Index, obj: Resource) -> Iterator[ObjectRef]:
    seen = {index.ref_of(obj)}
    current: Resource | None = obj
    while current is not None:
        meta = current.metadata
        owner = meta.controller
        named = ObjectRef(owner.kind, meta.namespace, owner.name) if owner else None
        above = found.by_uid.get(owner.uid, named) if owner else None
        above = above or owners.helm_release(meta) or owners.kustomization(meta)
        if above is None or above in seen:
            return
        seen.add(above)
        yield above
        current = found.get(above)


def _of_parts(obj: Resource) -> Iterator[Condition]:
    """Conditions that stand not at the object but at a Gateway's listener, or with a parent of a route."""
    if isinstance(obj, Gateway):
        for listener in obj.status.listeners or ():
            for one in listener.conditions or ():
                yield one.called(f"{one.type} of listener {listener.name}")
    elif isinstance(obj, Route):
        for parent in signs_gateway.parents(obj):
            for one in parent.conditions or ():
                yield one.called(f"{one.type} by {signs_gateway.name(parent.parent_ref, obj)}")


def _containers(pod: Pod) -> Iterator[ContainerDetail]:
    specs = {c.name: c for c in (*(pod.spec.init_containers or ()), *pod.spec.containers)}
    for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
        spec = specs.get(status.name)
        limits = spec.resources.limits if spec is not None and spec.resources is not None else None
        said = ", ".join(f"{name} {amount}" for name, amount in sorted((limits or {}).items())) or "none"
        yield ContainerDetail(status.name, _state(status), _ended(status), status.restart_count, status.image, said)


def _state(status: ContainerStatus) -> str:
    state = status.state
    if state.waiting is not None:
        return f"waiting: {state.waiting.reason}"
    if state.terminated is not None:
        return f"ended: {state.terminated.reason or 'no reason'}, {_code(state.terminated)}"
    return "running" + ("" if status.ready else ", not ready")


def _ended(status: ContainerStatus) -> str:
    ended = status.last_state.terminated
    if ended is None:
        return ""
    return f"{ended.reason or 'ended'}, {_code(ended)}"


def _code(ended: Terminated) -> str:
    """`exit 139, SIGSEGV`: with the signal where the code or the runtime names one."""
    signal = exitcodes.name(ended.exit_code) or (f"signal {ended.signal}" if ended.signal else "")
    return f"exit {ended.exit_code}" + (f", {signal}" if signal else "")


def _needs(found: Index, network: Graph, ref: ObjectRef) -> Iterator[Need]:
    for edge in network.out(ref, "needs", "pulls-with", "source", "depends-on", "volume", "class", "attaches"):
        target = found.get(edge.target)
        state = {"": "there", "missing": "missing", "unseen": "not known"}[network.absent(edge.target)]
        if isinstance(target, (Secret, ConfigMap)):
            kind = f", {target.type}" if isinstance(target, Secret) and target.type else ""
            keys = ", ".join(sorted(target.data or {})) or "none"
            state = f"there{kind}" + (f": keys {keys}" if target.data is not None else "; its keys were not read")
        if isinstance(target, Secret) and edge.relation == "pulls-with":
            state += _registries(target, found.get(ref))
        yield Need(edge.target, edge.proof, state)


def _registries(secret: Secret, obj: Resource | None) -> str:
    """For which registries a pull Secret is, and which of the pod's images none of them covers."""
    known = pullsecrets.registries(secret.data)
    if known is None:
        return "; for which registry is not known"
    spec = obj.spec if isinstance(obj, Pod) else None
    images = [c.image for c in (*(spec.init_containers or ()), *spec.containers)] if spec else []
    other = sorted({pullsecrets.registry_of(image) for image in images} - set(known))
    return f"; for {', '.join(known) or 'no registry'}" + (f", not for {', '.join(other)}" if other else "")


def _peers(found: Index, obj: Resource) -> Iterator[Need]:
    """The Services its environment names, and whether anything stands behind them."""
    for peer in peers_of(obj.spec, obj.metadata.namespace) if isinstance(obj, Pod) else ():
        ref = peer.service
        if found.get(ref) is None:
            state = "missing" if found.saw("Service") else "not known"
        elif not found.looked("EndpointSlice"):
            state = "there; its endpoints were not observed"
        else:
            behind = found.slices.get((ref.namespace, ref.name), ())
            state = f"there, {ready_endpoints(behind).total()} ready endpoint(s)"
        yield Need(ref, peer.where + (f", port {peer.port}" if peer.port else ""), state)
