"""What is worth asking beyond lists about each first cause, and about what has none: one failing object each, and no more.

Of each cause the one failing pod that ran (else a Service, an Ingress), its logs and the Services it is told to talk to.
A container that never started has no log: that is told and not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from runbook.diagnosis import index
from runbook.diagnosis.index import Index
from runbook.domain import owners, podstatus
from runbook.domain.inquiries import Questions
from runbook.domain.network import Ingress, Service
from runbook.domain.peers import peers_of
from runbook.domain.pods import ContainerStatus, Pod
from runbook.model import Explanation, ObjectRef, Snapshot
from runbook.retrospective.impact import grouped

MOST = 8  # objects that are asked about
NAMED = 100  # objects left out that are named
CONTAINERS, SERVICES = 2, 3  # of one object
_PODS = "Pod"
_ASKED = (_PODS, "Service", "Ingress")


def questions(snapshot: Snapshot, explanation: Explanation) -> tuple[Questions, ...]:
    """One for each first cause and each maker of unexplained pods: those with something to ask first, at most `MOST`."""
    found = index.build(snapshot)
    every = [about(found, refs[0], refs) for refs in _subjects(found, explanation)]
    every = sorted(every, key=lambda q: not q.any)
    why = f"more than {MOST} objects could be asked about"
    left = (Questions(q.about, left_out=why) for q in every[MOST : MOST + NAMED])
    return (*every[:MOST], *left)


def about(found: Index, ref: ObjectRef, beside: Iterable[ObjectRef] = ()) -> Questions:
    """What is worth asking about this object and those `beside` it that fail for the same cause."""
    refs = dict.fromkeys((ref, *beside))
    pod = next((o for r in refs if isinstance(o := found.get(r), Pod)), None)
    ingress = next((o for r in refs if isinstance(o := found.get(r), Ingress)), None)
    named = [*(r for r in refs if r.kind == "Service"), *_peers(pod), *_backends(ingress), *_before(found, pod)]
    services = [s for r in dict.fromkeys(named) if isinstance(s := found.get(r), Service)]
    containers, silent = _containers(pod)
    return Questions(
        ref,
        pod.ref if pod is not None else None,
        containers,
        silent,
        tuple(services[:SERVICES]),
        tuple(_names(ingress)),
        ingress is not None,
    )


def _subjects(found: Index, explanation: Explanation) -> Iterator[list[ObjectRef]]:
    """For each cause the objects that may be asked about, the best one first; then what has no cause."""
    for group in grouped(explanation):
        lead = group.causes[0]
        refs = [
            r for c in group.causes for r in (c.object, *(e.object for e in c.explains if e.relation != "blocked-by"))
        ]
        others = sorted({r for r in refs if r.kind in _ASKED[1:]})
        served = {r.namespace for r in others}
        pods = sorted({r for r in refs if r.kind == _PODS}, key=lambda r: _rank(found, r, served))
        others = [r for r in others if not pods or r.namespace == pods[0].namespace]
        yield [*pods[:1], *others] or [lead.object]
    seen = set()
    for item in explanation.unexplained:
        obj, ref = found.get(item.object), item.object
        maker = owners.workload_of_pod(obj.metadata) if isinstance(obj, Pod) else None
        if ref.kind in _ASKED and (maker or ref) not in seen:
            seen.add(maker or ref)
            yield [ref]


def _rank(found: Index, ref: ObjectRef, served: Set[str]) -> tuple[bool, bool, bool, ObjectRef]:
    """Pods that have said something before those that never ran, then those beside which a Service or Ingress is red."""
    pod = found.get(ref)
    if not isinstance(pod, Pod):
        return True, True, True, ref
    return not _containers(pod)[0], not podstatus.troubles(pod), ref.namespace not in served, ref


def _containers(pod: Pod | None) -> tuple[tuple[tuple[str, bool], ...], tuple[str, ...]]:
    """The failing containers' logs that there can be, and why others have none."""
    asked: list[tuple[str, bool]] = []
    silent: list[str] = []
    for name in _failing(pod)[:CONTAINERS] if pod is not None else ():
        status = next((s for s in _statuses(pod) if s.name == name), None)
        now, before = _spoke(status)
        asked += [(name, previous) for previous, spoke in ((False, now), (True, before)) if spoke]
        if not now and not before and status is not None:
            waits = status.state.waiting.reason if status.state.waiting is not None else "not started"
            silent.append(f"{name} has not run yet ({waits})")
    return tuple(asked), tuple(silent)


def _failing(pod: Pod) -> Sequence[str]:
    """Containers in trouble; of a pod that is merely not ready those that are not."""
    troubled = tuple(dict.fromkeys(t.container for t in podstatus.troubles(pod)))
    return troubled or tuple(s.name for s in pod.status.container_statuses or () if not s.ready)


def _statuses(pod: Pod | None) -> Iterator[ContainerStatus]:
    if pod is not None:
        yield from pod.status.init_container_statuses or ()
        yield from pod.status.container_statuses or ()


def _spoke(status: ContainerStatus | None) -> tuple[bool, bool]:
    """Whether there can be a log of this start, and of the one before."""
    if status is None:
        return True, False
    ended_before = status.last_state.terminated is not None
    # in back-off the log of this start is that of the run that ended
    now = status.state.running is not None or status.state.terminated is not None
    return now, ended_before


def _peers(pod: Pod | None) -> Iterator[ObjectRef]:
    if pod is not None:
        yield from (peer.service for peer in peers_of(pod.spec, pod.metadata.namespace))


def _before(found: Index, pod: Pod | None) -> Iterator[ObjectRef]:
    """The Services that lead to the pod."""
    if pod is None:
        return
    labels = set((pod.metadata.labels or {}).items())
    for one in found.snapshot.seen(Service):
        selector = set((one.spec.selector or {}).items())
        if selector and selector <= labels and one.metadata.namespace == pod.metadata.namespace:
            yield one.ref


def _backends(ingress: Ingress | None) -> Iterator[ObjectRef]:
    if ingress is not None:
        yield from (ObjectRef("Service", ingress.metadata.namespace, one.name) for _, one in ingress.backends())


def _names(ingress: Ingress | None) -> Iterator[str]:
    """What a log line about this Ingress would name: its hosts, its paths, its backends."""
    for rule in (ingress.spec.rules or ()) if ingress is not None else ():
        if rule.host:
            yield rule.host
        for path in rule.http.paths if rule.http else ():
            if path.path.strip("/"):
                yield path.path
            if path.backend.service is not None:
                yield path.backend.service.name
