"""Runs a stage's notebook with papermill, and is honest about how that went: statuses, exit codes, what never ran."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.runner.acting import READ_ONLY, Acting
    from runbook.runner.environment import warm_kernels
    from runbook.runner.stages import StageOutcome, run_notebook, run_stage

_HOMES = {
    "READ_ONLY": "acting", "Acting": "acting", "StageOutcome": "stages", "run_notebook": "stages", "run_stage": "stages",
    "warm_kernels": "environment",
}  # fmt: skip

__all__ = ["READ_ONLY", "Acting", "StageOutcome", "run_notebook", "run_stage", "warm_kernels"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"runbook.runner.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'runbook.runner' has no attribute {name!r}")
