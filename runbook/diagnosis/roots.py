"""What a walk ends with: a root to repair, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from runbook.diagnosis.edge import Edge
from runbook.model import Hypothesis, NextAct, ObjectRef

_LONGEST = 60  # steps of a way that are kept, the nearest and the last ones: longer ones nobody reads
Proof = Literal["fact", "hypothesis"]


@dataclass(frozen=True, slots=True)
class Root:
    """The first thing that went wrong. Roots of one `cause` and one `fault` are one first cause.

    `object` is what people are shown, `fault` what is repaired: the workload of a pod, the Secret that is missing. `way` says
    what would tell whether the object that was walked from hangs on it at all: empty where that is proved. `next` is the act
    where what is at fault takes another than the catalogue's for this cause. `stale`: the message has not been repeated for longer
    than it would be, or its speaker is gone; such a root is a hypothesis.
    """

    cause: str
    object: ObjectRef
    fault: ObjectRef
    message: str
    at: datetime | None
    proof: Proof = "fact"
    decides: str = ""
    captures: Mapping[str, str] = field(default_factory=dict)
    way: str = ""
    next: NextAct | None = None
    stale: bool = False

    @property
    def only_way(self) -> bool:
        """Whether the root itself is proved, and only that somebody hangs on it is not."""
        return bool(self.way) and self.decides == self.way


@dataclass(frozen=True, slots=True)
class Walk:
    """From one failing object to its root along `path`, or `why` there is no root and what is possible instead.

    `at_work`: what it waits for is being worked at, so that nothing has failed yet.
    """

    root: Root | None
    path: tuple[Edge, ...] = ()
    why: str = ""
    hypotheses: tuple[Hypothesis, ...] = ()
    at_work: bool = False

    def after(self, edge: Edge) -> Walk:
        """The same walk begun one step earlier."""
        return replace(self, path=(edge, *self.path[-_LONGEST:]))

    @property
    def waits(self) -> bool:
        """Whether the way to the root goes over a dependsOn: then the object is blocked, not broken."""
        return any(edge.relation == "depends-on" for edge in self.path)


def doubted(walk: Walk, decides: str) -> Walk:
    """The walk as a hypothesis where something on its way is not proved; as it is where nothing is left to decide."""
    if walk.root is None or not decides:
        return walk
    own = walk.root.decides if walk.root.proof == "hypothesis" else decides
    return replace(walk, root=replace(walk.root, proof="hypothesis", decides=own, way=walk.root.way or decides))


def listed(refs: Iterable[ObjectRef]) -> str:
    """The first three by name, and how many more."""
    names = [str(r) for r in refs]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def nowhere(why: str, *hypotheses: Hypothesis) -> Walk:
    """A walk that found no root."""
    return Walk(None, (), why, hypotheses)


def better(walks: Iterable[Walk]) -> Walk | None:
    """The first walk that ends at a fact, else the first that ends at a hypothesis, else none."""
    guess: Walk | None = None
    for walk in walks:
        if walk.root is not None and walk.root.proof == "fact":
            return walk
        guess = guess or (walk if walk.root is not None else None)
    return guess
