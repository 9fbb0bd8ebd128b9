"""First causes of everything that is red. Every failing object stands under exactly one, or in *unexplained* with why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from runbook.diagnosis import graph, index
from runbook.diagnosis.acts import next_act
from runbook.diagnosis.blame import top_controller
from runbook.diagnosis.catalogue import Catalogue, built_in
from runbook.diagnosis.health import FLUX
from runbook.diagnosis.proofwords import proof_words
from runbook.diagnosis.roots import Root, Walk, nowhere
from runbook.diagnosis.walk import Walker
from runbook.domain.collecting import held_back
from runbook.domain.kinds import KINDS
from runbook.model import (
    Explained,
    Explanation,
    FirstCause,
    Gap,
    Hypothesis,
    ObjectRef,
    Relation,
    Snapshot,
    Unexplained,
)

if TYPE_CHECKING:
    from runbook.inventory.model import Inventory

_SHARED = ("Secret", "ConfigMap", "ReferenceGrant")
_LONGEST = 32_768
_ASKED = (
    "HelmRelease", "Kustomization", "HelmChart", "HelmRepository", "OCIRepository", "GitRepository", "SealedSecret", "Pod",
    "Job", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Event", "Node", "PersistentVolumeClaim", "Service",
    "EndpointSlice", "Ingress", "UnsealProbe",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Failing:
    object: ObjectRef
    walk: Walk


def explain(
    snapshot: Snapshot, inventory: Inventory | None = None, *, catalogue: Catalogue | None = None
) -> Explanation:
    """Walk each failing object of a snapshot to its first cause.

    `inventory` adds what declared endpoints may answer and which Service is behind them. `catalogue` is the built-in
    one unless the caller has extended it with users' files. Ages count from the snapshot's own time.
    """
    with held_back():
        return _explain(snapshot, inventory, catalogue or built_in())


def _explain(snapshot: Snapshot, inventory: Inventory | None, catalogue: Catalogue) -> Explanation:
    endpoints = {e.name: e for e in inventory.endpoints} if inventory else {}
    services = {name: e.service for name, e in endpoints.items() if e.service}
    opted = inventory.secrets_access.namespaces if inventory else ()
    network = graph.build(index.build(snapshot), services, opted)
    walker = Walker(network, catalogue, {name: tuple(e.status) for name, e in endpoints.items()})
    walks = [(ref, _walk(walker, ref, health.state)) for ref, health in walker.healths.members()]
    roots = [root for _, walk in walks if walk and (root := walk.root)]
    # What merely moves and is the first cause of others stands under it itself; a fact is kept rather than a guess.
    blamed = {root.object: root for root in sorted(roots, key=lambda r: r.proof == "fact")}
    failing = [_Failing(ref, walk or Walk(blamed[ref])) for ref, walk in walks if walk or ref in blamed]
    failing = [_in_doubt(walker, f, proved) for f in failing] if (proved := _proved(failing)) else failing
    failing += _held_up(walker, [ref for ref, walk in walks if walk is None and ref not in blamed], failing)
    explained = [f for f in failing if f.walk.root is not None]
    return Explanation(
        snapshot.observed_at,
        snapshot.cluster,
        _first_causes(walker, explained, snapshot.observed_at),
        tuple(Unexplained(f.object, f.walk.why, f.walk.hypotheses) for f in failing if f.walk.root is None),
        _not_evaluated(snapshot),
    )


def _walk(walker: Walker, ref: ObjectRef, state: str) -> Walk | None:
    """The object's walk; None for one that merely moves, or waits for such, and has no cause below it: it does not fail."""
    walk = walker.walk(ref)
    if walk.root is None and (state == "moving" or walk.at_work):
        return None
    return walk if walk.root is not None or walk.why else nowhere("nothing at hand says why")


def _held_up(walker: Walker, moving: Iterable[ObjectRef], failing: Iterable[_Failing]) -> list[_Failing]:
    """Of what merely comes up: workloads and Jobs of which a pod fails without a known cause, and what a release gave up waiting for."""
    lost = {f.object: f.walk for f in failing if f.walk.root is None}
    waited = {e.target for ref in lost if ref.kind in FLUX for e in walker.graph.out(ref, "applies", "hook")}
    waited |= {ref for made in waited for ref in _made_of(walker, made)}
    found = list[_Failing]()
    for ref in moving:
        if (pod := next((t for t in _made_of(walker, ref) if t in lost), None)) is not None:
            found.append(_Failing(ref, nowhere(f"{pod}: {lost[pod].why}", *lost[pod].hypotheses)))
        elif ref in waited and (walk := walker.walk(ref)).hypotheses:
            found.append(_Failing(ref, walk))
    return found


def _made_of(walker: Walker, ref: ObjectRef) -> Iterator[ObjectRef]:
    """A workload's ReplicaSets and pods."""
    for edge in walker.graph.out(ref, "owns"):
        yield edge.target
        yield from (e.target for e in walker.graph.out(edge.target, "owns"))


