"""Who stands behind the object that its own words blame: its source, its claim, a Secret's maker, its node.

Each gives the walk to who is at fault, or a doubt: the words are true, and what would tell whether somebody stands behind
them was not observed. A doubt makes a hypothesis of the cause, with the doubt as what decides it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runbook.diagnosis import held
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Root, Walk, doubted, nowhere
from runbook.diagnosis.signs import Sign
from runbook.domain.cluster import PersistentVolumeClaim
from runbook.domain.sealing import SealedSecret
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_OF_A_SOURCE = ("SourceNotReady", "ArtifactFailed", "NoSourceArtifact", "ChartNotReady")
_THEIRS = "secret-ownership-conflict"
_CLAIM_WORDS = ("persistent", "Persistent")
_NOT_FOUND = re.compile(r"\b(secret|configmap)s? \"([a-z0-9.-]{1,253})\" not found", re.IGNORECASE)
ABSENT = ("dependency-missing", "namespace-missing", "service-account-missing")
_ABSENT = {
    "namespace-missing": re.compile(r"\bnamespaces? \"([a-z0-9-]{1,63})\" not found"),
    "service-account-missing": re.compile(r"\bserviceaccounts? \"([a-z0-9.-]{1,253})\" not found"),
}

Behind = tuple[Walk | None, str]  # the walk to who is at fault; else a doubt, or nothing
NOBODY: Behind = (None, "")


def source(walker: Walker, ref: ObjectRef, sign: Sign) -> Walk | None:
    """A consumer that repeats its source's words is not at fault: its source is."""
    if sign.reason not in _OF_A_SOURCE and "is not ready: " not in sign.message:
        return None
    for edge in walker.graph.out(ref, "source"):
        if walker.health(edge.target).state != "fine":
            walk = walker.walk(edge.target).after(edge)
            if walk.root is not None:
                return walk
        elif walker.index.get(edge.target) is not None and sign.reason in _OF_A_SOURCE[:1]:
            return nowhere(f"its message repeats {edge.target}, and that is ready now")
    return None


def claim(walker: Walker, ref: ObjectRef, sign: Sign) -> Behind:
    """A pod that no node takes for want of a volume: its claim that is not bound."""
    if not any(word in sign.message for word in _CLAIM_WORDS):
        return NOBODY
    claims = [e for e in walker.graph.out(ref, "needs") if e.target.kind == "PersistentVolumeClaim"]
    for edge in claims:
        obj = walker.index.get(edge.target)
        if not isinstance(obj, PersistentVolumeClaim) or walker.health(edge.target).state == "fine":
            continue
        walk = walker.walk(edge.target).after(edge)
        if walk.root is not None:
            return walk, ""
        text = f"it is {obj.status.phase or 'not bound'}; {ref} says: {sign.message}"
        return Walk(Root("pvc-pending", edge.target, edge.target, text, sign.at), (edge,)), ""
    unseen = [str(e.target) for e in claims if walker.graph.absent(e.target) == "unseen"]
    return None, f"Whether {', '.join(unseen)} is bound." if unseen else ""


def maker(walker: Walker, ref: ObjectRef, sign: Sign) -> Behind:
    """Words that end in `secrets "x" not found`: old news when it is there, else whoever should make it and cannot."""
    named = _NOT_FOUND.search(sign.message)
    if named is None:
        return NOBODY
    needed = ObjectRef("Secret" if named[1].lower() == "secret" else "ConfigMap", ref.namespace, named[2])
    if walker.index.get(needed) is not None:
        return there_now(needed), ""
    if needed.kind == "ConfigMap":
        return (
            None,
            "" if walker.index.snapshot.complete else f"Whether {needed} is there now, and what should make it.",
        )
    edge = Edge(ref, needed, "needs", "its message")
    found, doubt = _made(walker, edge, held.unless_said(walker, needed))
    silent = unmade(walker, edge, sign) if found is None else None
    return (silent, "") if silent is not None and silent.root and silent.root.object != ref else (found, doubt)


def there_now(needed: ObjectRef) -> Walk:
    """Words that say something is missing which was observed."""
    return nowhere(f"its message says that {needed} is missing, and it is there now")


def pull_secret(walker: Walker, ref: ObjectRef) -> Behind:
    """A pull that is refused without credentials: the pull Secret that is not there because nobody could make it."""
    doubts = []
    for edge in walker.graph.out(ref, "pulls-with"):
        # A registry refuses a login that is wrong as well: that there is none has yet to be seen.
        walk, doubt = _made(walker, edge, held.unless_missing(walker, edge.target))
        if walk is not None and not (walk.root and walk.root.only_way):
            return walk, ""
        doubts += [said for said in (walk.root.way if walk and walk.root else doubt,) if said]
    return None, " ".join(doubts)


