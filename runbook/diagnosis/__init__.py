"""From many reds to few first causes: a catalogue of causes, a classifier, a graph, an explanation. Pure."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.diagnosis.catalogue import Catalogue, built_in, load
    from runbook.diagnosis.causetypes import Cause
    from runbook.diagnosis.classify import Classification
    from runbook.diagnosis.explanation import as_json, explain

_HOMES = {
    "Catalogue": "catalogue", "Cause": "catalogue", "built_in": "catalogue", "load": "catalogue",
    "Classification": "classify", "as_json": "explanation", "explain": "explanation",
}  # fmt: skip

__all__ = ["Catalogue", "Cause", "Classification", "as_json", "built_in", "explain", "load"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"runbook.diagnosis.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'runbook.diagnosis' has no attribute {name!r}")
