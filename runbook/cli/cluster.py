"""`runbook rehearse` and `runbook cluster`: the night on the embedded cluster, and that cluster alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from runbook.cli.options import AllowWaived, Format, OutputsOption

ScenarioOption = Annotated[str, typer.Option("--scenario", help="A shipped scenario's name, or a folder of your own.")]
ScaleOption = Annotated[
    float, typer.Option("--time-scale", min=1, max=600, help="Seconds of the cluster that pass in a real one.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "rehearse",
        epilog="Examples: runbook rehearse · runbook rehearse --ending seed --time-scale 300",
    )(rehearse)
    app.command(
        "cluster",
        epilog="Examples: runbook cluster --kubeconfig kube.yaml · runbook cluster --person --until hooks-hang",
    )(cluster)


def rehearse(
    scenario: ScenarioOption = "night",
    time_scale: ScaleOption = 60,
    ending: Annotated[
        str,
        typer.Option(
            "--ending", help="healed: acts on proof. seed: read-only, as the night really ended. best: healed, or seed."
        ),
    ] = "best",
    outputs: OutputsOption = None,
    allow_waived: AllowWaived = False,
) -> int:
    """Live one night through on an embedded cluster and leave sealed reports. Needs no cluster; touches none."""
    from runbook.cli.stages import show_results
    from runbook.rehearse import rehearse as live

    outcome = live(scenario=scenario, time_scale=time_scale, ending=ending, outputs=outputs, allow_waived=allow_waived)
    show_results(outcome.run_path, Format.TABLE)
    return outcome.exit_code


def cluster(
    scenario: ScenarioOption = "night",
    time_scale: ScaleOption = 60,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 0,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Where to write a kubeconfig [the state folder].")
    ] = None,
    person: Annotated[bool, typer.Option("--person", help="Let the scenario's person act between frames.")] = False,
    until: Annotated[str, typer.Option("--until", help="With --person: stop the person at this frame.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="Name the shipped scenarios and end.")] = False,
) -> int:
    """Run only the embedded cluster, in the foreground, until Ctrl-C."""
    argv = [sys.executable, "-m", "runbook.rehearsal", "--scenario", scenario, "--time-scale", str(time_scale)]
    argv += ["--port", str(port)]
    argv += ["--kubeconfig", str(kubeconfig)] if kubeconfig else []
    argv += ["--person"] if person else []
    argv += ["--until", until] if until else []
    argv += ["--list"] if list_ else []
    process = subprocess.Popen(argv)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 0 if process.wait() in (0, 130, -2) else 1
