"""The record of a stage that was stopped before its first cell could open one: the cluster was never asked."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from runbook.evidence import Attempt, Redactor, Run
from runbook.inventory.load import load
from runbook.stage.identity import who
from runbook.version import __version__


def open_unreached(stage: str, parameters: Mapping[str, str]) -> Attempt | None:
    """An attempt in the run that was to be joined, or in a new one without UID and server. None for a look back.

    Raises EvidenceError or UsageError when nothing can be recorded there.
    """
    if stage == "retrospective" or not parameters.get("inventory"):
        return None
    run = Run.load(Path(parameters["run"])) if parameters.get("run") else _opened(parameters)
    attempt = run.new_attempt(stage)
    attempt.journal.append("opened", stage, mode=parameters.get("mode", "plan"), cluster=run.cluster, reached=False)
    return attempt


def _opened(parameters: Mapping[str, str]) -> Run:
    file = load(Path(parameters["inventory"]), today=datetime.now(UTC).date())
    inventory = file.inventory
    run = Run.open(
        Path(parameters["outputs"]),
        cluster=inventory.cluster.name,
        uid="",
        server="",
        inventory_digest=file.digest,
        inventory_path=str(file.path),
        who=who(),
        how="runner",
        tool_version=__version__,
        time_scale=1.0,
        now=lambda: datetime.now(UTC),
        rehearsal=inventory.cluster.rehearsal,
        resolve=dict(inventory.resolve),
        ticket=inventory.ticket.model_dump(),
        versions={"python": platform.python_version()},
    )
    run.keep_inventory(Redactor().text(file.text))
    return run
