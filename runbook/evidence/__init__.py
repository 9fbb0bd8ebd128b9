"""The run folder: what was seen, done and answered, redacted before it is written, sealed when it is over.

Everything is imported on first use: a kernel that only opens a run does not pay for reading archives.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.evidence.archive import broken_runs, find_joinable, list_runs
    from runbook.evidence.entries import FOLDERS, StageEntry
    from runbook.evidence.explanations import explanation_from_json, explanation_json
    from runbook.evidence.journal import Entry, Journal, read_journal
    from runbook.evidence.layout import Attempt, Run
    from runbook.evidence.leakgate import Leak, leak_gate, withhold
    from runbook.evidence.manifest import check_seal, seal
    from runbook.evidence.observations import Observed
    from runbook.evidence.redaction import Redactor, redact
    from runbook.evidence.replay import load_snapshot, observations_digest
    from runbook.evidence.results import result_from_json, result_json

_HOMES = {
    "Attempt": "layout", "Entry": "journal", "FOLDERS": "entries", "Journal": "journal", "Leak": "leakgate",
    "Observed": "observations", "Redactor": "redaction", "Run": "layout", "StageEntry": "entries",
    "broken_runs": "archive", "check_seal": "manifest", "explanation_from_json": "explanations",
    "explanation_json": "explanations", "find_joinable": "archive", "leak_gate": "leakgate", "list_runs": "archive",
    "load_snapshot": "replay", "observations_digest": "replay", "read_journal": "journal", "redact": "redaction",
    "result_from_json": "results", "result_json": "results", "seal": "manifest", "withhold": "leakgate",
}  # fmt: skip

__all__ = [
    "FOLDERS",
    "Attempt",
    "Entry",
    "Journal",
    "Leak",
    "Observed",
    "Redactor",
    "Run",
    "StageEntry",
    "broken_runs",
    "check_seal",
    "explanation_from_json",
    "explanation_json",
    "find_joinable",
    "leak_gate",
    "list_runs",
    "load_snapshot",
    "observations_digest",
    "read_journal",
    "redact",
    "result_from_json",
    "result_json",
    "seal",
    "withhold",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"runbook.evidence.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'runbook.evidence' has no attribute {name!r}")
