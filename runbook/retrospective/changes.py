"""The cause changed, not just the colour: what each release was shown to fail for, state after state, and what lay between.

A *state* is a row of stages in ascending order: when a lower one comes again, the world was asked anew. Within a state
a release has a first cause (the explanation's) and a cause *shown* (its own message). A hook's timeout is a symptom,
so it is never called a first cause; it is named because it is what people saw and acted on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from runbook.model import Finding, ObjectRef, Result, StageResult
from runbook.retrospective.impact import RELEASE

STAGES = ("preflight", "registry-trust", "cleanup", "reconcile", "verify", "diagnose", "retrospective")
UNEXPLAINED = "unexplained"
_TIMEOUTS = (
    ("helm-hook-timeout", re.compile(r"hooks? failed.*(timed out|deadline exceeded)|timed out waiting for the condition", re.IGNORECASE | re.DOTALL)),
    ("helm-wait-timeout", re.compile(r"context deadline exceeded|timed out waiting|rate limiter Wait returned", re.IGNORECASE)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """Something done between two looks. `who` is `operator` or `person`; `at` is None when nobody wrote the time down."""

    what: str
    at: datetime | None = None
    who: str = "person"


@dataclass(frozen=True, slots=True)
class State:
    """One look at the world: its attempts, when it was last asked, and what failed for which cause.

    `shown` maps a failing release to its message's symptom (empty when its message names none).
    """

    attempts: tuple[StageResult, ...]
    at: datetime
    first: Mapping[ObjectRef, str]
    shown: Mapping[ObjectRef, str]

    @property
    def red(self) -> frozenset[ObjectRef]:
        """The failing releases."""
        return frozenset(self.first) | frozenset(self.shown)


@dataclass(frozen=True, slots=True)
class Move:
    """A cause as it was shown, from when, for which releases, and the acts that came after it."""

    cause: str
    at: datetime
    releases: tuple[ObjectRef, ...]
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """What the acts between two states did: `healed` turned green, `moved` got another cause, `unmoved` nothing at all."""

    acts: tuple[Act, ...]
    after: datetime
    healed: tuple[ObjectRef, ...]
    moved: tuple[ObjectRef, ...]
    unmoved: tuple[ObjectRef, ...]

    @property
    def nothing(self) -> bool:
        """Whether no failing release changed at all: “your action moved nothing”."""
        return bool(self.unmoved) and not self.healed and not self.moved


def symptom(text: str) -> str:
    """`helm-hook-timeout` or `helm-wait-timeout` when a release's message shows one, else an empty string."""
    return next((name for name, pattern in _TIMEOUTS if pattern.search(text)), "")


def when(result: StageResult) -> datetime:
    """The cluster's time of an attempt, in which people and objects speak; real time when the cluster has no other."""
    return result.cluster_time or result.ended


def states(attempts: Sequence[StageResult]) -> tuple[State, ...]:
    """The attempts of a run, in order, as looks at the world."""
    groups: list[list[StageResult]] = []
    for attempt in attempts:
        if not groups or _rank(attempt) <= _rank(groups[-1][-1]):
            groups.append([])
        groups[-1].append(attempt)
    return tuple(_state(group) for group in groups)


def _rank(result: StageResult) -> int:
    return STAGES.index(result.stage) if result.stage in STAGES else len(STAGES)


def _state(group: list[StageResult]) -> State:
    explained = [r.explanation for r in group if r.explanation is not None]
    first: dict[ObjectRef, str] = {}
    for explanation in explained[-1:]:
        first |= {u.object: UNEXPLAINED for u in explanation.unexplained if u.object.kind == RELEASE}
        for cause in explanation.first_causes:
            first |= {e.object: cause.cause for e in cause.explains if e.object.kind == RELEASE}
    shown: dict[ObjectRef, str] = {}
    for result in group:
        shown |= {f.object: symptom(_words(f)) for f in result.findings if _is_red(f)}
    if explained:
        shown = {ref: name for ref, name in shown.items() if ref in first}
    return State(tuple(group), when(group[-1]), first, shown)


