"""`runs`, `show`, `replay`, `seal`, `check-seal`: what the archive holds, and whether it still is what it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runbook.cli.options import AllowWaived, Format, FormatOption, OutputsOption

if TYPE_CHECKING:
    from runbook.evidence import Run

RunArgument = Annotated[Path, typer.Argument(help="A run's folder, or its name below outputs/.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("runs", epilog="Examples: runbook runs · runbook runs --format json")(runs)
    app.command("show", epilog="Examples: runbook show 20251017-111558-beckerkube · runbook show RUN --format json")(
        show
    )
    app.command(
        "replay", epilog="Examples: runbook replay 20251017-111558-beckerkube · runbook replay RUN --format json"
    )(replay)
    app.command("seal", epilog="Examples: runbook seal RUN · runbook seal outputs/20251017-111558-beckerkube")(seal)
    app.command(
        "check-seal", epilog="Examples: runbook check-seal RUN · runbook check-seal 20251017-111558-beckerkube"
    )(check_seal)


def _locate(run: Path, outputs: Path | None) -> Path:
    from runbook.settings import outputs_dir

    if run.exists() or run.is_absolute():
        return run
    return outputs_dir(outputs) / run


def runs(outputs: OutputsOption = None, format: FormatOption = Format.TABLE) -> int:  # noqa: A002
    """List the recorded runs, newest first."""
    from runbook.cli.tables import write
    from runbook.display import Table, Talk
    from runbook.evidence import broken_runs, list_runs
    from runbook.settings import outputs_dir

    folder = outputs_dir(outputs)
    found = list_runs(folder)
    for path, why in broken_runs(folder):
        Talk().warning("runs", f"{path.name} cannot be read: {why}")
    table = Table(
        caption=f"Runs in {folder}",
        columns=("Run", "Cluster", "Verdict", "Stages", "Sealed"),
        rows=[(r.path.name, r.cluster, str(r.verdict), str(len(r.stages)), "yes" if r.sealed else "no") for r in found],
    )
    write(table, format, data=lambda: [r.as_json() for r in found])
    return 0


def show(
    run: RunArgument,
    outputs: OutputsOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
    allow_waived: AllowWaived = False,
) -> int:
    """Show one run: its stages, their verdicts and reports, and the steps kept with it. The exit code is the run's verdict."""
    from runbook.cli.stages import show_results
    from runbook.evidence import Run

    found = Run.load(_locate(run, outputs))
    for attempt in found.attempts():
        if attempt.recorded:
            attempt.read_result()  # a damaged record is one clear error, not an old verdict
    show_results(found.path, format)
    if format is Format.TABLE:
        _show_steps(found)
    _tell_open_acts(found)
    return found.verdict.exit_code(allow_waived=allow_waived)


def _show_steps(run: Run) -> None:
    """The steps at the first causes, as the page has them: of the last attempt of each stage that asked. Nothing is asked again."""
    from runbook.stage.closer import closer
    from runbook.stage.stages import STAGES

    asked = {a.stage: a for a in run.attempts() if a.recorded and STAGES[a.stage].asks}
    for attempt in asked.values():
        explanation = attempt.read_result().explanation
        steps = closer(attempt.snapshot(), explanation) if explanation is not None else None
        if steps is not None:
            typer.echo(f"\nSteps at the first causes, {attempt.path.name}\n\n{steps.text()}")


def _tell_open_acts(run: Run) -> None:
    """Acts that were begun and have no end: what a process that died left open, and what was found since."""
    from runbook.display import Talk
    from runbook.evidence.acts import open_acts, settled_acts

    settled = settled_acts(run)
    for attempt in run.attempts():
        for action in open_acts(attempt):
            found = settled.get(
                (attempt.path.name, action.id), "look at the object, or apply again: it is looked at first"
            )
            Talk().warning("show", f"{attempt.path.name}: {action.id} {action.name}: unknown whether done; {found}")


def replay(
    run: RunArgument,
    outputs: OutputsOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
) -> int:
    """Ask the recorded observations again, with no cluster, and compare with what was found then."""
    from runbook.cli.tables import write
    from runbook.display import Table
    from runbook.evidence import Run
    from runbook.stage import replay_attempts

    found = Run.load(_locate(run, outputs))
    attempts = replay_attempts(found)
    table = Table(
        caption=f"Replay of {found.path.name}",
        columns=("Stage", "Attempt", "Findings", "Differ"),
        rows=[(a.stage, str(a.attempt), str(a.findings), str(len(a.differences))) for a in attempts],
    )
    write(table, format, data=lambda: [a.as_json() for a in attempts])
    for attempt in attempts:
        for line in attempt.differences:
            typer.echo(f"{attempt.stage} attempt {attempt.attempt}: {line}")
    return 1 if any(a.differences for a in attempts) else 0


def seal(run: RunArgument, outputs: OutputsOption = None) -> int:
    """Seal a run that was interrupted, or was made by Lab or plain papermill."""
    from runbook.display import Talk
    from runbook.evidence import Run
    from runbook.evidence import seal as seal_run

    found = Run.load(_locate(run, outputs))
    files: Any = seal_run(found)
    Talk().success("sealed", f"{found.path}, {files} files")
    return 0


def check_seal(run: RunArgument, outputs: OutputsOption = None) -> int:
    """Prove a sealed run unchanged: exit 0, or 1 with every file that is altered, missing or added."""
    from runbook.display import Talk
    from runbook.evidence import Run
    from runbook.evidence import check_seal as check

    found = Run.load(_locate(run, outputs))
    problems = check(found)
    for problem in problems:
        typer.echo(problem)
    if not problems:
        Talk().success("check-seal", f"{found.path} is unchanged since it was sealed")
    return 1 if problems else 0
