"""Acts that an earlier attempt left open, looked at again: done, not done, or still unknown. Never assumed."""

from __future__ import annotations

import hashlib

from runbook.acting.hands import Hands
from runbook.clients.nodewriting import read_file
from runbook.domain.readiness import REQUESTED
from runbook.errors import ObservationError
from runbook.evidence import Attempt, Entry, Run, read_journal
from runbook.evidence.acts import note_settled, open_acts, settled_acts
from runbook.model import Action

_WORDS = {True: "it was done", False: "it was not done", None: "still not known: look at the object"}


def settle_earlier(run: Run, now: Attempt, hands: Hands) -> list[str]:
    """Look at every act that earlier attempts of the run left open, and write down what is found; a sentence each."""
    known, said = settled_acts(run), list[str]()
    for attempt in (a for a in run.attempts() if a.path != now.path):
        intended = {
            str(e.facts.get("act")): e for e in read_journal(attempt.journal.path).entries if e.event == "intended"
        }
        for action in open_acts(attempt):
            if (attempt.path.name, action.id) in known or action.id not in intended:
                continue
            found = _looked(action, intended[action.id], hands)
            note_settled(hands.journal, attempt.path.name, action.id, found)
            said.append(f"{action.id} {action.name} of {attempt.path.name} had no end: looked again, {_WORDS[found]}")
    return said


def _looked(action: Action, intended: Entry, hands: Hands) -> bool | None:
    """Whether the change is there. A request that leaves no mark of its own stays unknown."""
    verb = str(intended.facts.get("request", "")).partition(" ")[0]
    if verb == "DELETE":
        return hands.is_gone(action.object, action.uid)
    token = intended.facts.get("token")
    if verb == "PATCH" and token:
        return hands.holds(action.object, lambda o: (o["metadata"].get("annotations") or {}).get(REQUESTED) == token)
    if verb == "WRITE":
        return _holds_file(action, str(intended.facts.get("sha256")), hands)
    return None


def _holds_file(action: Action, digest: str, hands: Hands) -> bool | None:
    node = next((n for n in hands.inventory.nodes if n.name == action.object.name), None)
    if node is None:
        return None
    try:
        found = read_file(node, hands.base, action.details["path"])
    except ObservationError:
        return None
    return found is not None and hashlib.sha256(found).hexdigest() == digest
