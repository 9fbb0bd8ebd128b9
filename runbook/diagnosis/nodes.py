"""From a pod to the node that keeps it out, put it out, or gives it no network; and what is wrong with that node.

The node's own condition says what it is. Several nodes with one story are one cause; with several stories none of them is
picked: the pod stays unschedulable, and they are told with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from runbook.diagnosis import behind, blame
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.edges_node import UNNAMED, Reason, reasons
from runbook.diagnosis.roots import Root, Walk, nowhere
from runbook.diagnosis.signs import Sign
from runbook.diagnosis.signs_node import PRESSURES, UNSCHEDULABLE, condition_of
from runbook.domain.pods import Pod
from runbook.model import NextAct, ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

# What a condition is where its words are nobody's.
_CAUSES = {
    "Ready": "node-not-ready",
    "NetworkUnavailable": "cni-failure",
    **dict.fromkeys(PRESSURES, "node-pressure-evicted"),
}
_LOW_ON = re.compile(r"low on resource: ([a-z-]{1,40})")
_HAD = re.compile(r"had condition: \[([A-Za-z, ]{1,120})\]")
_OF_RESOURCE = {"memory": "MemoryPressure", "pids": "PIDPressure"}
_DISK = ("ephemeral-storage", "nodefs", "imagefs", "containerfs", "inodes")
_LISTED = 10  # nodes that are told one by one


def node(walker: Walker, ref: ObjectRef, signs: Iterable[Sign]) -> Walk:
    """The root of a node that is not well: by the words of its condition, else by the condition itself."""
    for sign in signs:
        meaning = walker.read(ref, sign)
        if meaning.role == "cause":
            return blame.blame(walker, ref, sign, meaning)
        return Walk(Root(_CAUSES[sign.origin], ref, ref, sign.message or f"{sign.origin}: {sign.reason}", sign.at))
    return nowhere("")


def keeping_out(walker: Walker, ref: ObjectRef, sign: Sign) -> behind.Behind:
    """A pod that the scheduler passed over for what its nodes are in: the node, where all of them tell one story."""
    said = reasons(sign.message)
    named = [reason for reason in said if reason.taint]
    if not named:
        return behind.NOBODY
    found = {reason: walker.graph.kept_out(ref, reason.taint) for reason in named}
    ways = (_by_taint(walker, edge) for reason in named for edge in found[reason])
    walks = [(walk, walk.root) for walk in ways if walk.root is not None]
    doubt = " ".join(_not_seen(r, len(found[r])) for r in named if _seen(walker, r, len(found[r])) < r.nodes)
    if not walks:
        return None, doubt
    stories = {(root.cause, root.message) for _, root in walks}
    fitting = all(_is_asked_for(walker, ref, walk.path[0].target) for walk, _ in walks)
    if len(stories) == 1 and all(r.taint or (r.unfit and fitting) for r in said):
        return _first(walks, doubt), ""
    return Walk(_unfit(walker, ref, sign, walks)), ""


def _seen(walker: Walker, reason: Reason, found: int) -> int:
    """Of the nodes that had a taint, how many it is known of: one that somebody put on is meant to keep pods out."""
    return max(found, walker.graph.tainted) if reason.taint == UNNAMED and found else found


def _not_seen(reason: Reason, found: int) -> str:
    taint = "a taint" if reason.taint == UNNAMED else f"the taint {reason.taint}"
    if found:
        return f"{reason.nodes} nodes had {taint}, and {found} of them are in what was observed."
    return f"Which node has {taint}, and why: none of those that were observed is in that state."


def _is_asked_for(walker: Walker, ref: ObjectRef, node_: ObjectRef) -> bool:
    """Whether the node is of those that the pod's nodeSelector asks for; without one nobody knows which are."""
    pod, there = walker.index.get(ref), walker.index.get(node_)
    wanted = pod.spec.node_selector if isinstance(pod, Pod) else None
    return bool(wanted) and there is not None and (wanted or {}).items() <= (there.metadata.labels or {}).items()


