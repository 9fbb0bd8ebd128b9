"""From a failing object to the first thing that went wrong.

An object's own current words come first; waiting parties point elsewhere; timeouts and exhausted retries are never
causes, they point below. Where the words are of another time than the state, there is no root, and it is said why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from runbook.diagnosis import blame, controllers, follow, gateways, gone, hearsay, nodes, volumes
from runbook.diagnosis.catalogue import Catalogue
from runbook.diagnosis.circles import Circles
from runbook.diagnosis.classify import Classification, classify
from runbook.diagnosis.coded import coded
from runbook.diagnosis.deadend import dead_end
from runbook.diagnosis.edges_network import Behind
from runbook.diagnosis.graph import Graph
from runbook.diagnosis.health import FLUX, Healths
from runbook.diagnosis.index import ENDPOINT
from runbook.diagnosis.registries import Registries
from runbook.diagnosis.roots import Root, Walk, better, doubted, nowhere
from runbook.diagnosis.signs import Health, Sign
from runbook.diagnosis.signs_workload import replaced_since
from runbook.diagnosis.spoken import spoken
from runbook.diagnosis.supplied import supplied
from runbook.diagnosis.tested import tested
from runbook.domain import helmwords
from runbook.domain.cluster import Node, PersistentVolumeClaim
from runbook.domain.custom import MAKERS, ROUTES
from runbook.domain.gateway import Gateway, Route
from runbook.domain.pods import Pod
from runbook.domain.workloads import Job
from runbook.model import Hypothesis, ObjectRef

_DEEPEST = 100
SECRET_MAKERS = ("SealedSecret", *MAKERS)
_BY_STRUCTURE = (ENDPOINT, "Ingress", "Service", *ROUTES)


class Walker:
    """Walks of one snapshot; each object is walked once."""

    def __init__(
        self, graph: Graph, catalogue: Catalogue, statuses: Mapping[str, tuple[int, ...]] | None = None
    ) -> None:
        self.graph = graph
        self.index = graph.index
        self.catalogue = catalogue
        self.healths = Healths(graph, statuses)
        self.controllers = controllers.Controllers(graph.index)
        self.circles = Circles(self)
        self.registries = Registries(graph.index)
        self._done: dict[ObjectRef, Walk] = {}
        self._under_way: list[ObjectRef] = []
        self._reds: dict[int, tuple[Behind, ObjectRef | None]] = {}

    def health(self, ref: ObjectRef) -> Health:
        """The object's own state; an object that is not there is fine, since nothing can be said of it."""
        return self.healths.of(ref)

    def walk(self, ref: ObjectRef) -> Walk:
        """The object's root, or why it has none. Cycles end where they close."""
        if not self._under_way and ref not in self._done:
            for first in reversed(self._waits_for(ref)):
                self._step(first)
        return self._step(ref)

    def attempt(self, ref: ObjectRef) -> Walk:
        """A walk on trial, in the middle of another: what it learned is kept only when it ends at a fact.

        Two programs that wait for each other make a circle, and where it closes depends on who is asked first.
        """
        done, reds = dict(self._done), dict(self._reds)
        found = self._step(ref)
        if found.root is None or found.root.proof != "fact":
            self._done, self._reds = done, reds
        return found

    def first_red(self, some: Behind) -> ObjectRef | None:
        """Of pods that serve together the one whose walk is best; asked once for all Services that share them."""
        if id(some) not in self._reds:
            red = [pod for pod in some.pods if self.health(pod).state == "failing"]
            best = better(walks := [self.walk(pod) for pod in red])
            found = next((pod for pod, walk in zip(red, walks, strict=True) if walk is best), None)
            self._reds[id(some)] = (some, found)  # kept, so that no other takes its id
        return self._reds[id(some)][1]

    def _waits_for(self, ref: ObjectRef) -> list[ObjectRef]:
        """The red dependencies below it, nearest first: walked from the far end, a chain of thousands is not deep."""
        found, waiting, seen = list[ObjectRef](), [ref], {ref}
        while waiting:
            for edge in self.graph.out(waiting.pop(), "depends-on"):
                if (
                    edge.target not in seen
                    and edge.target not in self._done
                    and self.health(edge.target).state != "fine"
                ):
                    seen.add(edge.target)
                    found.append(edge.target)
                    waiting.append(edge.target)
        return found

    def _step(self, ref: ObjectRef) -> Walk:
        if ref in self._done:
            return self._done[ref]
        if ref in self._under_way:
            circle = " → ".join(str(r) for r in [*self._under_way[self._under_way.index(ref) :], ref])
            return nowhere(f"it waits for itself: {circle}")
        if len(self._under_way) >= _DEEPEST:
            return nowhere(f"the chain below it is longer than {_DEEPEST} steps")
        self._under_way.append(ref)
        try:
            found = self._walk(ref)
        finally:
            self._under_way.pop()
        self._done[ref] = found
        return found

    def read(self, ref: ObjectRef, sign: Sign) -> Classification:
        """What a sign of this object means."""
        own = self.catalogue if self.catalogue.extra else None
        return classify(sign.message, reason=sign.reason, kind=ref.kind, catalogue=own)

    def _walk(self, ref: ObjectRef) -> Walk:
        health = self.health(ref)
        if ref in self.healths.heard:
            return hearsay.guessed(ref, self._by_words(ref, health))
        obj = self.index.get(ref)
        if obj is None and not self.healths.declared(ref):
            return nowhere("it is not in what was observed")
        if health.suspended and health.state != "fine":
            return follow.below(self, ref) or Walk(self._suspended(ref, health))
        if isinstance(obj, Node):
            return nodes.node(self, ref, health.signs)
        if isinstance(obj, Gateway):
            return gateways.gateway(self, ref, obj, health)
        if isinstance(obj, Route):
            return gateways.route(self, ref, obj, health)
        if ref.kind in _BY_STRUCTURE:
            return follow.structure(self, ref) or nowhere(dead_end(self.graph, ref, health))
        if health.state == "moving" and not health.signs and ref.kind in SECRET_MAKERS and obj is not None:
            return controllers.asleep(self, ref, obj.metadata.creation_timestamp) or nowhere("it has said nothing yet")
        if isinstance(obj, PersistentVolumeClaim) and (found := volumes.claim(self, ref, obj)):
            return found
        found = self._by_words(ref, health)
        if health.overdue is not None and found.root is None:
            late = controllers.asleep(self, ref, health.overdue.since, health.overdue.budget) or nowhere("")
            why = f"{health.overdue.why}; {late.why}" if late.why else health.overdue.why
            return late if late.root else nowhere(why, *late.hypotheses, *found.hypotheses)
        if isinstance(obj, Job) and health.state == "failing" and found.root is None:
            return gone.left(self, ref, found)
        if not isinstance(obj, Pod) or health.state != "failing":
            return found
        return doubted(tested(self, ref, coded(self, ref, spoken(self, ref, found))), replaced_since(obj, self.index))

    def _by_words(self, ref: ObjectRef, health: Health) -> Walk:
        current = [(s, self.read(ref, s)) for s in health.signs if not s.stale]
        causes = [(s, c) for s, c in current if c.role == "cause"]
        if causes:
            best = next(((s, c) for s, c in causes if c.cause != gone.LAST_RESORT), causes[0])
            return blame.blame(self, ref, *best)
        if health.signs and (stale := health.signs[0].stale):
            return follow.live(self, ref) or nowhere(stale, *self._stale_hypotheses(ref, health))
        symptoms = [(s, c) for s, c in current if c.role == "symptom"]
        if symptoms and (current[0][1].role != "unknown" or ref.kind not in FLUX):
            return self._symptoms(ref, symptoms)
        if health.state == "failing" and health.signs and (found := supplied(self, ref, health)):
            return found
        if ref.kind in SECRET_MAKERS and health.state == "failing" and (made := blame.unmade(self, ref, health)):
            return made
        if current and health.state == "failing" and helmwords.failure(current[0][0].message) == "remediated":
            gave_up = nowhere(_remediated([s for s, _ in current]), *self._guesses(symptoms))
            named = [target for s, _ in current for target in helmwords.waited_for(s.message, ref.namespace)]
            if left := follow.hook(self, ref, named):
                return left
            return gone.taken_back(self, ref, named, gave_up, current[0][0].at)
        if any(s.message for s, _ in current) and health.state == "failing":
            return nowhere(f"no known cause in its message: “{_short(current[0][0])}”")
        found = follow.below(self, ref) or follow.structure(self, ref) or nodes.silent(self, ref)
        if found is None and current and health.state == "failing":
            return nowhere(f"it says {_short(current[0][0])}, and not why")
        return found or follow.dull(self, ref)

    def _symptoms(self, ref: ObjectRef, symptoms: list[tuple[Sign, Classification]]) -> Walk:
        walks = []
        # That it gave up says nothing beside a text that says on what.
        telling = [(s, c) for s, c in symptoms if c.cause != "retries-exhausted"]
        for sign, meaning in telling or symptoms:
            walks.append(follow.follow(self, ref, sign, meaning))
            if found := better(walks):
                return found
        # The most telling reason is that of the first symptom that names something; the general one comes last.
        whys = [w for w in walks if w.why]
        first = whys[0] if whys else nowhere("nothing at hand says why")
        hypotheses = tuple(dict.fromkeys(h for w in walks for h in w.hypotheses))
        return replace(nowhere(first.why, *hypotheses), at_work=all(w.at_work for w in walks))

    def _guesses(self, symptoms: list[tuple[Sign, Classification]]) -> tuple[Hypothesis, ...]:
        known = [(self.catalogue.causes[meaning.cause], meaning) for _, meaning in symptoms]
        return tuple(
            Hypothesis(c.id, f"its message: {m.why}.", c.decides) for c, m in known if c.id != "retries-exhausted"
        )

    def _suspended(self, ref: ObjectRef, health: Health) -> Root:
        text = next((s.message for s in health.signs), "") or "spec.suspend is true"
        return Root("suspended", ref, ref, text, next((s.at for s in health.signs), None))

    def _stale_hypotheses(self, ref: ObjectRef, health: Health) -> tuple[Hypothesis, ...]:
        found = []
        for sign in health.signs:
            meaning = self.read(ref, sign)
            if meaning.role == "cause":
                cause = self.catalogue.causes[meaning.cause]
                found.append(Hypothesis(cause.id, f"its older message says so: “{_short(sign)}”.", cause.decides))
        return tuple(dict.fromkeys(found))


def _remediated(signs: list[Sign]) -> str:
    before = next((f" Before that: “{_short(s)}”" for s in signs[1:] if s.origin == "Released"), "")
    return f"what failed went with the remediation: “{_short(signs[0])}”.{before}"


def _short(sign: Sign) -> str:
    text = " ".join((sign.message or sign.reason).split())
    return text if len(text) <= 160 else f"{text[:157]}..."
