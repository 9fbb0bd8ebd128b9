"""How many releases hang on which first cause: people count HelmReleases, each once, and always with what is left over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbook.model import Explained, Explanation, FirstCause, NextAct, ObjectRef, Unexplained

RELEASE = "HelmRelease"


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """All first causes of one name. `direct` and `blocked` are what people count: releases where there are any.

    `counts` is that kind of object; `others` are the failing objects beneath, for the small print.
    """

    cause: str
    causes: tuple[FirstCause, ...]
    counts: str
    direct: tuple[ObjectRef, ...]
    blocked: tuple[tuple[ObjectRef, ObjectRef], ...]
    others: tuple[ObjectRef, ...]

    @property
    def frees(self) -> int:
        """How many a repair frees: those that hang on it and those that wait for them."""
        return len(self.direct) + len(self.blocked)

    @property
    def is_fact(self) -> bool:
        """Whether every cause of the group is proved."""
        return all(c.proof == "fact" for c in self.causes)


@dataclass(frozen=True, slots=True)
class Repair:
    """First causes of one name that one act repairs, and which of the group's objects that frees."""

    act: NextAct
    causes: tuple[FirstCause, ...]
    direct: tuple[ObjectRef, ...]
    blocked: tuple[ObjectRef, ...]

    @property
    def frees(self) -> int:
        """How many it frees: a group's other repairs free the others."""
        return len(self.direct) + len(self.blocked)


@dataclass(frozen=True, slots=True)
class Impact:
    """The failing objects of one kind, partitioned: direct, blocked by another, unexplained, and of unrelated causes.

    `main` is the group that frees most. The four numbers add up to `failing`.
    """

    counts: str
    direct: int
    blocked: int
    unexplained: int
    unrelated: int
    main: str
    unread: tuple[str, ...] = ()

    @property
    def failing(self) -> int:
        """All of them."""
        return self.direct + self.blocked + self.unexplained + self.unrelated

    def sentence(self) -> str:
        """`11 HelmReleases: 8 sealed-secret-key-mismatch, 1 blocked by one of them, 1 unexplained, 1 of other causes`."""
        if not self.failing:
            unread = f", which could not read everything: {', '.join(self.unread[:3])}" if self.unread else ""
            return f"No {self.counts} fails by the last diagnosis{unread}"
        return (
            f"{self.failing} {self.counts}s: {self.direct} {self.main or 'explained'}, {self.blocked} blocked by one of "
            f"them, {self.unexplained} unexplained, {self.unrelated} of other causes"
        )


def grouped(explanation: Explanation) -> tuple[CauseGroup, ...]:
    """First causes by name, the one that frees most first; facts before hypotheses, then by name."""
    names = {c.cause for c in explanation.first_causes}
    groups = [_group(name, [c for c in explanation.first_causes if c.cause == name]) for name in names]
    return tuple(sorted(groups, key=lambda g: (g.counts != RELEASE, -g.frees, not g.is_fact, g.cause)))


def repairs(group: CauseGroup) -> tuple[Repair, ...]:
    """The group by what is to be done, the act that frees most first: two images that are gone are two repairs.

    Two acts are one where the same sentence says them, whatever objects their commands look at.
    """
    by_act: dict[str, list[FirstCause]] = {}
    for cause in group.causes:
        by_act.setdefault(cause.next.text or str(cause.object), []).append(cause)
    found = [_repair(group, causes) for causes in by_act.values()]
    return tuple(sorted(found, key=lambda r: (-r.frees, r.causes[0].object)))


def held(group: CauseGroup, cause: FirstCause) -> tuple[ObjectRef, ...]:
    """Which of the objects that people count hang on this one of the group's causes."""
    own = {cause.object, *(e.object for e in cause.explains)}
    return tuple(ref for ref in group.direct if ref in own)


def _repair(group: CauseGroup, causes: list[FirstCause]) -> Repair:
    direct = tuple(sorted({ref for cause in causes for ref in held(group, cause)}))
    own = {e.object for cause in causes for e in cause.explains}
    return Repair(causes[0].next, tuple(causes), direct, tuple(ref for ref, _ in group.blocked if ref in own))


def unexplained(explanation: Explanation) -> tuple[Unexplained, ...]:
    """What has no first cause: releases where there are any, else everything that is left."""
    releases = tuple(u for u in explanation.unexplained if u.object.kind == RELEASE)
    return releases or explanation.unexplained


def impact(explanation: Explanation) -> Impact:
    """The partition of the failing releases: the seed's night ends 8 direct, 1 blocked, 1 unexplained, 1 unrelated."""
    groups = [g for g in grouped(explanation) if g.counts == RELEASE]
    left = [u for u in explanation.unexplained if u.object.kind == RELEASE]
    unread = tuple(gap.what for gap in explanation.not_evaluated)
    if not groups:
        return Impact(RELEASE, 0, 0, len(left), 0, "", unread)
    main, rest = groups[0], groups[1:]
    others = sum(g.frees for g in rest)
    return Impact(RELEASE, len(main.direct), len(main.blocked), len(left), others, main.cause, unread)


def _group(name: str, causes: list[FirstCause]) -> CauseGroup:
    explained = [(c, e) for c in causes for e in c.explains]
    kind = _counted_kind(e for _, e in explained)
    direct = {e.object for _, e in explained if e.object.kind == kind and e.relation != "blocked-by"}
    blocked = {e.object: _waits_for(c, e) for c, e in explained if e.object.kind == kind and e.relation == "blocked-by"}
    others = {e.object for _, e in explained} - direct - set(blocked)
    if not direct and not blocked:
        direct = {c.object for c in causes}
        kind = next(iter(sorted(direct))).kind if direct else kind
    return CauseGroup(
        cause=name,
        causes=tuple(sorted(causes, key=lambda c: c.object)),
        counts=kind,
        direct=tuple(sorted(direct)),
        blocked=tuple(sorted(blocked.items())),
        others=tuple(sorted(others)),
    )


def _counted_kind(explained: Iterable[Explained]) -> str:
    kinds = [e.object.kind for e in explained]
    if RELEASE in kinds or not kinds:
        return RELEASE
    return max(sorted(set(kinds)), key=kinds.count)


def _waits_for(cause: FirstCause, waiting: Explained) -> ObjectRef:
    """Whom a blocked object waits for: the first step of its chain, else the cause's first object of the same kind.

    Steps lead from the object down to its cause, as `Kind/namespace/name (edge: where it is written)`.
    """
    for step in waiting.via:
        try:
            return ObjectRef.parse(step.partition(" (")[0])
        except ValueError:
            continue
    same = [e.object for e in cause.explains if e.object.kind == waiting.object.kind and e.relation != "blocked-by"]
    return min(same, default=cause.object)
