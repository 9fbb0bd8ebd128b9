"""Who depends on whom, with the observation that proves each edge. Built in one pass; edges to absent objects are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from runbook.diagnosis import edges_flux, edges_network, edges_workload
from runbook.diagnosis.edge import Edge, Relates
from runbook.diagnosis.index import Index
from runbook.model import ObjectRef

__all__ = ["Edge", "Graph", "Relates", "build"]

Missing = Literal["missing", "unseen", ""]


@dataclass(frozen=True)
class Graph:
    """Outgoing edges by object. Cycles may exist: whoever walks remembers where it was.

    `opted` are the namespaces whose Secrets the inventory lets us list; of others nobody knows which are there.
    """

    index: Index
    outgoing: Mapping[ObjectRef, tuple[Edge, ...]]
    opted: frozenset[str] = field(default_factory=frozenset)
    made: Mapping[ObjectRef, tuple[ObjectRef, ...]] = field(default_factory=dict)

    def out(self, ref: ObjectRef, *relations: Relates) -> tuple[Edge, ...]:
        """The object's edges of these relations, in the order of the relations asked for."""
        edges = self.outgoing.get(ref, ())
        return tuple(e for relation in relations for e in edges if e.relation == relation)

    def makes(self, ref: ObjectRef) -> tuple[ObjectRef, ...]:
        """What the object should make."""
        return self.made.get(ref, ())

    def absent(self, ref: ObjectRef) -> Missing:
        """`missing` when it was looked for and is not there; `unseen` when nobody looked (for a Secret: in its namespace)."""
        if self.index.get(ref) is not None:
            return ""
        looked = self.index.saw(ref.kind) and (ref.kind != "Secret" or ref.namespace in self.opted)
        return "missing" if looked else "unseen"


def build(index: Index, services: Mapping[str, str] | None = None, opted: Iterable[str] = ()) -> Graph:
    """All edges of a snapshot. `services` maps a declared endpoint's name to its Service (`namespace/name`)."""
    edges: dict[ObjectRef, dict[Edge, None]] = defaultdict(dict)
    for edge in _all(index, services or {}):
        edges[edge.origin][edge] = None
    made: dict[ObjectRef, tuple[ObjectRef, ...]] = defaultdict(tuple)
    for origin, found in edges.items():
        for edge in found:
            if edge.relation == "made-by" and origin.kind == "Secret":
                made[edge.target] += (origin,)
    return Graph(index, {ref: tuple(found) for ref, found in edges.items()}, frozenset(opted), made)


def _all(index: Index, services: Mapping[str, str]) -> Iterable[Edge]:
    yield from edges_flux.edges(index)
    yield from edges_workload.edges(index)
    yield from edges_network.edges(index, services)
