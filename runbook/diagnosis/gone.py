"""A Job that failed, or is gone, and its pods with it: what is left are the warnings that these pods had.

An event outlives its object: it is kept for an hour. [kk:cmd/kube-apiserver, --event-ttl] A Job that runs out of time or of tries has its
pods deleted, and a hook's delete policy takes the Job itself. The last pod's last word makes a hypothesis, never a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from runbook.diagnosis import blame
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.index import Index
from runbook.diagnosis.roots import Walk
from runbook.diagnosis.signs import Sign
from runbook.domain.cluster import Event
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

LAST_RESORT = "image-pull-failed"
_CREATED = re.compile(r"\bCreated pod: ([a-z0-9.-]{1,253})")


def left(walker: Walker, job: ObjectRef) -> Walk | None:
    """The root that the warnings of the Job's vanished pods speak of, the newest that names a cause; None where none does.

    That a pull failed is named only where no warning says why.
    """
    guess = None
    for pod, event in _warnings(walker.index, job):
        sign = Sign(event.message or "", event.reason, event.when, f"event {event.reason}")
        meaning = walker.read(pod, sign)
        if meaning.role != "cause":
            continue
        walk = blame.blame(walker, pod, sign, meaning)
        if walk.root is None:
            continue
        shown = replace(walk.root, object=job) if walk.root.object == pod else walk.root
        shown = replace(shown, fault=job) if shown.fault == pod else shown
        decides = f"What the next pod of {job} says: {pod.name} is gone."
        path = tuple(Edge(job if e.origin == pod else e.origin, e.target, e.relation, e.proof) for e in walk.path)
        found = replace(walk, root=replace(shown, proof="hypothesis", decides=decides, stale=True), path=path)
        if meaning.cause != LAST_RESORT:
            return found
        guess = guess or found
    return guess


def _warnings(index: Index, job: ObjectRef) -> Iterator[tuple[ObjectRef, Event]]:
    """Pods of the Job that were not observed, each with its warnings; the newest warning first."""
    said = (_CREATED.search(event.message or "") for event in index.events.get(job, ()))
    created = {ObjectRef("Pod", job.namespace, found[1]) for found in said if found is not None}
    pods = {*created, *index.vanished.get((job.namespace, job.name), ())}
    told = [
        (pod, event)
        for pod in pods
        if index.get(pod) is None
        for event in index.events.get(pod, ())
        if event.type == "Warning" and event.when
    ]
    yield from sorted(told, key=lambda pair: (pair[1].when, pair[0]), reverse=True)
