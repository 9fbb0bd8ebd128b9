"""Several stages in one run: executed in order, each recorded, the run sealed when the last one ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook.display import Talk
from runbook.errors import DeadlineError, InterruptedRun
from runbook.evidence import Run, seal
from runbook.model import Verdict
from runbook.report import archive_index, attempted, run_index
from runbook.runner import StageOutcome, run_stage
from runbook.runner.stopping import undisturbed
from runbook.settings import outputs_dir


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run ended with: its folder, the worst verdict of the latest attempts, the process's exit code."""

    run_path: Path
    verdict: Verdict
    exit_code: int


# What ends a sequence at once: usage errors touch nothing more, an interrupt or a deadline stops everything.
_ENDS = (2, 124, 130, 143)


def run_stages(
    stages: Sequence[str],
    *,
    inventory: Path,
    outputs: Path | None,
    soak: str,
    kubeconfig: str | None,
    context: str | None,
    deadline: float | None,
    talk: Talk,
    allow_waived: bool,
) -> RunOutcome:
    """Run stages read-only, one after the other, in one new run. `deadline` is seconds for all of them together."""
    folder, began, run_path = outputs_dir(outputs), time.monotonic(), None
    outcome: StageOutcome | None = None
    for stage in stages:
        left = None if deadline is None else deadline - (time.monotonic() - began)
        try:
            if left is not None and left <= 0:
                raise DeadlineError(f"the deadline passed before {stage} began")
            outcome = run_stage(
                stage,
                inventory=inventory,
                outputs=folder,
                run=run_path,
                soak=soak,
                kubeconfig=kubeconfig,
                context=context,
                deadline=left,
                talk=talk,
                allow_waived=allow_waived,
            )
        except (DeadlineError, InterruptedRun, KeyboardInterrupt) as error:
            if run_path is None:
                raise
            outcome = between(error, talk)
        run_path = outcome.attempt_path.parent if outcome.attempt_path else run_path
        if outcome.exit_code in _ENDS:
            break
    assert outcome is not None
    return finish(run_path, outcome, folder, talk, allow_waived=allow_waived)


def between(error: BaseException, talk: Talk) -> StageOutcome:
    """What ended a run while no stage was there to record it: said here, and what was recorded before is sealed."""
    code = getattr(error, "exit_code", 130)
    talk.failure("runbook", str(error) or "stopped by Ctrl-C")
    return StageOutcome(int(code), Verdict.ERROR, None)


def finish(
    run_path: Path | None, last: StageOutcome, outputs: Path, talk: Talk, *, allow_waived: bool = False
) -> RunOutcome:
    """Make the run's index, seal it, renew the archive's page, and judge it by the latest attempt of each stage.

    A page that cannot be made is recorded and ends with exit 1; the run is sealed all the same.
    """
    if run_path is None:
        return RunOutcome(outputs, Verdict.ERROR, last.exit_code)
    with undisturbed():
        failed = attempted("index.html", lambda: run_index(run_path))
        run = Run.load(run_path)
        if failed:
            run.mark(report=failed)
        files = seal(run)
        talk.success("sealed", f"{run_path}, {files} files")
        failed = failed or attempted("the archive's index.html", lambda: archive_index(outputs))
    if failed:
        talk.failure("report", failed.partition(": ")[2])
    code = last.exit_code if last.exit_code in _ENDS else run.verdict.exit_code(allow_waived=allow_waived)
    pageless = [a for a in run.attempts() if not (a.path / "report.html").is_file()]
    return RunOutcome(run_path, run.verdict, 1 if (failed or pageless) and code not in _ENDS else code)
