"""`runbook plan` and `runbook status`: stages of a real run, read-only."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from runbook.cli.options import (
    AllowWaived,
    ContextOption,
    Format,
    FormatOption,
    InventoryOption,
    KubeconfigOption,
    OutputsOption,
)


class StageName(StrEnum):
    """The stages that look at a cluster."""

    PREFLIGHT = "preflight"
    REGISTRY_TRUST = "registry-trust"
    CLEANUP = "cleanup"
    RECONCILE = "reconcile"
    VERIFY = "verify"
    DIAGNOSE = "diagnose"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "plan",
        epilog="Examples: runbook plan verify -i beckerkube.yaml · runbook plan preflight verify -i x.yaml --soak 5m",
    )(plan)
    app.command(
        "status", epilog="Examples: runbook status -i beckerkube.yaml · runbook status -i x.yaml --context staging"
    )(status)


def plan(
    stage: Annotated[list[StageName], typer.Argument(help="One or more stages, in order.", show_default=False)],
    inventory: InventoryOption,
    soak: Annotated[str, typer.Option("--soak", help="none, inventory, or a duration such as 5m.")] = "inventory",
    deadline: Annotated[str, typer.Option("--deadline", help="Give up after this long (exit 124), such as 30m.")] = "",
    outputs: OutputsOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
    allow_waived: AllowWaived = False,
) -> int:
    """Run stages read-only: observe, check, plan. Changes nothing in the cluster."""
    from runbook.display import Talk
    from runbook.domain.durations import seconds
    from runbook.errors import ParameterError
    from runbook.sequence import run_stages

    limit = seconds(deadline) if deadline else None
    if deadline and not limit:
        raise ParameterError(f"{deadline!r} is not a duration such as 30m", field="--deadline")
    outcome = run_stages(
        [s.value for s in stage],
        inventory=inventory,
        outputs=outputs,
        soak=soak,
        kubeconfig=kubeconfig,
        context=context,
        deadline=limit,
        talk=Talk(),
        allow_waived=allow_waived,
    )
    show_results(outcome.run_path, format)
    return outcome.exit_code


def status(
    inventory: InventoryOption,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    allow_waived: AllowWaived = False,
) -> int:
    """Show the 3 a.m. card: one terminal screen, read-only, nothing is recorded."""
    from runbook.display import Talk, card_text
    from runbook.stage import look

    result, run = look(inventory=inventory, kubeconfig=kubeconfig, context=context, talk=Talk())
    typer.echo(card_text(result, run))
    return result.verdict.exit_code(allow_waived=allow_waived)


def show_results(run_path: Path, format_: Format) -> None:
    """Write the latest attempt of each stage of a run to stdout."""
    from runbook.cli.tables import stages_table, write

    write(stages_table(run_path), format_, data=lambda: _run_data(run_path))


def _run_data(run_path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((run_path / "run.json").read_text())
    return data
