"""The verbs a notebook may use. What a step computes lies below; here its record becomes a page and passes the last gate."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, overload

from runbook.errors import EvidenceError
from runbook.evidence import Attempt, Run, leak_gate, withhold
from runbook.model import StageResult
from runbook.stage import LookBack, Stage, look_back
from runbook.stage import begin as begin_stage

# A private file of our runner: which attempt this kernel opened, and values that no file of the record may hold.
HANDOVER = "RUNBOOK_HANDOVER"


def begin(stage: str, **parameters: Any) -> Stage | LookBack:
    """Begin a stage: parameters checked, cluster identified, run opened or joined. Shows who, where and when.

    Raises UsageError (exit 2) before anything is touched.
    """
    if stage == "retrospective":
        return review(**parameters)
    opened = begin_stage(stage, finish=_finish_stage, **parameters)
    if opened.setting.how != "replay":
        _hand_over(opened.setting.attempt.path, ())
    return opened


def review(**parameters: Any) -> LookBack:
    """Begin a look back on a recorded run."""
    opened = look_back(finish=_finish_look_back, **parameters)
    _hand_over(opened.attempt.path, ())
    return opened


@overload
def record(stage: Stage) -> Any: ...
@overload
def record(stage: LookBack) -> Any: ...
def record(stage: Stage | LookBack) -> Any:
    """Record a stage; the same as its own `record`."""
    return stage.record()


def _finish_stage(stage: Stage, _result: StageResult) -> None:
    known = stage.observed.redactor.known if stage.observed is not None else ()
    _finish(stage.setting.attempt, stage.setting.how, known)


def _finish_look_back(stage: LookBack, _result: StageResult) -> None:
    _finish(stage.attempt, stage.how, ())


def _finish(attempt: Attempt, how: str, known: tuple[str, ...]) -> None:
    """Make the page and search what was written for secrets. Our runner does both, with the notebook in it, when we end."""
    if how == "runner":
        _hand_over(attempt.path, known)
        return
    _make_pages(attempt)
    leaks = leak_gate([attempt.path], known=known)
    if leaks:
        withheld = withhold(leaks)
        names = ", ".join(p.name for p in withheld)
        raise EvidenceError(
            f"{len(leaks)} secret(s) would have been recorded; withheld: {names}",
            hint=f"The kinds and lines stand beside them in {attempt.path}. The rest of the record is safe.",
        )


def _make_pages(attempt: Attempt) -> None:
    """Raises EvidenceError when a page cannot be made; what was recorded before is whole."""
    from runbook.report import archive_index, attempted, run_index, stage_report

    run = Run.load(attempt.run_path)
    failed = attempted("report.html", lambda: stage_report(attempt.path, run.as_json(), None))
    failed = failed or attempted("index.html", lambda: run_index(run.path))
    failed = failed or attempted("the archive's index.html", lambda: archive_index(run.path.parent))
    if failed:
        attempt.journal.append("failed", "report", why=failed)
        raise EvidenceError(failed, hint=f"The result and everything observed are safe in {attempt.path}.")


def _hand_over(attempt: Path, known: tuple[str, ...]) -> None:
    path = os.environ.get(HANDOVER)
    if path:
        Path(path).write_text(json.dumps({"attempt": str(attempt), "known": list(known)}), encoding="utf-8")
