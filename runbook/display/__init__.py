"""Tables, figures, the card and the talk: the same content in a notebook, on a page, in a terminal and read aloud.

Nothing here reads a file, a clock or a cluster, and nothing here trusts a text that came from one. Everything is imported on
first use: a command that only talks does not pay for tables of causes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.display.blocks import Paragraph, Shown, Stack
    from runbook.display.causes import Ladder, first_causes
    from runbook.display.figure import Figure
    from runbook.display.lookback import (
        CauseMoves,
        TicketBlock,
        believed_table,
        follow_ups_table,
        impact_paragraph,
        retrospective_view,
    )
    from runbook.display.records import actions_table, redactions_table, timings_table, waivers_table
    from runbook.display.releases import pods_table, releases_table, versions_table
    from runbook.display.soak import soak_figure, soak_table
    from runbook.display.stagecard import Card, Seen, card, card_text
    from runbook.display.table import Cell, Column, Table
    from runbook.display.talk import Talk
    from runbook.display.timeline import timeline_figure, timeline_table
    from runbook.display.trust import anchors_table, certificates_table, look_alikes, trust_files, trust_matrix
    from runbook.display.views import (
        checks_table,
        criteria_table,
        criteria_tables,
        findings_table,
        gaps_table,
        provenance,
    )
    from runbook.display.words import Word, headline, word_of, word_of_verdict

_HOMES = {
    "Card": "stagecard", "CauseMoves": "lookback", "Cell": "table", "Column": "table", "Figure": "figure",
    "Ladder": "causes", "Paragraph": "blocks", "Seen": "stagecard", "Shown": "blocks", "Stack": "blocks",
    "Table": "table", "Talk": "talk", "TicketBlock": "lookback", "Word": "words", "actions_table": "records",
    "anchors_table": "trust", "believed_table": "lookback", "card": "stagecard", "card_text": "stagecard",
    "certificates_table": "trust", "checks_table": "views", "criteria_table": "views", "criteria_tables": "views",
    "findings_table": "views", "first_causes": "causes", "follow_ups_table": "lookback", "gaps_table": "views",
    "headline": "words", "impact_paragraph": "lookback", "look_alikes": "trust", "pods_table": "releases",
    "provenance": "views", "redactions_table": "records", "releases_table": "releases",
    "retrospective_view": "lookback", "soak_figure": "soak", "soak_table": "soak", "timeline_figure": "timeline",
    "timeline_table": "timeline", "timings_table": "records", "trust_files": "trust", "trust_matrix": "trust",
    "versions_table": "releases", "waivers_table": "records", "word_of": "words", "word_of_verdict": "words",
}  # fmt: skip

__all__ = [
    "Card",
    "CauseMoves",
    "Cell",
    "Column",
    "Figure",
    "Ladder",
    "Paragraph",
    "Seen",
    "Shown",
    "Stack",
    "Table",
    "Talk",
    "TicketBlock",
    "Word",
    "actions_table",
    "anchors_table",
    "believed_table",
    "card",
    "card_text",
    "certificates_table",
    "checks_table",
    "criteria_table",
    "criteria_tables",
    "findings_table",
    "first_causes",
    "follow_ups_table",
    "gaps_table",
    "headline",
    "impact_paragraph",
    "look_alikes",
    "pods_table",
    "provenance",
    "redactions_table",
    "releases_table",
    "retrospective_view",
    "soak_figure",
    "soak_table",
    "timeline_figure",
    "timeline_table",
    "timings_table",
    "trust_files",
    "trust_matrix",
    "versions_table",
    "waivers_table",
    "word_of",
    "word_of_verdict",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"runbook.display.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'runbook.display' has no attribute {name!r}")
