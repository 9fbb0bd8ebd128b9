"""`runbook plan`, `apply`, `run` and `status`: stages of a real run; only `--confirm` lets one act."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from runbook.runner import Acting


class StageName(StrEnum):
    """The stages that look at a cluster."""

    PREFLIGHT = "preflight"
    REGISTRY_TRUST = "registry-trust"
    CLEANUP = "cleanup"
    RECONCILE = "reconcile"
    VERIFY = "verify"
    DIAGNOSE = "diagnose"


SoakOption = Annotated[str, typer.Option("--soak", help="none, inventory, or a duration such as 5m.")]
DeadlineOption = Annotated[str, typer.Option("--deadline", help="Give up after this long (exit 124), such as 30m.")]
StagesArgument = Annotated[list[StageName], typer.Argument(help="One or more stages, in order.", show_default=False)]
ConsentOption = Annotated[
    list[str] | None,
    typer.Option("--consent", help="An act that waits for a person's decision, as the plan names it. Repeatable."),
]
WaitOption = Annotated[str, typer.Option("--wait", help="How long Flux's answers are waited for.")]
LeaseOption = Annotated[
    bool, typer.Option("--without-lease", help="Act although another operator may act, or no Lease may be written.")
]
ALL = (StageName.PREFLIGHT, StageName.REGISTRY_TRUST, StageName.CLEANUP, StageName.RECONCILE, StageName.VERIFY)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "plan",
        epilog="Examples: runbook plan verify -i beckerkube.yaml · runbook plan preflight verify -i x.yaml --soak 5m",
    )(plan)
    app.command(
        "apply",
        epilog="Examples: runbook apply cleanup -i x.yaml --confirm beckerkube · "
        'runbook apply cleanup -i x.yaml --confirm beckerkube --consent "delete-pod Pod/shop/migrate-1"',
    )(apply)
    app.command("run", epilog="Examples: runbook run -i beckerkube.yaml · runbook run -i x.yaml --confirm beckerkube")(
        run
    )
    app.command(
        "status", epilog="Examples: runbook status -i beckerkube.yaml · runbook status -i x.yaml --context staging"
    )(status)


def plan(
    stage: StagesArgument,
    inventory: InventoryOption,
    soak: SoakOption = "inventory",
    deadline: DeadlineOption = "",
    outputs: OutputsOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
    allow_waived: AllowWaived = False,
) -> int:
    """Run stages read-only: observe, check, plan. Changes nothing in the cluster."""
    where = Where(inventory, outputs, kubeconfig, context)
    return _ran(stage, where, soak, deadline, format, allow_waived)


def apply(
    stage: StagesArgument,
    inventory: InventoryOption,
    confirm: Annotated[str, typer.Option("--confirm", help="The cluster's name, as the inventory has it.")],
    consent: ConsentOption = None,
    wait: WaitOption = "30m",
    without_lease: LeaseOption = False,
    soak: SoakOption = "inventory",
    deadline: DeadlineOption = "",
    outputs: OutputsOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
    allow_waived: AllowWaived = False,
) -> int:
    """Run stages that may act: what the plan proves necessary is captured, journalled, done and measured again."""
    from runbook.runner import Acting

    where = Where(inventory, outputs, kubeconfig, context)
    acting = Acting(_confirmed(confirm), ", ".join(consent or ()), wait, without_lease)
    return _ran(stage, where, soak, deadline, format, allow_waived, acting)


def run(
    inventory: InventoryOption,
    confirm: Annotated[str, typer.Option("--confirm", help="The cluster's name, to act; without it only plan.")] = "",
    consent: ConsentOption = None,
    wait: WaitOption = "30m",
    without_lease: LeaseOption = False,
    soak: SoakOption = "inventory",
    deadline: DeadlineOption = "",
    outputs: OutputsOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
    allow_waived: AllowWaived = False,
) -> int:
    """Run preflight, registry-trust, cleanup, reconcile, verify, and diagnose when red. A red stage ends the writing."""
    from runbook.runner import Acting

    where = Where(inventory, outputs, kubeconfig, context)
    acting = Acting(confirm, ", ".join(consent or ()), wait, without_lease)
    return _ran(ALL, where, soak, deadline, format, allow_waived, acting, when_red=("diagnose",))


@dataclass(frozen=True, slots=True)
class Where:
    """Of which cluster, by which way, into which folder."""

    inventory: Path
    outputs: Path | None
    kubeconfig: str | None
    context: str | None


def _ran(
    stages: Sequence[StageName],
    where: Where,
    soak: str,
    deadline: str,
    format_: Format,
    allow_waived: bool,
    acting: Acting | None = None,
    *,
    when_red: Sequence[str] = (),
) -> int:
    from runbook.runner import READ_ONLY, warm_kernels

    with warm_kernels(*stages):  # its parent process imports while this one does
        from runbook.display import Talk
        from runbook.domain.durations import seconds
        from runbook.errors import ParameterError
        from runbook.sequence import run_stages

        limit = seconds(deadline) if deadline else None
        if deadline and not limit:
            raise ParameterError(f"{deadline!r} is not a duration such as 30m", field="--deadline")
        outcome = run_stages(
            [s.value for s in stages],
            inventory=where.inventory,
            outputs=where.outputs,
            soak=soak,
            kubeconfig=where.kubeconfig,
            context=where.context,
            deadline=limit,
            talk=Talk(),
            allow_waived=allow_waived,
            acting=acting or READ_ONLY,
            when_red=when_red,
        )
        show_results(outcome.run_path, format_)
        return outcome.exit_code


def _confirmed(confirm: str) -> str:
    from runbook.errors import ParameterError

    if not confirm:
        raise ParameterError("to apply, the cluster's name must be typed, as the inventory has it", field="--confirm")
    return confirm


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
