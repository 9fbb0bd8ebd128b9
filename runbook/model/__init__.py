"""The vocabulary as frozen types: what a check answers, what a diagnosis says, what a stage ends with.

One word, one meaning: result words are OpenReports' (https://openreports.io), plan/apply are Terraform's,
changed/unchanged/failed/skipped are Ansible's. Nothing here reads a file, a clock or a cluster.
"""

from runbook.model.answers import Criterion, Finding, Tally, Waiver, verdict_of
from runbook.model.explanation import (
    Explained,
    Explanation,
    FirstCause,
    Hypothesis,
    NextAct,
    Relation,
    Step,
    Unexplained,
)
from runbook.model.objects import Gap, ObjectRef
from runbook.model.snapshot import NotObserved, Snapshot
from runbook.model.stages import Action, StageResult
from runbook.model.words import Result, Verdict

__all__ = [
    "Action",
    "Criterion",
    "Explained",
    "Explanation",
    "Finding",
    "FirstCause",
    "Gap",
    "Hypothesis",
    "NextAct",
    "NotObserved",
    "ObjectRef",
    "Relation",
    "Result",
    "Snapshot",
    "StageResult",
    "Step",
    "Tally",
    "Unexplained",
    "Verdict",
    "Waiver",
    "verdict_of",
]
