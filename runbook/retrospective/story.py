"""The whole retrospective of one run, as data: what changed, when, what was believed and not so, what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runbook.model import Criterion, NextAct, Result, Snapshot, StageResult, Verdict
from runbook.retrospective.acts import recorded_acts
from runbook.retrospective.boxes import boxes
from runbook.retrospective.changes import Act, Effect, Move, State, effects, moves, states, when
from runbook.retrospective.edits import edits
from runbook.retrospective.foretold import Foretold, foretold
from runbook.retrospective.impact import Impact, grouped, impact, unexplained


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline, by the cluster's time. `verdict` is set for stages."""

    at: datetime
    what: Literal["stage", "act", "cause"]
    text: str
    verdict: Verdict | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Belief:
    """A ticked criterion whose evidence says otherwise: a sentence is wrong, not a person."""

    criterion: Criterion

    @property
    def believed(self) -> str:
        """The ticket's sentence."""
        return self.criterion.text

    @property
    def measured(self) -> str:
        """`16 / 27: eleven do not`."""
        word = {Result.ERROR: "not evaluated", Result.WARN: "waived or not scored"}.get(self.criterion.result, "")
        return f"{self.criterion.met} / {self.criterion.of}{', ' + word if word else ''}: {self.criterion.reason}"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Something left to do. Without an owner and a date it is a wish, and says so."""

    what: str
    act: NextAct
    owner: str = ""
    due: str = ""
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Retrospective:
    """What one run teaches. `last` is the last attempt that judged criteria, else the last attempt."""

    attempts: tuple[StageResult, ...]
    looks: tuple[State, ...]
    moves: tuple[Move, ...]
    effects: tuple[Effect, ...]
    timeline: tuple[Entry, ...]
    believed: tuple[Belief, ...]
    follow_ups: tuple[FollowUp, ...]
    impact: Impact | None
    last: StageResult
    verdict: Verdict
    foretold: Foretold


def review(
    attempts: Sequence[StageResult], acts: Iterable[Act] | None = None, *, snapshots: Iterable[Snapshot] = ()
) -> Retrospective:
    """Read the attempts of one run, in order.

    `acts` are those of journals and persons; without them, what the results show, or, where `snapshots` are at hand,
    what the observed objects show, which is more and has better times.

    Raises ValueError when there is no attempt: nothing recorded teaches nothing.
    """
    told = tuple(a for a in attempts if a.stage != "retrospective")
    if not told:
        raise ValueError("the run has no recorded attempt of a stage, so there is nothing to look back on")
    done = tuple(acts) if acts is not None else recorded_acts(told, edits(snapshots))
    looks = states(told)
    steps = moves(looks, done)
    last = next((a for a in reversed(told) if a.criteria), told[-1])
    explained = next((a.explanation for a in reversed(told) if a.explanation is not None), None)
    return Retrospective(
        attempts=told,
        looks=looks,
        moves=steps,
        effects=effects(looks, done),
        timeline=_timeline(told, steps, done),
        believed=believed_not_so(boxes(last)),
        follow_ups=_follow_ups(told, last),
        impact=impact(explained) if explained is not None else None,
        last=last,
        verdict=_worst(told),
        foretold=foretold(told),
    )


def _worst(attempts: Sequence[StageResult]) -> Verdict:
    latest = {a.stage: a.verdict for a in attempts}
    return max(latest.values(), key=lambda v: v.severity)


def believed_not_so(criteria: Iterable[Criterion]) -> tuple[Belief, ...]:
    """The ticked boxes that the evidence does not keep."""
    return tuple(Belief(c) for c in criteria if c.ticked and c.result not in (Result.PASS, Result.SKIP))


def _timeline(attempts: Sequence[StageResult], steps: Sequence[Move], acts: Sequence[Act]) -> tuple[Entry, ...]:
    entries = [_stage_entry(a) for a in attempts]
    entries += [Entry(m.at, "cause", m.cause, detail=f"{len(m.releases)}") for m in steps]
    entries += [Entry(a.at, "act", a.what, detail=a.who) for a in acts if a.at is not None]
    order = {"act": 0, "cause": 1, "stage": 2}
    return tuple(sorted(entries, key=lambda e: (e.at, order[e.what])))


def _stage_entry(attempt: StageResult) -> Entry:
    number = f", attempt {attempt.attempt}" if attempt.attempt > 1 else ""
    return Entry(when(attempt), "stage", f"{attempt.stage}{number}", attempt.verdict)


def _follow_ups(attempts: Sequence[StageResult], last: StageResult) -> tuple[FollowUp, ...]:
    explanation = next((a.explanation for a in reversed(attempts) if a.explanation is not None), None)
    found: list[FollowUp] = []
    if explanation is not None:
        found += [FollowUp(g.causes[0].next.text, g.causes[0].next) for g in grouped(explanation)]
        for left in unexplained(explanation):
            decides = left.hypotheses[0].decides if left.hypotheses else "ask it again and read the fresh message"
            found.append(FollowUp(f"Explain {left.object.name}: {decides}", NextAct(decides, safe=True)))
        found += [
            FollowUp(f"Let the runbook read {g.what}", NextAct(f"grant {g.permission or g.what}"))
            for g in explanation.not_evaluated
        ]
    for criterion in last.criteria:
        for waiver in criterion.waivers:
            found.append(
                FollowUp(criterion.text, NextAct("decide"), waiver.who, waiver.until.isoformat(), waiver.ticket)
            )
    return tuple(dict.fromkeys(found))