def _by_taint(walker: Walker, edge: Edge) -> Walk:
    taint = edge.proof.removeprefix("taint ")
    if taint == UNSCHEDULABLE:
        return Walk(_cordoned(edge.target)).after(edge)
    wanted = condition_of(taint)
    return node(walker, edge.target, (s for s in walker.health(edge.target).signs if s.origin == wanted)).after(edge)


def _first(walks: list[tuple[Walk, Root]], doubt: str) -> Walk:
    """The first by name, with the others told: they have the same cause, and who repairs one repairs them all."""
    first, root = min(walks, key=lambda found: found[1].fault)
    names = sorted({one.fault.name for _, one in walks})
    if len(names) > 1:
        root = replace(root, message=f"{', '.join(names)}: {root.message}")
    return replace(first, root=replace(root, proof="hypothesis", decides=doubt) if doubt else root)


def _cordoned(ref: ObjectRef) -> Root:
    text = "it is cordoned (spec.unschedulable): somebody decided that no pod is placed on it"
    act = NextAct(
        f"Ask who cordoned {ref} and why; when that is over, uncordon it.", f"kubectl uncordon {ref.name}", False
    )
    return Root("unschedulable", ref, ref, text, None, next=act)


def _unfit(walker: Walker, ref: ObjectRef, sign: Sign, walks: list[tuple[Walk, Root]]) -> Root:
    told = [f"{walk.path[0].target}: {root.message}" for walk, root in walks]
    more = f"; and {len(told) - _LISTED} more nodes" if len(told) > _LISTED else ""
    text = f"{sign.message} [{'; '.join(told[:_LISTED])}{more}]"
    return Root("unschedulable", ref, blame.top_controller(walker, ref), text, sign.at)


def evicting(walker: Walker, ref: ObjectRef, sign: Sign) -> behind.Behind:
    """A pod that was put out, or refused: its node while that is still short of what it was short of."""
    pressures = _pressures(sign.message)
    for edge in walker.graph.out(ref, "runs-on") if pressures else ():
        if walker.index.get(edge.target) is None:
            gone = walker.graph.absent(edge.target) == "missing"
            return None, "" if gone else f"Whether {edge.target} is still short of it."
        signs = [s for s in walker.health(edge.target).signs if s.origin in pressures]
        if signs:
            return node(walker, edge.target, signs).after(edge), ""
    return behind.NOBODY


def _pressures(message: str) -> frozenset[str]:
    if had := _HAD.search(message):
        return frozenset(one.strip() for one in had[1].split(",")) & {*PRESSURES}
    low = _LOW_ON.search(message)
    if low is None:
        return frozenset()
    return frozenset({"DiskPressure"} if low[1] in _DISK else {_OF_RESOURCE.get(low[1], "")})


def without_network(walker: Walker, ref: ObjectRef) -> behind.Behind:
    """A pod that says it has no network, on a node that says the same."""
    for edge in walker.graph.out(ref, "runs-on"):
        signs = [s for s in walker.health(edge.target).signs if s.origin == "NetworkUnavailable"]
        if signs and walker.health(edge.target).state != "failing":
            return node(walker, edge.target, signs).after(edge), ""
    return behind.NOBODY


def silent(walker: Walker, ref: ObjectRef) -> Walk | None:
    """A pod of which nothing is said and that never had a network, on a node without: likely, and proved by nothing."""
    pod = walker.index.get(ref)
    if not isinstance(pod, Pod) or pod.status.pod_ip or walker.health(ref).state != "failing":
        return None
    found, _ = without_network(walker, ref)
    if found is None or found.root is None:
        return None
    decides = walker.catalogue.causes["cni-failure"].decides
    return replace(found, root=replace(found.root, proof="hypothesis", decides=decides))
