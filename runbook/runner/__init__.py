"""Runs a stage's notebook with papermill, and is honest about how that went: statuses, exit codes, what never ran."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.runner.stages import READ_ONLY, Acting, StageOutcome, run_notebook, run_stage

_HOMES = dict.fromkeys(("READ_ONLY", "Acting", "StageOutcome", "run_notebook", "run_stage"), "stages")

__all__ = ["READ_ONLY", "Acting", "StageOutcome", "run_notebook", "run_stage"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"runbook.runner.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'runbook.runner' has no attribute {name!r}")
