"""Looking back on a run, purely: the cause that changed, what an action moved, what was believed and not so.

Everything here is computed from the results of a run's attempts, in order; no file, no clock, no cluster.
"""

from __future__ import annotations

from runbook.retrospective.acts import recorded_acts
from runbook.retrospective.boxes import boxes, service_rows
from runbook.retrospective.changes import Act, Effect, Move, State, chain, effects, moves, states, symptom, when
from runbook.retrospective.edits import edits
from runbook.retrospective.foretold import Fate, Foretold, foretold
from runbook.retrospective.impact import CauseGroup, Impact, grouped, impact, unexplained
from runbook.retrospective.story import Belief, Entry, FollowUp, Retrospective, believed_not_so, review
from runbook.retrospective.ticket import box, ticket_block

__all__ = [
    "Act",
    "Belief",
    "CauseGroup",
    "Effect",
    "Entry",
    "Fate",
    "FollowUp",
    "Foretold",
    "Impact",
    "Move",
    "Retrospective",
    "State",
    "believed_not_so",
    "box",
    "boxes",
    "chain",
    "edits",
    "effects",
    "foretold",
    "grouped",
    "impact",
    "moves",
    "recorded_acts",
    "review",
    "service_rows",
    "states",
    "symptom",
    "ticket_block",
    "unexplained",
    "when",
]
