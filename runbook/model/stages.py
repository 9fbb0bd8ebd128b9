"""Intended changes, and what one attempt of a stage ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from runbook.model.answers import Criterion, Finding
from runbook.model.explanation import Explanation
from runbook.model.objects import ObjectRef
from runbook.model.words import Verdict


@dataclass(frozen=True, slots=True)
class Action:
    """One intended change: why, what must still hold when it is done, and how a person would undo or type it.

    `outcome` is `planned`, then Ansible's changed · unchanged · failed · skipped. `requires` lists what stands in the
    way (a person's decision, a first cause that still stands); an action with any of them is shown and never done.
    """

    id: str
    kind: str
    object: ObjectRef
    reason: str
    undo: str
    command: str
    finding: str = ""
    precondition: str = ""
    blast_radius: str = ""
    requires: tuple[str, ...] = ()
    outcome: str = "planned"


@dataclass(frozen=True, slots=True)
class StageResult:
    """What one attempt of a stage ends with; result.json is this, and every report is made from it.

    `started` and `ended` are real UTC; `cluster_time` is the cluster's own clock at the last observation, and
    `time_scale` how many of its seconds pass in a real one (1 outside rehearsals).
    """

    stage: str
    attempt: int
    mode: str
    verdict: Verdict
    started: datetime
    ended: datetime
    cluster_time: datetime | None
    findings: tuple[Finding, ...]
    criteria: tuple[Criterion, ...]
    explanation: Explanation | None
    actions: tuple[Action, ...]
    redactions: Mapping[str, int] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    time_scale: float = 1.0
    notes: tuple[str, ...] = ()
    ended_as: Literal["recorded", "interrupted", "error", "deadline"] = "recorded"
    error: str = ""
