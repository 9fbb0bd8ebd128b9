"""Objects whose dependsOn lead back to themselves: each waits for the next, and Flux never tells that none can be first.

Only links that are declared and said count: the spec names the next, and the current message waits for it. One that is ready,
suspended or red for another reason breaks the chain, and is the first cause instead of the circle.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Root, Walk
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

CAUSE = "dependency-circle"
_WAITS = "dependency-not-ready"
_SHOWN = 12  # members that are named


class Circles:
    """The circles of one snapshot; every object is followed once, however many chains lead over it."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._known: dict[ObjectRef, tuple[Edge, ...]] = {}

    def at(self, ref: ObjectRef) -> Walk | None:
        """The walk of a member to the one by which its circle goes, which is the first by name; None for any other object."""
        edges = self._of(ref)
        if not edges:
            return None
        members = [edge.origin for edge in edges]
        first, here = members.index(min(members)), members.index(ref)
        turned = (*edges[first:], *edges[:first])
        ends = Walk(self._root(turned))
        if here == first:
            return ends
        step, *rest = turned[(here - first) % len(edges) :]
        return replace(ends, path=tuple(rest)).after(step)

    def _of(self, ref: ObjectRef) -> tuple[Edge, ...]:
        chain: dict[ObjectRef, Edge] = {}
        at = ref
        while at not in self._known and at not in chain and (edge := self._next(at)) is not None:
            chain[at] = edge
            at = edge.target
        walked = list(chain)
        closed = tuple(chain.values())[walked.index(at) :] if at in chain else ()
        members = {edge.origin for edge in closed}
        self._known |= {one: closed if one in members else () for one in walked}
        return self._known.get(ref, ())

    def _next(self, ref: ObjectRef) -> Edge | None:
        """What it says that it waits for, where its spec says so too."""
        health = self._walker.health(ref)
        declared = self._walker.graph.out(ref, "depends-on")
        if health.state != "failing" or health.suspended or not declared:
            return None
        for sign in health.signs:
            meaning = self._walker.read(ref, sign)
            if meaning.cause == _WAITS and not sign.stale:
                named = meaning.captures.get("dependency", "")
                return next((e for e in declared if f"{e.target.namespace}/{e.target.name}" == named), None)
        return None

    def _root(self, turned: tuple[Edge, ...]) -> Root:
        names = [str(edge.origin) for edge in turned]
        told = names if len(names) <= _SHOWN else [*names[: _SHOWN - 1], f"{len(names) - _SHOWN + 1} more"]
        said = " → ".join([*told, names[0]])
        first = turned[0].origin
        at = min((s.at for e in turned for s in self._walker.health(e.origin).signs if s.at), default=None)
        return Root(
            CAUSE, first, first, f"Each waits for the next by spec.dependsOn: {said}", at, captures={"circle": said}
        )
