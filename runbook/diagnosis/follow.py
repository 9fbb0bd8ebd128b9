"""Where a waiting party points: the objects it named, or whatever fails below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from runbook.diagnosis import behind, gone, held, waits
from runbook.diagnosis.classify import Classification
from runbook.diagnosis.edge import Edge, Relates
from runbook.diagnosis.idle import idle
from runbook.diagnosis.roots import Walk, better, listed, nowhere
from runbook.diagnosis.signs import Sign
from runbook.diagnosis.spoken import NOT_READ
from runbook.domain import helmwords
from runbook.domain.durations import human
from runbook.domain.helm import HelmRelease, action_took
from runbook.model import Hypothesis, ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_STRUCTURAL = ("PersistentVolumeClaim", "Node", "Service", "Pod")
BELOW: tuple[Relates, ...] = ("hook", "applies", "owns")
_SAYS_WHO = {
    "crash-loop": NOT_READ,
    "probe-failing": "why it does not answer is not in what was observed",
}


def follow(walker: Walker, ref: ObjectRef, sign: Sign, meaning: Classification) -> Walk:
    """The walk along what one symptom points at."""
    if meaning.cause == "dependency-not-ready":
        return waits.dependency(walker, ref, sign, meaning)
    if meaning.cause == "source-not-ready":
        return waits.source(walker, ref, sign)
    if meaning.cause == "reconcile-in-progress":
        found = below(walker, ref) or idle(walker, ref)
        return found or nowhere("it is still working, and nothing below it fails")
    if ref.kind == "Pod":
        return structure(walker, ref) or _pod(walker, meaning)
    walk = _waiting(walker, ref, sign, meaning)
    return walk if walk.root is not None else nowhere(f"{walk.why}{_took(walker, ref, sign)}", *walk.hypotheses)


def below(walker: Walker, ref: ObjectRef) -> Walk | None:
    """The root of whatever fails below the object: hooks first, then what it deployed, then what it owns."""
    return better(_walks(walker, walker.graph.out(ref, *BELOW)))


def hook(walker: Walker, ref: ObjectRef, named: Iterable[ObjectRef]) -> Walk | None:
    """The root of a hook that an action, taken back since, waited for: its Job is there until the next one is made."""
    return better(_walks(walker, [Edge(ref, t, "hook", "its message") for t in named if t.kind == "Job"]))


def dull(walker: Walker, ref: ObjectRef) -> Walk:
    """No root below either: what the first failing object below says of itself, and what is possible there."""
    for edge in walker.graph.out(ref, *BELOW):
        if walker.health(edge.target).state != "fine":
            walk = walker.walk(edge.target)
            if walk.root is None and (walk.hypotheses or walker.health(edge.target).state == "failing"):
                why = walk.why if edge.target.kind == "ReplicaSet" else f"{edge.target}: {walk.why}"
                return nowhere(why, *walk.hypotheses)
    return nowhere("nothing at hand says why")


def live(walker: Walker, ref: ObjectRef) -> Walk | None:
    """Another live proof than the object's own words: something it deployed fails now, or needs what is not made."""
    return below(walker, ref) or structure(walker, ref)


def structure(walker: Walker, ref: ObjectRef) -> Walk | None:
    """Without words: a Secret that may hold it and that its maker cannot make, a claim, a node, a Service without pods."""
    edges = walker.graph.out(ref, "needs", "serves", "runs-on")
    made = (walk for edge, doubt in held.lacking(walker, ref) for walk in behind.makers(walker, edge, doubt))
    absent = (e for e in edges if walker.graph.absent(e.target) == "missing")
    deployed = (walk for edge in absent for walk in behind.deployers(walker, edge))
    red = (e for e in edges if e.target.kind in _STRUCTURAL and walker.health(e.target).state == "failing")
    ways = chain(_pods(walker, ref), red)
    return better(chain(made, deployed, (walker.walk(edge.target).after(edge) for edge in ways)))


def _pods(walker: Walker, ref: ObjectRef) -> Iterator[Edge]:
    """An edge to the first failing pod behind a Service: the others are not walked again for each Service."""
    for some in walker.graph.behind(ref):
        if (pod := walker.first_red(some)) is not None:
            yield Edge(ref, pod, "serves", some.proof)


def _walks(walker: Walker, edges: Iterable[Edge]) -> Iterator[Walk]:
    """Walks over edges to objects that are not fine; those that surely fail first."""
    order = {"failing": 0, "moving": 1}
    targets = [(order[s], n, e) for n, e in enumerate(edges) if (s := walker.health(e.target).state) != "fine"]
    return (walker.walk(edge.target).after(edge) for _, _, edge in sorted(targets, key=lambda t: t[:2]))