def _words(finding: Finding) -> str:
    return "\n".join((finding.reason, *finding.evidence, str(finding.facts.get("message", ""))))


def _is_red(finding: Finding) -> bool:
    return finding.object.kind == RELEASE and finding.result is Result.FAIL


def causes_shown(looks: Sequence[State]) -> tuple[Mapping[ObjectRef, str], ...]:
    """For each state and failing release, the cause that was shown.

    A timeout in the release's message is shown when no first cause is known yet, or when the first cause is a new one,
    and a later look still follows: that is the time in which people saw the timeout and acted on it.
    """
    answers: list[Mapping[ObjectRef, str]] = []
    for index, look in enumerate(looks):
        before = looks[index - 1].first if index else {}
        is_last = index == len(looks) - 1
        answers.append({ref: _shown(look, before, ref, is_first=index == 0, is_last=is_last) for ref in look.red})
    return tuple(answers)


def _shown(look: State, before: Mapping[ObjectRef, str], ref: ObjectRef, *, is_first: bool, is_last: bool) -> str:
    first, message = look.first.get(ref, ""), look.shown.get(ref, "")
    if not first:
        return message or UNEXPLAINED
    is_new = not is_first and before.get(ref, "") != first
    return message if message and not is_last and (is_new or first == UNEXPLAINED) else first


def chain(looks: Sequence[State], ref: ObjectRef) -> tuple[tuple[str, datetime], ...]:
    """One release's causes as shown, each with the time it was first shown; `ready` when it turned green."""
    steps: list[tuple[str, datetime]] = []
    for look, shown in zip(looks, causes_shown(looks), strict=True):
        cause = shown.get(ref, "ready" if steps else "")
        if cause and (not steps or steps[-1][0] != cause):
            steps.append((cause, look.at))
    return tuple(steps)


def moves(looks: Sequence[State], acts: Iterable[Act] = ()) -> tuple[Move, ...]:
    """The night's causes in order: in each state the one that most failing releases were shown to fail for."""
    found: list[Move] = []
    timed = tuple(acts)
    for index, (look, shown) in enumerate(zip(looks, causes_shown(looks), strict=True)):
        cause = _most(list(shown.values()))
        if not cause or (found and found[-1].cause == cause):
            continue
        until = looks[index + 1].at if index + 1 < len(looks) else None
        refs = tuple(sorted(ref for ref, name in shown.items() if _family(name) == _family(cause)))
        found.append(Move(cause, look.at, refs, tuple(_between(timed, look.at, until))))
    return tuple(found)


def _most(causes: Sequence[str]) -> str:
    """The cause most releases were shown; timeouts count together, and a hook among them gives them its name."""
    families = [_family(c) for c in causes if c != UNEXPLAINED]
    if not families:
        return ""
    most = max(sorted(set(families)), key=families.count)
    return max(sorted({c for c in causes if _family(c) == most}), key=lambda c: ("hook" in c, causes.count(c)))


def _family(cause: str) -> str:
    return "timeout" if cause.endswith("-timeout") else cause


def _between(acts: Sequence[Act], begin: datetime, end: datetime | None) -> Iterator[Act]:
    for act in acts:
        if act.at is not None and act.at > begin and (end is None or act.at <= end):
            yield act


def effects(looks: Sequence[State], acts: Iterable[Act] = ()) -> tuple[Effect, ...]:
    """What changed between each two states that follow each other, and what was done in between."""
    timed = tuple(acts)
    answers: list[Effect] = []
    for was, now in pairwise(looks):
        stayed = was.red & now.red
        unmoved = {ref for ref in stayed if _cause(was, ref) == _cause(now, ref)}
        done = tuple(_between(timed, was.at, now.at))
        healed = was.red - now.red
        answers.append(
            Effect(done, now.at, tuple(sorted(healed)), tuple(sorted(stayed - unmoved)), tuple(sorted(unmoved)))
        )
    return tuple(answers)


def _cause(look: State, ref: ObjectRef) -> str:
    """What is really wrong where that is known; else what the message shows."""
    return look.first.get(ref) or look.shown.get(ref, "")
