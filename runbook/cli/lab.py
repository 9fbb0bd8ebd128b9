"""`runbook lab`: JupyterLab on a private copy of the notebooks, for an inventory or on an embedded cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runbook.cli.options import ContextOption, KubeconfigOption, OptionalInventory, OutputsOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lab", epilog="Examples: runbook lab -i beckerkube.yaml · runbook lab --rehearse --scenario healthy")(
        lab
    )


def lab(
    inventory: OptionalInventory = None,
    rehearse: Annotated[bool, typer.Option("--rehearse", help="Open Lab on an embedded cluster of its own.")] = False,
    scenario: Annotated[str, typer.Option("--scenario", help="With --rehearse: which one.")] = "night",
    until: Annotated[str, typer.Option("--until", help="With --rehearse: the frame to stop at.")] = "",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of Lab; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    outputs: OutputsOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
) -> int:
    """Open JupyterLab on a private copy of the notebooks, so that no output lands in the repository."""
    from runbook.errors import ParameterError
    from runbook.labs import open_lab, open_rehearsal_lab

    if rehearse and inventory:
        raise ParameterError("choose one: an inventory, or --rehearse with its embedded cluster", field="--rehearse")
    if rehearse:
        return open_rehearsal_lab(scenario=scenario, until=until, port=port, browser=browser, outputs=outputs)
    path = Path(inventory) if inventory else None
    return open_lab(inventory=path, port=port, browser=browser, outputs=outputs, kubeconfig=kubeconfig, context=context)
