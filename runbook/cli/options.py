"""The options that mean the same in every command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

InventoryOption = Annotated[
    Path, typer.Option("--inventory", "-i", help="What should be true of the cluster (YAML).", show_default=False)
]
OptionalInventory = Annotated[
    Path | None, typer.Option("--inventory", "-i", help="What should be true of the cluster (YAML).")
]
OutputsOption = Annotated[
    Path | None,
    typer.Option("--outputs", help="Where runs are kept [RUNBOOK_OUTPUTS, else outputs/ beside the notebooks]."),
]
KubeconfigOption = Annotated[
    str | None, typer.Option("--kubeconfig", help="Kubeconfig file [KUBECONFIG, else ~/.kube/config].")
]
ContextOption = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig [its current one].")]


class Format(StrEnum):
    """How data is written to stdout."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


FormatOption = Annotated[Format, typer.Option("--format", help="How data is written to stdout.")]
AllowWaived = Annotated[bool, typer.Option("--allow-waived", help="Exit 0 instead of 4 when only waivers stand out.")]
