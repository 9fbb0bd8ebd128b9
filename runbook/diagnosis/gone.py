"""Pods that are gone: what is left of them are the warnings that they had.

An event outlives its object: it is kept for an hour. [kk:cmd/kube-apiserver, --event-ttl] A Job that runs out of time or of tries has its
pods deleted, a hook's delete policy takes the Job itself, and a rollback takes the pods of the revision that failed. The last pod's
last word makes a hypothesis, never a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from runbook.diagnosis import blame
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.index import Index
from runbook.diagnosis.roots import Root, Walk
from runbook.diagnosis.signs import Sign
from runbook.domain.cluster import Event
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Resource, is_true
from runbook.model import Hypothesis, ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

LAST_RESORT = "image-pull-failed"
_CREATED = re.compile(r"\bCreated pod: ([a-z0-9.-]{1,253})")


def left(walker: Walker, job: ObjectRef, found: Walk) -> Walk:
    """The walk of a Job without a root, or of who waits for one that is gone, with what the Job's vanished pods said.

    That a pull failed, without why, makes no root: it is only possible.
    """
    walk = _last(walker, job)
    if walk is None or walk.root is None:
        return found
    return walk if walk.root.cause != LAST_RESORT else _possible(walk.root, found)


def taken_back(walker: Walker, ref: ObjectRef, named: Iterable[ObjectRef], found: Walk, until: datetime | None) -> Walk:
    """The walk of a release whose Deployments are well again, with what the pods of the revision that failed said until then.

    Where it was rolled back, the same revision would meet the same again. Where it came well by itself, that is only possible.
    Its message may name what it waited for; what an older Helm's message leaves out is found by its labels.
    """
    own = [t for t in named if t.kind == "Deployment"]
    own = own or [e.target for e in walker.graph.out(ref, "applies") if e.target.kind == "Deployment"]
    for deployment in own:
        walk = _last(walker, deployment, until)
        if walk is not None and walk.root is not None:
            again = _rolled_back(walker.index.get(ref)) and walk.root.cause != LAST_RESORT
            told = walk.after(Edge(ref, deployment, "applies", "what the release deployed"))
            return told if again else _possible(walk.root, found)
    return found


def _rolled_back(release: Resource | None) -> bool:
    """[helm-controller:api/v2/condition_types.go, Remediated]"""
    return isinstance(release, HelmRelease) and is_true(release.status.conditions, "Remediated")


def _possible(root: Root, found: Walk) -> Walk:
    guess = Hypothesis(root.cause, f"one of its pods that are gone said: “{root.message}”.", root.decides)
    return replace(found, hypotheses=(guess, *found.hypotheses))


def _last(walker: Walker, maker: ObjectRef, until: datetime | None = None) -> Walk | None:
    """The root that the newest warning which names a cause speaks of, and none after `until`; that a pull failed comes last."""
    guess = None
    for pod, event in _warnings(walker.index, maker):
        if until is not None and event.when is not None and event.when > until:
            continue
        sign = Sign(event.message or "", event.reason, event.when, f"event {event.reason}")
        meaning = walker.read(pod, sign)
        if meaning.role != "cause":
            continue
        walk = blame.blame(walker, pod, sign, meaning)
        if walk.root is None:
            continue
        root = replace(walk.root, object=maker) if walk.root.object == pod else walk.root
        root = replace(root, fault=maker) if root.fault == pod else root
        decides = f"What the next pod of {maker} says: {pod.name} is gone."
        path = tuple(Edge(maker if e.origin == pod else e.origin, e.target, e.relation, e.proof) for e in walk.path)
        found = replace(walk, root=replace(root, proof="hypothesis", decides=decides, stale=True), path=path)
        if meaning.cause != LAST_RESORT:
            return found
        guess = guess or found
    return guess


def _warnings(index: Index, maker: ObjectRef) -> Iterator[tuple[ObjectRef, Event]]:
    """Its pods that were not observed, each with its warnings; the newest warning first."""
    said = (_CREATED.search(event.message or "") for event in index.events.get(maker, ()))
    created = {ObjectRef("Pod", maker.namespace, found[1]) for found in said if found is not None}
    pods = {*created, *index.vanished.get((maker.namespace, maker.name), ())}
    told = [
        (pod, event)
        for pod in pods
        if index.get(pod) is None
        for event in index.events.get(pod, ())
        if event.type == "Warning" and event.when
    ]
    yield from sorted(told, key=lambda pair: (pair[1].when, pair[0]), reverse=True)
