"""`runbook execute`: a person's own notebooks, as papermill and nbconvert run and show them, in warm kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "execute",
        epilog="Examples: runbook execute report.ipynb --outputs done · "
        "runbook execute a.ipynb b.ipynb --outputs done -p day=2025-10-17 --no-html",
    )(execute)


def execute(
    notebooks: Annotated[list[Path], typer.Argument(metavar="NOTEBOOK...", help="Notebooks, run in this order.")],
    outputs: Annotated[Path, typer.Option("--outputs", help="Folder for what they put out.", show_default=False)],
    parameters: Annotated[
        list[str] | None, typer.Option("-p", metavar="NAME=TEXT", help="A parameter, a text. Repeatable.")
    ] = None,
    html: Annotated[bool, typer.Option("--html/--no-html", help="Make a page of each.")] = True,
) -> int:
    """Run any notebooks as papermill does, and make nbconvert's page of each.

    Exit 1 when one failed, 2 when one could not be run (it is said why, and the others are run all the same).
    """
    from runbook.display import Talk
    from runbook.errors import ParameterError
    from runbook.runner.executing import execute as run_all

    given = dict(p.split("=", 1) for p in parameters or () if "=" in p)
    if len(given) < len(parameters or ()):
        raise ParameterError("a parameter is given as NAME=TEXT, each name once", field="-p")
    return run_all(notebooks, outputs, given, html=html, talk=Talk()).exit_code
