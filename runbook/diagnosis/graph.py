"""Who depends on whom, with the observation that proves each edge. Edges to absent objects are kept.

One pass over the snapshot finds what leads to an object from elsewhere: owners, marks, makers, ways in. What an object's
own spec says it needs is read when somebody stands on it: of ten thousand pods only the red ones are ever asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from runbook.diagnosis import edges_flux, edges_gateway, edges_network, edges_node, edges_workload, hearsay
from runbook.diagnosis.edge import Edge, Relates
from runbook.diagnosis.index import Index
from runbook.diagnosis.signs_node import TAINTS, UNSCHEDULABLE
from runbook.domain.pods import Pod
from runbook.domain.workloads import Workload
from runbook.model import ObjectRef

__all__ = ["Edge", "Graph", "Relates", "build"]

Missing = Literal["missing", "unseen", ""]


class Graph:
    """Outgoing edges by object. Cycles may exist: whoever walks remembers where it was.

    `opted` are the namespaces whose Secrets the inventory lets us list; of others nobody knows which are there. `heard`
    are objects that were not observed and of which current warnings speak.
    """

    def __init__(self, index: Index, edges: Iterable[Edge], opted: frozenset[str], heard: frozenset[ObjectRef]) -> None:
        self.index = index
        self.heard = heard
        self.opted = opted
        self._found: dict[ObjectRef, list[Edge]] = defaultdict(list)
        self._made: dict[ObjectRef, list[ObjectRef]] = defaultdict(list)
        self._own: dict[ObjectRef, tuple[Edge, ...]] = {}
        self._network = edges_network.Services(index)
        self._nodes = edges_node.Nodes(index)
        for edge in edges:
            self._found[edge.origin].append(edge)
            if edge.relation == "made-by" and edge.origin.kind == "Secret":
                self._made[edge.target].append(edge.origin)

    def out(self, ref: ObjectRef, *relations: Relates) -> tuple[Edge, ...]:
        """The object's edges of these relations, in the order of the relations asked for."""
        edges = self._of(ref)
        return tuple(e for relation in relations for e in edges if e.relation == relation)

    def makes(self, ref: ObjectRef) -> tuple[ObjectRef, ...]:
        """The Secrets that the object should make."""
        return tuple(self._made.get(ref, ()))

    def behind(self, ref: ObjectRef) -> Iterator[edges_network.Behind]:
        """The pods behind a Service, as groups that Services may share: no edge for each Service and pod is made."""
        return self._network.behind(ref)

    def pods(self, namespace: str) -> Sequence[Pod]:
        """The pods of a namespace."""
        return self._network.pods.get(namespace, ())

    def idle(self, namespace: str) -> Sequence[Workload]:
        """The workloads of a namespace that are scaled to 0."""
        return self._network.idle.get(namespace, ())

    def kept_out(self, ref: ObjectRef, taint: str) -> tuple[Edge, ...]:
        """The nodes that have this taint, or the condition that it stands for, for which the scheduler passed a pod over."""
        if taint != edges_node.UNNAMED:
            return tuple(Edge(ref, node, "kept-out", f"taint {taint}") for node in self._nodes.bearing(taint))
        by_node = {node: one for one in sorted(TAINTS - {UNSCHEDULABLE}) for node in self._nodes.bearing(one)}
        return tuple(Edge(ref, node, "kept-out", f"taint {one}") for node, one in sorted(by_node.items()))

    @property
    def tainted(self) -> int:
        """How many nodes have a taint that keeps new pods out, whoever put it on."""
        return self._nodes.tainted

    def absent(self, ref: ObjectRef) -> Missing:
        """`missing` when it was looked for and is not there; `unseen` when nobody looked (for a Secret: in its namespace)."""
        if self.index.get(ref) is not None:
            return ""
        looked = self.index.saw(ref.kind) and (ref.kind != "Secret" or ref.namespace in self.opted)
        return "missing" if looked else "unseen"

    def _of(self, ref: ObjectRef) -> tuple[Edge, ...]:
        known = self._own.get(ref)
        if known is None:
            found = self._found.get(ref, ())
            known = self._own[ref] = tuple(dict.fromkeys((*found, *edges_workload.needs(self.index, ref))))
        return known


def build(index: Index, services: Mapping[str, str] | None = None, opted: Iterable[str] = ()) -> Graph:
    """The graph of a snapshot. `services` maps a declared endpoint's name to its Service (`namespace/name`)."""
    heard = frozenset(hearsay.spoken_of(index))
    return Graph(index, _all(index, services or {}, heard), frozenset(opted), heard)


def _all(index: Index, services: Mapping[str, str], heard: frozenset[ObjectRef]) -> Iterator[Edge]:
    yield from edges_flux.edges(index)
    yield from edges_workload.edges(index, heard)
    yield from edges_network.edges(index, services)
    yield from edges_gateway.edges(index)
