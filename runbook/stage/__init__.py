"""What a notebook holds: one stage of one run, stepped through. Orchestrates, and knows nothing of its own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.stage.amending import amend_inventory
    from runbook.stage.catalogues import catalogue_of
    from runbook.stage.identity import read_inventory
    from runbook.stage.lookback import LookBack, look_back
    from runbook.stage.looking import (
        look,
        observe_for_explanation,
        observe_for_inventory,
        recorded_catalogue,
        recorded_snapshot,
    )
    from runbook.stage.opening import begin, located
    from runbook.stage.parameters import PARAMETERS
    from runbook.stage.questions import ask_about
    from runbook.stage.replaying import Replayed, replay_attempts
    from runbook.stage.stages import STAGES
    from runbook.stage.steps import Stage

_HOMES = {
    "LookBack": "lookback", "PARAMETERS": "parameters", "Replayed": "replaying", "STAGES": "stages", "Stage": "steps",
    "amend_inventory": "amending", "catalogue_of": "catalogues", "begin": "opening", "located": "opening", "look": "looking", "look_back": "lookback", "observe_for_explanation": "looking",
    "observe_for_inventory": "looking", "read_inventory": "identity", "ask_about": "questions", "recorded_catalogue": "looking", "recorded_snapshot": "looking", "replay_attempts": "replaying",
}  # fmt: skip

__all__ = [
    "PARAMETERS",
    "STAGES",
    "LookBack",
    "Replayed",
    "Stage",
    "amend_inventory",
    "ask_about",
    "begin",
    "catalogue_of",
    "located",
    "look",
    "look_back",
    "observe_for_explanation",
    "observe_for_inventory",
    "read_inventory",
    "recorded_catalogue",
    "recorded_snapshot",
    "replay_attempts",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"runbook.stage.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'runbook.stage' has no attribute {name!r}")
