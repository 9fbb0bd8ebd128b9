"""First causes: what to fix, what only waits, and what is not explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from runbook.model.objects import Gap, ObjectRef

Relation = Literal["self", "caused-by", "blocked-by"]


class Step(NamedTuple):
    """One step of a chain: the object it leads to, the edge that leads there, and the observation that proves the edge."""

    object: str
    edge: str = ""
    proof: str = ""

    @classmethod
    def parse(cls, text: str) -> Step:
        """Read `Kind/namespace/name (edge: proof)`; what is written otherwise is an object without an edge."""
        object_, opened, rest = text.partition(" (")
        if not opened or not rest.endswith(")"):
            return cls(text)
        return cls(object_, *rest[:-1].partition(": ")[::2])


@dataclass(frozen=True, slots=True)
class Explained:
    """A failing object and how it hangs on a first cause: `via` leads down to it, each step as `Step.parse` reads it."""

    object: ObjectRef
    relation: Relation
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NextAct:
    """What to do next: a sentence, the line a person could type (may be empty), and whether it only reads."""

    text: str
    command: str = ""
    safe: bool = False


@dataclass(frozen=True, slots=True)
class FirstCause:
    """What to fix. A `fact` is proved by an observation; a `hypothesis` names the check that would decide it.

    `stale`: nothing newer repeats the message; a hypothesis. `words` are those of a long message that proved it, as they stand
    there: whoever shortens it keeps them.
    """

    cause: str
    object: ObjectRef
    proof: Literal["fact", "hypothesis"]
    message: str
    explains: tuple[Explained, ...]
    next: NextAct
    age_seconds: int | None = None
    stale: bool = False
    decides: str = ""
    captures: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A cause that is possible, why it is thought of, and the check that would settle it."""

    cause: str
    because: str
    decides: str


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A failing object without a first cause, and why there is none."""

    object: ObjectRef
    why: str
    hypotheses: tuple[Hypothesis, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """First causes of everything that is red. `explains` of the causes and `unexplained` partition the failing objects."""

    observed_at: datetime
    cluster: str
    first_causes: tuple[FirstCause, ...]
    unexplained: tuple[Unexplained, ...]
    not_evaluated: tuple[Gap, ...]