def _made(walker: Walker, edge: Edge, open_: str = "") -> Behind:
    if walker.index.get(edge.target) is not None:
        return NOBODY
    for walk in makers(walker, edge, open_):
        if walk.root is not None or walk.why:
            return walk, ""
    known = walker.index.saw("SealedSecret")
    return (
        None,
        "" if known else f"Whether {edge.target} is there now, and who should make it (a SealedSecret, another).",
    )


def node(walker: Walker, ref: ObjectRef) -> Behind:
    """What a pod says of its network or its node is the node's to answer, when that is not ready."""
    for edge in walker.graph.out(ref, "runs-on"):
        walk = walker.walk(edge.target).after(edge) if walker.health(edge.target).state == "failing" else None
        if walk is not None and walk.root is not None:
            return walk, ""
        if walker.index.get(edge.target) is None:
            return None, f"Whether {edge.target} is ready."
    return NOBODY


def absent(walker: Walker, ref: ObjectRef, sign: Sign, cause: str) -> Behind:
    """Words that say something is not there: old news when it is, and in a recording only as sure as its absence."""
    named = _absent(walker, ref, sign, cause)
    there = [target for target in named if walker.index.get(target) is not None]
    if named and len(there) == len(named):
        return nowhere(f"its message says that {there[0]} does not exist, and it is there now"), ""
    names = ", ".join(str(target) for target in named if target not in there)
    unseen = any(not walker.index.saw(target.kind) for target in named if target not in there)
    return None, f"Whether {names} is there now." if unseen else ""


def _absent(walker: Walker, ref: ObjectRef, sign: Sign, cause: str) -> list[ObjectRef]:
    if cause == "dependency-missing":
        edges = walker.graph.out(ref, "depends-on", "source")
        return [
            e.target
            for e in edges
            if re.search(rf"(?<![a-z0-9.-]){re.escape(e.target.name)}(?![a-z0-9-])", sign.message)
        ]
    kind, namespace = ("Namespace", "") if cause == "namespace-missing" else ("ServiceAccount", ref.namespace)
    return [ObjectRef(kind, namespace, name) for name in dict.fromkeys(_ABSENT[cause].findall(sign.message))]


def makers(walker: Walker, edge: Edge, doubt: str = "", *, key: str = "") -> Iterator[Walk]:
    """Walks to the failing makers of a Secret. `doubt` is what would tell whether its absence holds the object at all.

    A maker that will not touch a Secret of somebody else says that there is one: only for want of a `key` is that why.
    """
    for made in walker.graph.out(edge.target, "made-by"):
        if walker.health(made.target).state == "failing":
            walk = walker.walk(made.target).after(made).after(edge)
            theirs = walk.root is not None and walk.root.cause == _THEIRS and not key
            there = f"Whether {edge.target} is there: {made.target} says that it is, and that it is not its own."
            yield doubted(walk, there if theirs else doubt or _without(walker, made.target, key))


def _without(walker: Walker, maker: ObjectRef, key: str) -> str:
    """What decides whether a maker would bring a key that it does not name: a template of it may still."""
    sealed = walker.index.get(maker)
    named = sealed.spec.encrypted_data if isinstance(sealed, SealedSecret) else None
    if not key or named is None or key in named:
        return ""
    return f"Whether {maker} would bring the key {key}: it does not name it."


def unmade(walker: Walker, edge: Edge, sign: Sign) -> Walk | None:
    """A Secret that is missing and has a maker that does not fail: its controller where that is down, else why is open."""
    for made in walker.graph.out(edge.target, "made-by"):
        health = walker.health(made.target)
        if health.state == "failing":
            continue
        walk = walker.walk(made.target) if health.state == "moving" else nowhere("")
        if walk.root is not None:
            return walk.after(made).after(edge)
        why = f": {walk.why}" if walk.why and not health.signs else ""
        shown = made.target if health.state == "moving" else edge.origin
        decides, captures = f"Why {made.target} has not made {edge.target}{why}.", {"secret": edge.target.name}
        root = Root(
            "secret-missing", shown, edge.target, sign.message or sign.reason, sign.at, "hypothesis", decides, captures
        )
        return Walk(root, (edge,) if shown == edge.origin else (edge, made))
    return None


def deployers(walker: Walker, edge: Edge) -> Iterator[Walk]:
    """Walks to the red releases that should have made a Service which does not exist."""
    for made in walker.graph.out(edge.target, "made-by") if edge.target.kind == "Service" else ():
        if walker.health(made.target).state != "fine":
            yield walker.walk(made.target).after(made).after(edge)
