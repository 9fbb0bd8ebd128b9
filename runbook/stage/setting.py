"""Where one attempt of a stage stands: everything its steps need and never change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runbook.evidence import Attempt, Run
from runbook.inventory.load import InventoryFile
from runbook.stage.catalogues import Causes
from runbook.stage.identity import Reached
from runbook.stage.parameters import Parameters
from runbook.stage.telling import Teller


@dataclass(frozen=True)
class Setting:
    """Where a stage stands: what was asked, of which cluster, into which run."""

    asked: Parameters
    file: InventoryFile
    run: Run
    attempt: Attempt
    started: datetime
    how: str
    who: str
    talk: Teller
    causes: Causes
    reached: Reached | None = None
