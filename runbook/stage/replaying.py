"""The recorded observations asked again, with no cluster: by a command over a whole run, or cell by cell by nbval."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook import actions
from runbook.errors import RunFolderError
from runbook.evidence import Attempt, Run
from runbook.evidence.acts import with_list_notes
from runbook.evidence.amendments import in_force
from runbook.inventory.load import InventoryFile
from runbook.model import StageResult
from runbook.stage.catalogues import kept_causes_of
from runbook.stage.identity import read_inventory
from runbook.stage.judging import Judged, judge
from runbook.stage.parameters import Parameters
from runbook.stage.setting import Setting
from runbook.stage.showing import differences
from runbook.stage.steps import Stage
from runbook.stage.telling import teller


@dataclass(frozen=True, slots=True)
class Replayed:
    """One attempt asked again: how many findings, and where they differ from the record."""

    stage: str
    attempt: int
    findings: int
    differences: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "stage": self.stage,
            "attempt": self.attempt,
            "findings": self.findings,
            "differences": list(self.differences),
        }


def replay_attempts(run: Run) -> list[Replayed]:
    """Judge every recorded attempt of a run anew. A look back recorded no observation and is left out.

    Raises RunFolderError when an attempt's record cannot be read.
    """
    return [
        _replay(run, attempt)
        for attempt in run.attempts()
        if attempt.stage != "retrospective" and attempt.recorded and (attempt.path / "observations").is_dir()
    ]


def _replay(run: Run, attempt: Attempt) -> Replayed:
    recorded = attempt.read_result()
    if recorded.ended_as != "recorded":
        return Replayed(attempt.stage, attempt.number, len(recorded.findings), ())
    file = kept_inventory(run, recorded.started)
    judged = judge(
        attempt.stage,
        attempt.snapshot(),
        file.inventory,
        today=recorded.started.date(),
        operator=str(run.facts["who"]),
        catalogue=kept_causes_of(file).catalogue,
    )
    again = _result(judged, recorded, attempt, file)
    return Replayed(attempt.stage, attempt.number, len(judged.findings), tuple(differences(recorded, again)))


def kept_inventory(run: Run, when: datetime) -> InventoryFile:
    """The inventory as it was kept with the run, read as of the night: a waiver that ran out since still counts."""
    path = run.path / in_force(run, when)[0]
    if not path.is_file():
        raise RunFolderError(f"{run.path} holds no {path.name}, so what should have been true is not known")
    return read_inventory(str(path), today=when.astimezone(UTC))


def _result(judged: Judged, recorded: StageResult, attempt: Attempt, file: InventoryFile) -> StageResult:
    asked = (recorded.stage, judged.snapshot, judged.findings, judged.explanation, file.inventory)
    planned = actions.notes(recorded.stage, judged.snapshot, file.inventory)
    acted = recorded.mode == "apply"  # what was done is no answer that could be worked out again
    fresh = StageResult(
        stage=recorded.stage,
        attempt=recorded.attempt,
        mode=recorded.mode,
        verdict=judged.verdict,
        started=recorded.started,
        ended=recorded.ended,
        cluster_time=judged.snapshot.observed_at,
        findings=judged.findings,
        criteria=judged.criteria,
        explanation=judged.explanation,
        actions=recorded.actions if acted else actions.plan(*asked),
        notes=recorded.notes if acted else with_list_notes(planned, attempt.journal),
    )
    return _adjusted(fresh, recorded)


def replayed_stage(asked: Parameters) -> Stage:
    """The stage a sealed notebook held, standing on its own record: the notebook's folder, or RUNBOOK_REPLAY's."""
    named = os.environ.get("RUNBOOK_REPLAY", "")
    folder = Path(named) if Path(named).is_absolute() else Path.cwd()
    run = Run.load(folder.parent)
    attempt = next((a for a in run.attempts(asked.stage) if a.path.name == folder.name), None)
    if attempt is None:
        raise RunFolderError(f"{folder} is not an attempt of {asked.stage}", hint="Set RUNBOOK_REPLAY to its folder.")
    recorded = attempt.read_result()
    file = kept_inventory(run, recorded.started)
    who, how = str(run.facts["who"]), "replay"
    setting = Setting(asked, file, run, attempt, recorded.started, how, who, teller(how), kept_causes_of(file))
    return Stage(setting)


def _adjusted(result: StageResult, recorded: StageResult) -> StageResult:
    """A replayed result with the times, cuts and figures of the night, so that only answers are compared."""
    return replace(
        result,
        started=recorded.started,
        ended=recorded.ended,
        timings=recorded.timings,
        redactions=recorded.redactions,
        time_scale=recorded.time_scale,
        attempt=recorded.attempt,
    )
