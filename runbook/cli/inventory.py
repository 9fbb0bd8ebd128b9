"""`runbook inventory init|check|pin|amend`: what should be true of a cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from runbook.cli.options import ContextOption, InventoryOption, KubeconfigOption, OutputsOption

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What should be true of a cluster: start one, validate one, pin one after a rebuild.",
    epilog="Examples: runbook inventory check -i beckerkube.yaml · runbook inventory pin -i beckerkube.yaml",
)


@app.command("init", epilog="Examples: runbook inventory init > my.yaml · runbook inventory init --context staging")
def init(
    name: Annotated[str, typer.Option("--name", help="The cluster's name [the context's].")] = "",
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> int:
    """Write a starter inventory of the live cluster to stdout: what is there, and what a person must decide."""
    from runbook.display import Talk
    from runbook.inventory.starter import starter
    from runbook.stage import observe_for_inventory

    snapshot, server, context_name = observe_for_inventory(kubeconfig=kubeconfig, context=context, talk=Talk())
    typer.echo(starter(snapshot, name=name or context_name, context=context_name, uid=server.uid))
    return 0


@app.command(
    "check", epilog="Examples: runbook inventory check -i my.yaml · runbook inventory check --inventory x.yaml"
)
def check(inventory: InventoryOption) -> int:
    """Validate an inventory: exit 0, or 2 with the path of what cannot be meant."""
    from runbook.display import Talk
    from runbook.inventory.load import load
    from runbook.stage import catalogue_of

    found = load(inventory, today=datetime.now(UTC).date())
    catalogue_of(found)  # a bad file of causes is said now, and not in the night
    parts = found.inventory
    Talk().success(
        "inventory",
        f"{parts.cluster.name}: {len(parts.releases)} releases, {len(parts.services)} services, "
        f"{len(parts.criteria)} criteria, {len(parts.waivers)} waivers, UID {parts.cluster.uid or 'not pinned'}",
    )
    return 0


@app.command("pin", epilog="Examples: runbook inventory pin -i my.yaml · runbook inventory pin -i my.yaml --yes")
def pin(
    inventory: InventoryOption,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write the change; without it only the diff is shown.")] = False,
) -> int:
    """After a rebuild: show the old and the new cluster, and write the new UID as a visible diff."""
    from runbook.display import Talk
    from runbook.inventory.load import load
    from runbook.inventory.pin import pinned
    from runbook.stage import observe_for_inventory

    talk = Talk()
    found = load(inventory, today=datetime.now(UTC).date())
    snapshot, server, _ = observe_for_inventory(
        kubeconfig=kubeconfig,
        context=context or found.inventory.cluster.context or None,
        resolve=found.inventory.resolve,
        talk=talk,
    )
    change = pinned(found, uid=server.uid, snapshot=snapshot)
    for line in change.describe():
        talk.action("pin", line)
    typer.echo(change.diff, nl=False)
    if not change.diff:
        talk.success("pin", "the inventory already pins this cluster")
    elif yes:
        _replace(Path(found.path), change.text)
        talk.generate("pin", f"{found.path}")
    else:
        talk.warning("pin", "nothing written; repeat with --yes to write this change")
    return 0


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


@app.command(
    "amend",
    epilog='Examples: runbook inventory amend RUN -i my.yaml --why "the agents are not deployed any more" · '
    'runbook inventory amend 20251017-111558-beckerkube -i x.yaml --why "ticket OPS-1"',
)
def amend(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its name below outputs/.", show_default=False)],
    inventory: InventoryOption,
    why: Annotated[str, typer.Option("--why", help="Why something else should be true now; kept with the diff.")],
    outputs: OutputsOption = None,
) -> int:
    """Take an edited inventory into a run that is under way; the diff, who and why become part of the record."""
    from runbook.display import Talk
    from runbook.settings import outputs_dir
    from runbook.stage import amend_inventory, located

    diff = amend_inventory(located(str(run), outputs_dir(outputs)), inventory, why=why)
    if diff is None:
        Talk().success("amend", "the run has this very inventory already")
        return 0
    typer.echo(diff.read_text(encoding="utf-8"), nl=False)
    Talk().success("amend", f"kept as {diff.name} in {diff.parent}")
    return 0
