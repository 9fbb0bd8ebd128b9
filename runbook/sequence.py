"""Several stages in one run: executed in order, each recorded, the run sealed when the last one ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook.display import Talk
from runbook.errors import DeadlineError, InterruptedRun
from runbook.evidence import Attempt, Run, seal
from runbook.model import Result, Verdict
from runbook.report import archive_index, attempted, run_index
from runbook.runner import READ_ONLY, Acting, StageOutcome, run_stage
from runbook.runner.stopping import undisturbed
from runbook.settings import outputs_dir
from runbook.stage.parameters import ACTING_STAGES


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run ended with: its folder, the worst verdict of the latest attempts, the process's exit code."""

    run_path: Path
    verdict: Verdict
    exit_code: int


# What ends a sequence at once: usage errors touch nothing more, an interrupt or a deadline stops everything.
_ENDS = (2, 124, 130, 143)


# Stages of which a red one forbids the writes of those after it: what comes first was not done.
_GATES = ("preflight", "registry-trust", "cleanup", "reconcile")


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
    acting: Acting = READ_ONLY,
    when_red: Sequence[str] = (),
) -> RunOutcome:
    """Run stages one after the other in one new run. `deadline` is seconds for all of them together.

    A stage that is red or not evaluated takes the leave to write from those after it: they run in mode plan.
    `when_red` are stages run at the end when anything was red.
    """
    folder, began, run_path = outputs_dir(outputs), time.monotonic(), None
    outcome: StageOutcome | None = None
    waiting, red = list(stages), False
    while waiting:
        stage = waiting.pop(0)
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
                acting=acting,
            )
        except (DeadlineError, InterruptedRun, KeyboardInterrupt) as error:
            if run_path is None:
                raise
            outcome = between(error, talk)
        run_path = outcome.attempt_path.parent if outcome.attempt_path else run_path
        if outcome.exit_code in _ENDS:
            break
        failed = outcome.verdict not in (Verdict.PASS, Verdict.WAIVED)
        red = red or failed
        acting = _after(stage, outcome, acting, waiting, talk)
        if not waiting and red:
            waiting, when_red = [s for s in when_red if s not in stages], ()
    assert outcome is not None
    return finish(run_path, outcome, folder, talk, allow_waived=allow_waived)


def _after(stage: str, outcome: StageOutcome, acting: Acting, waiting: Sequence[str], talk: Talk) -> Acting:
    """What may still be written after this stage: a red one takes the leave, except for what those after it repair."""
    if not acting.confirm or stage not in _GATES or outcome.verdict in (Verdict.PASS, Verdict.WAIVED):
        return acting
    later = [s for s in waiting if s in ACTING_STAGES]
    if stage == "preflight" and outcome.attempt_path is not None and _is_repaired(outcome.attempt_path, later):
        talk.warning("run", "preflight is red for what the stages after it repair: they may act")
        return acting
    if later:
        talk.warning("run", f"{stage} did not pass, so {', '.join(later)} only plan(s): nothing more is changed")
    return READ_ONLY


def _is_repaired(attempt_path: Path, later: Sequence[str]) -> bool:
    """Whether each red answer of a preflight is also asked by an acting stage to come, and each was evaluated."""
    from runbook import checks

    repaired = {c.id for s in later for c in checks.of_stage(s)}
    result = Attempt(attempt_path.parent, "preflight", _number(attempt_path)).read_result()
    bad = [f for f in result.findings if f.result in (Result.FAIL, Result.ERROR)]
    return bool(bad) and all(f.result is Result.FAIL and f.check in repaired for f in bad)


def _number(path: Path) -> int:
    return int(path.name.partition("-attempt-")[2] or 1)


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
