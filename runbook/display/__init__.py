"""Tables, figures, the card and the talk: the same content in a notebook, on a page, in a terminal and read aloud.

Nothing here reads a file, a clock or a cluster, and nothing here trusts a text that came from one.
"""

from __future__ import annotations

from runbook.display.blocks import Paragraph, Shown, Stack
from runbook.display.card import Card, Seen, card, card_text
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
from runbook.display.table import Cell, Column, Table
from runbook.display.talk import Talk
from runbook.display.timeline import timeline_figure, timeline_table
from runbook.display.trust import anchors_table, certificates_table, look_alikes, trust_files, trust_matrix
from runbook.display.views import checks_table, criteria_table, criteria_tables, findings_table, gaps_table, provenance
from runbook.display.words import Word, headline, word_of, word_of_verdict

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
