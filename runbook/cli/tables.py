"""How commands write lists to stdout: a table for people, JSON for programs, Markdown for tickets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer

from runbook.cli.options import Format
from runbook.display import Table


def write(table: Table, format_: Format, *, data: Callable[[], Any]) -> None:
    """Write a table in the format asked for; `data` gives the JSON form."""
    if format_ is Format.JSON:
        typer.echo(json.dumps(data(), indent=2, ensure_ascii=False, sort_keys=True))
    elif format_ is Format.MARKDOWN:
        typer.echo(markdown(table))
    else:
        typer.echo(table.text())


def markdown(table: Table) -> str:
    """A GitHub-flavoured Markdown table; pipes in cells are escaped."""
    lines = [[str(c) for c in table.columns], ["---"] * len(table.columns)]
    lines += [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def stages_table(run_path: Path) -> Table:
    """The attempts of one run: stage, verdict, time taken, report."""
    run = json.loads((run_path / "run.json").read_text())
    return Table(
        caption=f"Run {run_path.name}",
        columns=("Stage", "Attempt", "Verdict", "Took", "Report"),
        rows=[_stage_row(run_path, stage) for stage in run["stages"]],
    )


def _stage_row(run_path: Path, stage: Mapping[str, Any]) -> tuple[str, ...]:
    from datetime import datetime

    took = ""
    if stage.get("ended") and stage.get("started"):
        span = datetime.fromisoformat(stage["ended"]) - datetime.fromisoformat(stage["started"])
        took = f"{span.total_seconds():.0f} s"
    report = run_path / stage["path"] / "report.html"
    return (stage["stage"], str(stage["attempt"]), stage.get("verdict") or "not ended", took, str(report))
