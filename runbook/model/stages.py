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

    `outcome` is `planned`, then Ansible's changed · unchanged · failed · skipped, or `unknown` when a request was sent
    and never answered; `said` is what came of it. `requires` lists what stands in the way (a first cause that still
    stands, a release in mid-action); an action with any of them is shown and never done. `asks` is a decision that only
    a person can take: it is done when the person consents to this very act by name. `uid` and `resource_version` are
    those of the object the plan looked at; `details` is what the act needs besides (a path, a fingerprint).
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
    said: str = ""
    asks: str = ""
    uid: str = ""
    resource_version: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a person consents to: `delete-pod Pod/ns/name`; it stays the same when the plan is made again."""
        return " ".join(filter(None, (self.kind, str(self.object), self.details.get("host", ""))))


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
