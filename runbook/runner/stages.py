"""One stage from the notebook in use to a recorded attempt, on a private copy, in a private folder."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook import errors
from runbook.domain.durations import human
from runbook.errors import DeadlineError, ParameterError, RunbookError
from runbook.evidence import Attempt
from runbook.evidence.entries import FOLDERS
from runbook.inventory.load import load
from runbook.model import StageResult, Verdict
from runbook.runner import libraries
from runbook.runner.acting import READ_ONLY, Acting
from runbook.runner.aftermath import EndedAs, kubeconfig_secrets, settle
from runbook.runner.environment import kernel_environment, warm_kernels
from runbook.runner.honesty import Ended, how_it_ended
from runbook.runner.relaying import relayed
from runbook.runner.stopping import WORDS, Stopper, stopped
from runbook.runner.unreached import open_unreached
from runbook.settings import notebooks_dir
from runbook.stage.parameters import PARAMETERS, check
from runbook.stage.stages import STAGES
from runbook.stage.telling import Teller


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """How a stage ended: the process's exit code, its verdict, and its attempt's folder (None: nothing was opened)."""

    exit_code: int
    verdict: Verdict
    attempt_path: Path | None


def run_stage(
    stage: str,
    *,
    inventory: Path,
    outputs: Path,
    run: Path | None = None,
    soak: str = "inventory",
    kubeconfig: str | None = None,
    context: str | None = None,
    deadline: float | None = None,
    talk: Teller,
    allow_waived: bool = False,
    acting: Acting = READ_ONLY,
) -> StageOutcome:
    """Run one stage's notebook to a recorded attempt; `acting` says whether it may change something, and on whose word.

    Raises UsageError and its kinds before a kernel starts, or when the first cell refused: nothing was touched. A stage
    that was opened always returns, whatever happened to it: red, broken, interrupted (130, 143), out of time (124).
    """
    if stage not in STAGES:
        raise ParameterError(f"{stage!r} is not a stage", field="STAGE", hint=f"Stages: {', '.join(STAGES)}")
    given = {
        "inventory": str(Path(inventory).expanduser().absolute()),
        "run": str(run.absolute()) if run else "",
        "outputs": str(Path(outputs).absolute()),
        "kubeconfig": str(Path(kubeconfig).expanduser().absolute()) if kubeconfig else "",
        "context": context or "",
        "soak": soak,
        "allow_waived": "yes" if allow_waived else "no",
        **acting.parameters(stage),
    }
    parameters = {k: v for k, v in given.items() if k in PARAMETERS[stage]}
    check(stage, parameters)
    if stage != "retrospective":
        load(Path(given["inventory"]), today=datetime.now(UTC).date())
    notebook = notebooks_dir() / f"{FOLDERS[stage]}.ipynb"
    return run_notebook(
        notebook,
        parameters,
        stage=stage,
        deadline=deadline,
        talk=talk,
        allow_waived=allow_waived,
        kubeconfig=kubeconfig,
    )


def run_notebook(
    notebook: Path,
    parameters: Mapping[str, str],
    *,
    stage: str,
    deadline: float | None = None,
    talk: Teller,
    allow_waived: bool = False,
    kubeconfig: str | None = None,
) -> StageOutcome:
    """Run a notebook as a stage. `run_stage` without the choice of the notebook; see there."""
    began, stopper = time.monotonic(), Stopper()
    with (
        stopper.watching(deadline),
        tempfile.TemporaryDirectory(prefix="runbook-", ignore_cleanup_errors=True) as name,
    ):
        folder = Path(name)
        talk.action(stage, STAGES[stage].question)
        with warm_kernels(stage):
            executed, crash = _execute(notebook, parameters, folder, stopper, talk)
        handover = _handed_over(folder)
        ended = how_it_ended(executed)
        ended_as, status, why = _classified(ended, stopper, crash)
        attempt = _attempt(handover.get("attempt", ""), stage)
        if attempt is None and stopper.reason:
            attempt = open_unreached(stage, parameters)
        if attempt is None:
            raise _refusal(ended, stopper, why)
        known = (*kubeconfig_secrets(kubeconfig), *handover.get("known", ()))
        if ended_as == "recorded" and not attempt.recorded:
            ended_as, why = "error", "the notebook ended without recording"
        after = settle(attempt, executed, ended, ended_as=ended_as, status=status, why=why, known=known)
    code = stopper.exit_code or (1 if after.error or after.result.ended_as == "error" else 0)
    code = code or after.result.verdict.exit_code(allow_waived=allow_waived)
    _tell(talk, attempt, after.result, time.monotonic() - began)
    return StageOutcome(code, after.result.verdict, attempt.path)


def _execute(
    notebook: Path, parameters: Mapping[str, str], folder: Path, stopper: Stopper, talk: Teller
) -> tuple[Any, str]:
    """The executed notebook, and how the kernel crashed (empty when it did not)."""
    libraries.load()
    import nbformat
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import execute_notebook
    from papermill.exceptions import PapermillExecutionError

    from runbook.runner.kernel import ENGINE, Session

    source, target = folder / "source.ipynb", folder / "executed.ipynb"
    source.write_bytes(_readable(notebook))
    if stopper.reason:  # stopped while all that was imported: no kernel is started any more
        return nbformat.read(source, as_version=4), ""  # type: ignore[no-untyped-call]
    session = Session(folder, kernel_environment(folder), stopped=lambda: bool(stopper.reason))
    crash = ""
    libraries.load_for_pages()
    with relayed(folder / "talk.jsonl", talk), stopper.holding(session.kernel_pid, lambda: session.begun):
        try:
            execute_notebook(
                str(source), str(target), parameters=dict(parameters), engine_name=ENGINE, kernel_name="python3",
                progress_bar=False, session=session,
            )  # fmt: skip
        except (PapermillExecutionError, KeyboardInterrupt):
            pass  # it stands in the notebook, or in the stopper
        except DeadKernelError:
            crash = "the kernel died"
        except (CellTimeoutError, RuntimeError, OSError) as error:
            crash = f"the kernel did not answer: {type(error).__name__}: {error}"[:500]
        finally:
            session.end()
    executed = target if target.is_file() else source
    return nbformat.read(executed, as_version=4), crash  # type: ignore[no-untyped-call]


def _readable(notebook: Path) -> bytes:
    try:
        return notebook.read_bytes()
    except OSError as error:
        raise RunbookError(f"{notebook} cannot be read: {error.strerror}", hint="Install runbook again.") from error


def _handed_over(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "handover.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _attempt(path: str, stage: str) -> Attempt | None:
    if not path:
        return None
    folder = Path(path)
    _, _, number = folder.name.partition("-attempt-")
    return Attempt(folder.parent, stage, int(number or 1))


def _classified(ended: Ended, stopper: Stopper, crash: str) -> tuple[EndedAs, str, str]:
    """How it ended, the status of the cell that was running, and why in words."""
    if stopper.reason and not ended.is_verdict:
        timed_out = stopper.reason == "deadline"
        return (
            ("deadline" if timed_out else "interrupted"),
            ("timed-out" if timed_out else "interrupted"),
            WORDS[stopper.reason],
        )
    if crash:
        return "error", "kernel-died", crash
    if ended.is_verdict or not ended.error:
        return "recorded", "completed", ""
    if ended.error == "SystemExit":
        return "error", "failed", f"a cell called sys.exit({ended.message}): the notebook ended without recording"
    return "error", "failed", f"{ended.error}: {ended.message}"


def _refusal(ended: Ended, stopper: Stopper, why: str) -> RunbookError:
    """The error of a stage that was never opened, as its own kind again, so that it ends with its own exit code."""
    if stopper.reason == "deadline":
        return DeadlineError("the deadline passed before anything was opened; nothing was touched")
    if stopper.reason:
        return stopped(stopper.reason)
    kind = getattr(errors, ended.error, None)
    message, _, hint = ended.message.partition("\n")
    if isinstance(kind, type) and issubclass(kind, errors.UsageError):
        return kind(message, hint=hint)
    return RunbookError(why or "the notebook ended before it opened a stage", hint="Nothing was touched.")


def _tell(talk: Teller, attempt: Attempt, result: StageResult, took: float) -> None:
    verdict, stage = result.verdict, attempt.stage
    if (attempt.path / "report.html").is_file():
        talk.generate(stage, f"{attempt.path / 'report.html'}")
    if result.error:
        talk.failure(stage, f"{result.error}, after {human(took)}")
    elif verdict is Verdict.PASS:
        talk.success(stage, f"pass, {human(took)}")
    else:
        say = talk.warning if verdict is Verdict.WAIVED else talk.failure
        say(stage, f"{'not evaluated' if verdict is Verdict.ERROR else verdict.value}, {human(took)}")