def _proved(failing: Iterable[_Failing]) -> frozenset[tuple[str, ObjectRef]]:
    return frozenset((r.cause, r.fault) for f in failing if (r := f.walk.root) is not None and r.proof == "fact")


def _in_doubt(walker: Walker, item: _Failing, proved: frozenset[tuple[str, ObjectRef]]) -> _Failing:
    """What may hang on a cause that is a fact of another object is left unexplained: the fact would be read as its own."""
    root = item.walk.root
    if root is None or not root.way or (root.cause, root.fault) not in proved:
        return item
    title = walker.catalogue.causes[root.cause].title
    why = f"it may hang on {root.object} ({title[0].lower()}{title[1:]}), and that is not proved"
    return _Failing(item.object, nowhere(why, Hypothesis(root.cause, f"{' → '.join(_via(item.walk))}.", root.way)))


def _first_causes(walker: Walker, explained: Iterable[_Failing], now: datetime) -> tuple[FirstCause, ...]:
    groups: dict[tuple[str, ObjectRef], list[_Failing]] = defaultdict(list)
    for item in explained:
        if item.walk.root is not None:
            groups[item.walk.root.cause, item.walk.root.fault].append(item)
    causes = [_first_cause(walker, items, now) for items in groups.values()]
    return tuple(sorted(causes, key=lambda c: (-len(c.explains), c.cause, c.object)))


def _first_cause(walker: Walker, items: list[_Failing], now: datetime) -> FirstCause:
    roots = sorted(
        (i.walk.root for i in items if i.walk.root is not None),
        key=lambda r: (r.proof != "fact", bool(r.way), r.object),
    )
    root = roots[0]
    shown = _shown(walker, roots)
    cause = walker.catalogue.causes[root.cause]
    times = [r.at for r in roots if r.at is not None]
    return FirstCause(
        root.cause,
        shown,
        root.proof,
        _bounded(root.message.strip()),
        tuple(Explained(i.object, _relation(i, shown), _via(i.walk)) for i in sorted(items, key=lambda i: i.object)),
        root.next or next_act(cause, shown, root.captures),
        max(0, round((now - max(times)).total_seconds())) if times else None,
        root.stale,
        root.decides,
        dict(root.captures),
        proof_words(root.message, root.cause, root.object.kind, walker.catalogue),
    )


def _bounded(message: str) -> str:
    """A message as it was said; one longer than the API allows a condition (32,768) is cut, and says so."""
    if len(message) <= _LONGEST:
        return message
    return f"{message[: _LONGEST // 2]} … {message[-1000:]} (cut: it has {len(message)} letters)"


def _shown(walker: Walker, roots: list[Root]) -> ObjectRef:
    """Who is named: the object at fault; what several workloads miss in common is named itself."""
    fault = roots[0].fault
    if fault.kind not in _SHARED:
        return roots[0].object
    return roots[0].object if len({top_controller(walker, r.object) for r in roots}) == 1 else fault


def _relation(item: _Failing, shown: ObjectRef) -> Relation:
    if item.object == shown:
        return "self"
    return "blocked-by" if item.walk.waits else "caused-by"


def _via(walk: Walk) -> tuple[str, ...]:
    return tuple(f"{edge.target} ({edge.relation}: {edge.proof})" for edge in walk.path)


def _not_evaluated(snapshot: Snapshot) -> tuple[Gap, ...]:
    asked = [kind for kind in dict.fromkeys((*_ASKED, *KINDS)) if kind in snapshot.gaps]
    malformed = [Gap(str(ref), f"could not be read: {why}") for ref, why in snapshot.malformed]
    return (*(snapshot.gaps[kind] for kind in asked), *malformed, *snapshot.left_out)


def as_json(explanation: Explanation) -> dict[str, object]:
    """The explanation in the shape of runbook/explanation/v1."""
    return {
        "schema": "runbook/explanation/v1",
        "observed_at": explanation.observed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cluster": explanation.cluster,
        "first_causes": [_cause_json(c) for c in explanation.first_causes],
        "unexplained": [
            {
                **_ref_json(u.object),
                "why": u.why,
                "hypotheses": [{"cause": h.cause, "because": h.because, "decides": h.decides} for h in u.hypotheses],
            }
            for u in explanation.unexplained
        ],
        "not_evaluated": [{"what": g.what, "why": g.why} for g in explanation.not_evaluated],
    }


def _cause_json(cause: FirstCause) -> Mapping[str, object]:
    body: dict[str, object] = {
        "cause": cause.cause,
        "object": _ref_json(cause.object),
        "proof": cause.proof,
        "message": cause.message,
        "age_seconds": cause.age_seconds,
        "stale": cause.stale,
        "explains": [{**_ref_json(e.object), "relation": e.relation, "via": list(e.via)} for e in cause.explains],
        "next": {"text": cause.next.text, "command": cause.next.command, "safe": cause.next.safe},
    }
    return {**body, "decides": cause.decides} if cause.proof == "hypothesis" else body


def _ref_json(ref: ObjectRef) -> dict[str, str]:
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
