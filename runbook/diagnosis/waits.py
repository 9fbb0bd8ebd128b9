"""By whom a waiting party is blocked: the dependency, or the source, that its spec and its message name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from runbook.diagnosis.classify import Classification
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.overdue import LEAST
from runbook.diagnosis.roots import Root, Walk, nowhere
from runbook.diagnosis.signs import Sign
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_NAMED_SOURCE = re.compile(
    r"(HelmChart|HelmRepository|GitRepository|OCIRepository|Bucket)[ /]'?([a-z0-9-]{1,63})/([a-z0-9.-]{1,253})'?"
)


def dependency(walker: Walker, ref: ObjectRef, sign: Sign, meaning: Classification) -> Walk:
    """Blocked by the first red of the chain; a dependency that is ready now leaves a message that is merely old."""
    if circle := walker.circles.at(ref):
        return circle
    edges = walker.graph.out(ref, "depends-on")
    named = meaning.captures.get("dependency", "")
    target = ObjectRef(ref.kind, *named.split("/", 1)) if "/" in named else None
    if target is not None and all(e.target != target for e in edges):
        edges = (Edge(ref, target, "depends-on", "its message"), *edges)
    # The one it names is the one it waits for; that another is red as well does not make it so.
    named_first = [e for e in edges if e.target == target] or list(edges)
    ready = [e for e in named_first if walker.health(e.target).state == "fine" and not walker.graph.absent(e.target)]
    red = [e for e in named_first if e not in ready or walker.health(e.target).suspended]
    if not named_first:
        return nowhere(f"it waits for a dependency that its message does not name: “{sign.message[:300]}”")
    found = _blocked(walker, (red or ready)[0])
    return replace(found, at_work=found.at_work and _is_new(walker, sign))


def _is_new(walker: Walker, sign: Sign) -> bool:
    """Whether it has waited for no longer than anything may take that a controller works at."""
    return sign.at is not None and (walker.index.now - sign.at).total_seconds() <= LEAST


def _blocked(walker: Walker, edge: Edge) -> Walk:
    """By what it waits for: not there, suspended, ready since, or red itself with whatever that hangs on."""
    target, health = edge.target, walker.health(edge.target)
    absent = walker.graph.absent(target)
    if absent and target not in walker.healths.heard:
        how = "does not exist" if absent == "missing" else "was not observed"
        return nowhere(f"it waits for {target}, which {how}")
    if health.state == "fine" and health.suspended:
        return Walk(Root("suspended", target, target, "spec.suspend is true", None), (edge,))
    if health.state == "fine":
        return nowhere(f"its message says that it waits for {target}, and that is ready now")
    walk = walker.walk(target)
    if walk.root is not None:
        return walk.after(edge)
    return replace(_still(target, walk), at_work=health.state == "moving" or walk.at_work)


def _still(target: ObjectRef, walk: Walk) -> Walk:
    """It waits for something without a cause: the end of a long chain is told, not every step of it."""
    last = walk.why.rpartition(" … ")[2]
    through = " … " if last.startswith("it waits for") else ", which has no known cause: "
    return nowhere(f"it waits for {target}{through}{last}", *walk.hypotheses)


def source(walker: Walker, ref: ObjectRef, sign: Sign) -> Walk:
    """Blocked by the source or the HelmChart that the spec or the message names."""
    edges = list(walker.graph.out(ref, "source"))
    if named := _NAMED_SOURCE.search(sign.message):
        target = ObjectRef(*named.groups())
        if all(e.target != target for e in edges):
            edges.insert(0, Edge(ref, target, "source", "its message"))
    found = None
    for edge in edges:
        walk = _blocked(walker, edge)
        if walk.root is not None:
            return walk
        found = found or replace(walk, at_work=walk.at_work and _is_new(walker, sign))
    return found or nowhere("it waits for a source that its message does not name")
