"""The objects that somebody names: found by any name of the kind, told when they are not red, refused when they are not there.

A name that nothing has is never answered with silence: at night silence reads as an all-clear.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from runbook.diagnosis.catalogue import Catalogue
from runbook.diagnosis.graph import Graph
from runbook.diagnosis.graph import build as build_graph
from runbook.diagnosis.index import build as build_index
from runbook.diagnosis.roots import Walk
from runbook.diagnosis.walk import Walker
from runbook.domain import kindnames
from runbook.domain.kinds import KINDS
from runbook.errors import MissingError, ObservationError, ParameterError
from runbook.model import Explained, Explanation, FirstCause, ObjectRef, Snapshot, Unexplained
from runbook.stage.calm import says, some

_FIELD = "[KIND/NAME]"
_NAMED = 5  # near names that are told


@dataclass(frozen=True, slots=True)
class Named:
    """One object that somebody named: whether it is red, and if not, what it says of itself."""

    object: ObjectRef
    red: bool
    says: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """KIND/NAME, KIND/NAMESPACE/NAME or KIND/NAME with a namespace beside it. `kinds` are those that KIND may mean."""

    kinds: tuple[str, ...]
    namespace: str
    name: str

    def means(self, ref: ObjectRef) -> bool:
        """Whether the object is meant; without a namespace in all of them."""
        return ref.kind in self.kinds and ref.name == self.name and self.namespace in ("", ref.namespace)


def only(
    snapshot: Snapshot, explanation: Explanation, text: str, namespace: str, catalogue: Catalogue | None = None
) -> tuple[Explanation, tuple[Named, ...]]:
    """The explanation of the named objects alone, and each of them.

    Raises ParameterError for what is no name or no kind, MissingError or ObservationError for what is not there.
    """
    network = build_graph(build_index(snapshot))
    every = dict.fromkeys(_every(network, explanation))
    question = _read(text, namespace, every)
    found = tuple(ref for ref in every if question.means(ref))
    if not found:
        _refuse(question, text, snapshot, every)
    for ref in found:
        explanation = _walked(network, explanation, ref, catalogue)
    causes = tuple(
        c for c in explanation.first_causes if c.object in found or any(e.object in found for e in c.explains)
    )
    left = tuple(u for u in explanation.unexplained if u.object in found)
    red = {r for c in causes for r in (c.object, *(e.object for e in c.explains))} | {u.object for u in left}
    named = tuple(Named(r, r in red, "" if r in red else says(network, snapshot, explanation, r)) for r in found)
    return dataclasses.replace(explanation, first_causes=causes, unexplained=left), named


def within(snapshot: Snapshot, explanation: Explanation, namespace: str) -> Explanation:
    """The explanation of one namespace: causes that stand or show there. Raises MissingError where nothing is in it."""
    spaces = {r.namespace for r in _every(build_graph(build_index(snapshot)), explanation)}
    if namespace not in spaces:
        near = get_close_matches(namespace, filter(None, spaces), n=_NAMED, cutoff=0.6)
        hint = f"Near it: {', '.join(near)}." if near else ""
        raise MissingError(f"namespace {namespace}", "nothing in it was observed", hint=hint)

    def here(cause: FirstCause) -> bool:
        return any(r.namespace == namespace for r in (cause.object, *(e.object for e in cause.explains)))

    left = tuple(u for u in explanation.unexplained if u.object.namespace == namespace)
    causes = tuple(c for c in explanation.first_causes if here(c))
    return dataclasses.replace(explanation, first_causes=causes, unexplained=left)


def _every(network: Graph, explanation: Explanation) -> Iterator[ObjectRef]:
    """All objects that have a name here: observed, only spoken of, unreadable, or missing and therefore a cause."""
    found = network.index
    yield from (*found.objects, *found.events, *found.probes)
    yield from (ref for ref, _ in found.snapshot.malformed)
    yield from (r for c in explanation.first_causes for r in (c.object, *(e.object for e in c.explains)))
    yield from (u.object for u in explanation.unexplained)


def _read(text: str, namespace: str, every: Iterable[ObjectRef]) -> Question:
    kind, _, rest = text.partition("/")
    space, _, name = rest.rpartition("/")
    if not kind or not name or "/" in space:
        raise ParameterError(f"{text!r} is not KIND/NAME", field=_FIELD, hint="As in po/web-0, or Pod/shop/web-0.")
    if space and namespace and space != namespace:
        raise ParameterError(f"{text!r} names the namespace {space}, and -n {namespace}", field=_FIELD)
    present = sorted({ref.kind for ref in every})
    kinds = kindnames.meant(kind, present)
    if not kinds:
        near = ", ".join(kindnames.near(kind, present))
        hint = f"Did you mean {near}?" if near else f"Kinds at hand: {', '.join(present)}."
        raise ParameterError(f"{kind!r} is no kind that is known here", field=_FIELD, hint=hint)
    return Question(kinds, namespace or space, name)


def _refuse(question: Question, text: str, snapshot: Snapshot, every: Iterable[ObjectRef]) -> NoReturn:
    """Why nothing has that name: it is elsewhere, its kind was not observed, or it is not there. With what is near."""
    kind = question.kinds[0]
    same = [ref for ref in every if ref.kind in question.kinds]
    elsewhere = _elsewhere(question, every)
    near = "" if elsewhere.startswith("One of") else _near(question, same)
    hint = " ".join(filter(None, (elsewhere, near)))
    where = f" in namespace {question.namespace}" if question.namespace else ""
    what = f"{kind}/{question.name}{where}"
    if kind in snapshot.gaps:
        raise ObservationError(
            what, f"not known: {snapshot.gaps[kind].what} were not observed: {snapshot.gaps[kind].why}", hint=hint
        )
    if not same and kind not in snapshot.objects:
        plural = KINDS[kind].plural if kind in KINDS else kind
        raise ObservationError(what, f"not known: no {plural} were looked at or are in the input", hint=hint)
    raise MissingError(what, "is not in the cluster" if snapshot.complete else "is not in the input", hint=hint)


def _elsewhere(question: Question, every: Iterable[ObjectRef]) -> str:
    """Where an object of that very name is: in another namespace, or of another kind."""
    same = sorted(ref for ref in every if ref.name == question.name)
    spaces = list(dict.fromkeys(r.namespace for r in same if r.kind in question.kinds))
    if spaces:
        return f"One of that name is in {some(spaces)}."
    others = [str(r) for r in same if r.kind != "Event" and question.namespace in ("", r.namespace)]
    return f"Of that name there is {some(others)}." if others else ""


def _near(question: Question, same: Iterable[ObjectRef]) -> str:
    """Names that are like it, or that it is a part of; those in the namespace first."""
    refs = sorted(same, key=lambda r: (question.namespace not in ("", r.namespace), r))
    names = list(dict.fromkeys(r.name for r in refs))
    close = get_close_matches(question.name, names, n=_NAMED, cutoff=0.6)
    parts = [n for n in names if question.name in n or n in question.name]
    near = list(dict.fromkeys((*close, *parts)))[:_NAMED]
    shown = [str(next(r for r in refs if r.name == n)) for n in near]
    return f"Near it: {', '.join(shown)}." if shown else ""


def _walked(network: Graph, explanation: Explanation, ref: ObjectRef, catalogue: Catalogue | None) -> Explanation:
    """With the object in it also where its kind is shown only by what hangs on it: a Service, a Deployment's ReplicaSet."""
    from runbook.diagnosis.catalogue import built_in

    known = {r for c in explanation.first_causes for r in (c.object, *(e.object for e in c.explains))}
    if ref in known or any(u.object == ref for u in explanation.unexplained) or network.index.get(ref) is None:
        return explanation
    walker = Walker(network, catalogue or built_in())
    if walker.health(ref).state != "failing":
        return explanation
    walk = walker.walk(ref)
    hit = next((c for c in explanation.first_causes if _ends_at(walk, c)), None)
    if hit is None:
        left = Unexplained(ref, walk.why or "it fails, and nothing at hand says why", walk.hypotheses)
        return dataclasses.replace(explanation, unexplained=(*explanation.unexplained, left))
    via = tuple(f"{edge.target} ({edge.relation}: {edge.proof})" for edge in walk.path)
    more = dataclasses.replace(hit, explains=(*hit.explains, Explained(ref, "caused-by", via)))
    causes = tuple(more if c is hit else c for c in explanation.first_causes)
    return dataclasses.replace(explanation, first_causes=causes)


def _ends_at(walk: Walk, cause: FirstCause) -> bool:
    root = walk.root
    if root is None or root.cause != cause.cause:
        return False
    return not {root.object, root.fault}.isdisjoint({cause.object, *(e.object for e in cause.explains)})
