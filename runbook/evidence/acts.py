"""What an attempt did, from its journal alone: it is complete also when the process died in the middle of an act.

A plan is one `noted` line with its acts; what came of an act is a `recorded` line of its own. An act that was intended
and has no end is `unknown`: it was done or not done, and only a look at the cluster decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runbook.evidence.journal import Entry, Journal, read_journal
from runbook.evidence.results import action_from_json, action_json
from runbook.model import Action

if TYPE_CHECKING:
    from runbook.evidence.layout import Attempt, Run

PLAN, ACT, SETTLED, LIST = "plan", "act", "settled", "list"
CUT = "it was intended, and the journal ends before its end: it was done or not done, look again"


def note_plan(journal: Journal, digest: str, planned: Sequence[Action]) -> None:
    """Keep the plan that permits are bound to."""
    journal.append("noted", PLAN, plan=digest, acts=[action_json(a) for a in planned])


def note_list(journal: Journal, note: str) -> None:
    """Keep what is to be said of how a list came about: begun again, say, or shorter than announced."""
    journal.append("noted", LIST, note=note)


def with_list_notes(notes: Iterable[str], journal: Journal) -> tuple[str, ...]:
    """A result's notes, and before them what the journal says of its lists: everything else rests on these."""
    entries = read_journal(journal.path).entries
    told = [str(e.facts.get("note", "")) for e in entries if e.event == "noted" and e.what == LIST]
    return tuple(dict.fromkeys((*told, *notes)))


def note_outcome(journal: Journal, action: Action) -> None:
    """Keep what came of one act; a later line about the same act tells more."""
    journal.append("recorded", ACT, act=action.id, outcome=action.outcome, said=action.said)


def acts_of(entries: Iterable[Entry]) -> tuple[Action, ...]:
    """Every act of the attempt in the order of its number, each with its outcome; empty when nothing was planned."""
    acts: dict[str, Action] = {}
    under_way: dict[str, str] = {}
    for entry in entries:
        named = str(entry.facts.get("act", ""))
        if entry.event == "noted" and entry.what == PLAN:
            for planned in map(action_from_json, entry.facts["acts"]):
                if acts.get(planned.id) is None or acts[planned.id].outcome == "planned":
                    acts[planned.id] = planned
        elif entry.event == "recorded" and entry.what == ACT and named in acts:
            acts[named] = replace(acts[named], outcome=entry.facts["outcome"], said=entry.facts["said"])
            under_way.pop(named, None)
        elif entry.event == "intended":
            under_way[named] = CUT
        elif entry.event in ("done", "failed"):
            under_way[named] = f"{entry.event}: {entry.facts.get('why', 'the server carried it out')}"
    return tuple(_ended(acts[name], under_way.get(name, "")) for name in sorted(acts, key=_number))


def last_number(acts: Iterable[Action]) -> int:
    """The highest number that was given, 0 when none was: what vanished from a plan keeps its own."""
    return max((_number(a.id)[0] for a in acts), default=0)


def open_acts(attempt: Attempt) -> tuple[Action, ...]:
    """Acts of an attempt of which its own journal does not know whether they were done."""
    entries = read_journal(attempt.journal.path).entries
    return tuple(a for a in acts_of(entries) if a.outcome == "unknown")


def note_settled(journal: Journal, attempt: str, act: str, found: bool | None) -> None:
    """Keep what a later look found of an act of another attempt: done, not done, or still unknown (None)."""
    journal.append("noted", SETTLED, attempt=attempt, act_there=act, found=found)


def settled_acts(run: Run) -> dict[tuple[str, str], str]:
    """What later looks found of open acts: (folder of the attempt, act) → a sentence; unknown ones are left out."""
    found: dict[tuple[str, str], str] = {}
    for attempt in run.attempts():
        for entry in read_journal(attempt.journal.path).entries:
            if entry.event == "noted" and entry.what == SETTLED and entry.facts.get("found") is not None:
                word = "done" if entry.facts["found"] else "not done"
                where = str(entry.facts["attempt"]), str(entry.facts["act_there"])
                found[where] = f"looked again in {attempt.path.name}: it was {word}"
    return found


def _ended(action: Action, cut: str) -> Action:
    if action.outcome != "planned" or not cut:
        return action
    if cut == CUT:
        return replace(action, outcome="unknown", said=CUT)
    word, _, said = cut.partition(": ")
    return replace(action, outcome="changed" if word == "done" else "failed", said=said)


def _number(name: str) -> tuple[int, str]:
    digits = name.lstrip("A")
    return (int(digits), name) if digits.isdigit() else (1 << 30, name)
