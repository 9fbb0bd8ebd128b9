"""What the catalogue holds: causes with their signatures, recognisers of peers, faults and calm, and who may say weak words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from runbook.diagnosis.patterns import Pattern
from runbook.model import NextAct

Layer = Literal[
    "registry", "source", "flux", "secrets", "helm", "admission", "cluster", "workload", "scheduling", "storage", "node"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signature:
    """One way a cause shows. All that is given must hold; `by` and `versions` are who writes it, for people.

    What shows by an exit code alone is a hypothesis: any program may end with any code.

    `weak` words are others' too: they prove only in the mouth of the cluster's software (`Stack`).
    """

    by: str
    pattern: Pattern | None
    peers: frozenset[str]
    faults: frozenset[str]
    kinds: frozenset[str]
    reasons: frozenset[str]
    unless: Pattern | None
    rank: int
    weak: bool = False
    bound: bool = True  # whether anything but words is asked for
    exit_codes: frozenset[int] = frozenset()
    versions: str = ""

    @property
    def who(self) -> str:
        """Who writes it, with the versions that do where others word it differently; empty where anybody may."""
        return f"{self.by} {self.versions}".strip()


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause or symptom. `hypothesis` marks causes that no text alone can prove; `over` those it is a special case of."""

    id: str
    title: str
    layer: str
    role: str
    stage: str
    meaning: str
    signatures: tuple[Signature, ...]
    captures: tuple[str, ...]
    next: NextAct
    decides: str
    docs: str
    hypothesis: bool = False
    over: frozenset[str] = frozenset()
    structure: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A peer, a fault or a calm: its name, its words, and the kinds or reasons that say it without words."""

    id: str
    pattern: Pattern
    kinds: frozenset[str]
    reasons: frozenset[str]
    unless: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """Who speaks for the cluster's software: objects of the kinds of a cause's layer, and whoever uses its words."""

    kinds: Mapping[str, frozenset[str]]
    pattern: Pattern

    def speaks(self, layer: str, kind: str, lowered: str) -> bool:
        """Whether it is not just any program's log."""
        return kind in self.kinds.get(layer, ()) or self.pattern.holds(lowered)