def _waiting(walker: Walker, ref: ObjectRef, sign: Sign, meaning: Classification) -> Walk:
    """Timeouts, failed hooks and health checks: the objects they name, else whatever fails below."""
    named = helmwords.waited_for(sign.message, ref.namespace)
    proof = "its message"
    there = [t for t in named if not walker.graph.absent(t) or t in walker.healths.heard]
    found = better(_walks(walker, [Edge(ref, t, "applies", proof) for t in there]))
    if found is not None:
        return found
    hook = helmwords.failure(sign.message) in ("hook-timeout", "hook-failed")
    standing = [t for t in there if walker.health(t).state != "fine"]
    if standing:
        why = walker.walk(standing[0])
        return nowhere(f"it waits for {standing[0]}: {why.why}", *why.hypotheses)
    untold = [t for t in there if not walker.healths.tells(t)]
    if untold:
        return nowhere(f"it waits for {listed(untold)}, whose own state is not in what was observed")
    if there and len(there) == len(named) and not hook:
        old = nowhere(f"its message is older than the state of what it names: {listed(there)} is ready now")
        return gone.taken_back(walker, ref, there, old, sign.at)
    if other := live(walker, ref):
        return other
    found = nowhere(_gone(walker, ref, sign, named, hook=hook), *_guesses(walker, meaning))
    job = next((t for t in named if t.kind == "Job" and walker.graph.absent(t)), None)
    if job is None:
        return found if named or hook else gone.taken_back(walker, ref, (), found, sign.at)
    left = gone.left(walker, job, found)
    return left.after(Edge(ref, job, "hook", proof)) if left.root is not None else left


def _gone(walker: Walker, ref: ObjectRef, sign: Sign, named: tuple[ObjectRef, ...], *, hook: bool) -> str:
    if hook:
        jobs = [e.target for e in walker.graph.out(ref, "hook")] or [t for t in named if t.kind == "Job"]
        running = [j for j in jobs if walker.health(j).state == "moving"]
        if running:
            return f"it waits for a hook that still runs, {listed(running)}, and nothing says that it cannot end"
        if any(not walker.graph.absent(j) for j in jobs):
            return f"its message speaks of a hook, and {listed(jobs)} has ended since"
        if not walker.index.looked("Job") and not walker.index.looked("Pod"):
            return "its message speaks of a hook, and neither Jobs nor pods were observed"
        return "its message speaks of a hook Job that is gone, and its pod and events with it"
    unseen = [t for t in named if not walker.index.looked(t.kind)]
    if unseen:
        return f"it waits for {listed(unseen)}, which was not observed"
    if named:
        return f"its message names objects that are gone or replaced since: {listed(named)}"
    if later := _made_since(walker, ref, sign):
        return f"its last message is older than the objects it speaks of ({later} was made since), and none of them fails now"
    if isinstance(walker.index.get(ref), HelmRelease):
        return "its last message is older than the state of what it deployed: nothing of that fails now"
    return "it only waits, and nothing below it fails now"


def _took(walker: Walker, ref: ObjectRef, sign: Sign) -> str:
    """How long an action that ran out of time was given: that it was all of it says that it waited to the end."""
    obj = walker.index.get(ref)
    if not isinstance(obj, HelmRelease) or helmwords.failure(sign.message) not in ("hook-timeout", "wait-timeout"):
        return ""
    took = action_took(obj)
    return f" (its {took[0]} took {human(took[1])} of {human(took[2])})" if took else ""


def _made_since(walker: Walker, ref: ObjectRef, sign: Sign) -> ObjectRef | None:
    """A pod below the object that was made after the message: what the message saw has been replaced."""
    below_, seen = [ref], {ref}
    while below_ and sign.at is not None:
        for edge in walker.graph.out(below_.pop(), *BELOW):
            obj = walker.index.get(edge.target)
            if obj is None or edge.target in seen:
                continue
            born = obj.metadata.creation_timestamp
            if edge.target.kind == "Pod" and born is not None and born > sign.at:
                return edge.target
            seen.add(edge.target)
            below_.append(edge.target)
    return None


def _guesses(walker: Walker, meaning: Classification) -> tuple[Hypothesis, ...]:
    cause = walker.catalogue.causes.get(meaning.cause)
    return (Hypothesis(cause.id, f"its message: {meaning.why}.", cause.decides),) if cause else ()


def _pod(walker: Walker, meaning: Classification) -> Walk:
    cause = walker.catalogue.causes[meaning.cause]
    why = f"{cause.title[0].lower()}{cause.title[1:]}: {_SAYS_WHO.get(cause.id, NOT_READ)}"
    return nowhere(why, Hypothesis(cause.id, f"{meaning.why}.", cause.decides))
