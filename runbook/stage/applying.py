"""Apply: the plan's acts in waves, each wave asked, waited for and looked at again before the next is planned.

Guards first, all before anything is written: the plan is young, the inventory is the one that was read, the cluster is
the one that is pinned, and no other operator acts.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runbook import actions
from runbook.acting.hands import Hands
from runbook.acting.operatorlease import OperatorLease, lease_ref
from runbook.acting.settling import settle_earlier
from runbook.clients.kubernetes.writing import Writer
from runbook.errors import ClusterIdentityError, ParameterError
from runbook.evidence import Redactor
from runbook.evidence.acts import last_number, note_outcome, note_plan
from runbook.inventory.load import load
from runbook.judgement.permissions import writes
from runbook.model import Action, ObjectRef
from runbook.stage.judging import Judged, judge
from runbook.stage.observing import base_of, look
from runbook.stage.performing import perform_all
from runbook.stage.waiting import await_answers

if TYPE_CHECKING:
    from runbook.stage.setting import Setting

PLAN_LIVES = 15 * 60.0  # real seconds: what was true when the plan was made is looked at again after that
LEASE = 120  # real seconds; the Lease's own time is the cluster's
ROUNDS = 4
REQUESTS = frozenset(("request-reconcile", "reset-release", "force-release"))
SOURCES = ("GitRepository", "OCIRepository", "HelmRepository", "Bucket")
WAVES: dict[str, tuple[tuple[str, ...], ...]] = {
    "registry-trust": (("Node",),),
    "cleanup": (("Job", "Pod"),),
    "reconcile": (SOURCES, ("Kustomization",), ("HelmRelease", "Deployment")),
}


@dataclass
class Applied:
    """What was done, in order, then what was planned and not done; and sentences about what happened meanwhile."""

    done: list[Action] = field(default_factory=list)
    left: tuple[Action, ...] = ()
    notes: list[str] = field(default_factory=list)


def apply(setting: Setting, judged: Judged, planned: Sequence[Action], planned_at: float, taken: int = 0) -> Applied:
    """Do what the plan proves necessary; `taken` is the last number that this attempt has given to an act.

    Raises UsageError kinds before anything is touched; see the module.
    """
    hands = _hands(setting, plan_digest(planned), planned_at)
    lease = _lease(setting, hands)
    note_plan(hands.journal, hands.plan, planned)
    if lease is not None:  # taken by the first act: a plan that changes nothing keeps nobody away
        hands.ready, hands.beat = lease.hold, lease.renew
    applied = Applied(left=tuple(planned), notes=settle_earlier(setting.run, setting.attempt, hands))
    try:
        _rounds(setting, hands, judged, applied, taken)
    finally:
        if lease is not None:
            lease.give_back()
    return applied


def plan_digest(planned: Sequence[Action]) -> str:
    """SHA-256 of the plan's acts, shortened: what each permit is bound to."""
    text = "\n".join(f"{a.id} {a.name} {a.uid} {a.resource_version} {sorted(a.details.items())}" for a in planned)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rounds(setting: Setting, hands: Hands, judged: Judged, applied: Applied, taken: int) -> None:
    """Until a round finds nothing more to do: each act is done at most once."""
    first, asked = applied.left, {a.name for a in applied.left if a.requires}
    waves = WAVES[setting.asked.stage]
    for number in range(1, ROUNDS + 1):
        progress = False
        for place, wave in enumerate(waves, 1):
            moved = _wave(setting, hands, judged, applied, wave)
            progress = progress or moved
            if moved and len(waves) > 1 and (number, place) != (ROUNDS, len(waves)):
                judged = _again(setting)
                applied.left = _numbered(_plan(setting, judged), (*first, *applied.done), taken)
                hands.plan = plan_digest(applied.left)
                note_plan(hands.journal, hands.plan, applied.left)
        if not progress or len(waves) == 1:
            break
    _say_what_waits(hands, applied, asked)


def _wave(setting: Setting, hands: Hands, judged: Judged, applied: Applied, wave: Sequence[str]) -> bool:
    """Do what may be done of these kinds, wait for its answers; whether anything has moved."""
    ready = _mildest(a for a in applied.left if a.object.kind in wave and _may(a, setting, applied))
    since = hands.now()
    results = perform_all(setting, hands, ready)
    applied.done += results
    waited = await_answers(setting, hands, judged.snapshot, results, wave, since)
    for before, after in zip(results, waited.actions, strict=True):
        if after != before:
            applied.done[applied.done.index(before)] = after
            note_outcome(hands.journal, after)
    applied.notes += [n for n in waited.notes if n not in applied.notes]
    return bool(ready) or waited.settled


def _may(action: Action, setting: Setting, applied: Applied) -> bool:
    """Whether nothing stands in its way, it was not done in this apply, and a person consents where one must."""
    done = any(a.name == action.name for a in applied.done)
    consented = not action.asks or action.name in setting.asked.consents
    return not done and not action.requires and consented


def _mildest(acts: Iterable[Action]) -> list[Action]:
    """One request to a Flux object at a time, in the plan's order of rungs: a force only after the reset was answered."""
    seen: set[ObjectRef] = set()
    found = []
    for act in acts:
        if act.kind not in REQUESTS or act.object not in seen:
            found.append(act)
            seen.add(act.object)
    return found


def _plan(setting: Setting, judged: Judged) -> tuple[Action, ...]:
    return actions.plan(
        setting.asked.stage, judged.snapshot, judged.findings, judged.explanation, setting.file.inventory
    )


def _again(setting: Setting) -> Judged:
    looks = setting.attempt.path / "observations"
    seen = look(setting, part=f"look-{2 + len(list(looks.glob('look-*'))):02d}")
    return judge(
        setting.asked.stage,
        seen.snapshot,
        setting.file.inventory,
        today=setting.started.date(),
        operator=setting.who,
        catalogue=setting.causes.catalogue,
    )


def _numbered(planned: Sequence[Action], known: Sequence[Action], taken: int) -> tuple[Action, ...]:
    """The same act keeps the number of its first plan; a new one takes the next."""
    numbers = {a.name: a.id for a in known}
    last = max(taken, last_number(known))
    for action in planned:
        if action.name not in numbers:
            last += 1
            numbers[action.name] = f"A{last}"
    return tuple(replace(a, id=numbers[a.name]) for a in planned)


def _say_what_waits(hands: Hands, applied: Applied, asked: set[str]) -> None:
    names = {a.name for a in applied.done}
    applied.left = tuple(
        replace(a, outcome="skipped", said="; ".join(a.requires) or a.asks or "not reached")
        for a in applied.left
        if a.name not in names
    )
    for action in applied.left:
        note_outcome(hands.journal, action)
    freed = [a.name for a in applied.done if a.name in asked]
    if freed:
        applied.notes.append(f"what stood in the way of {', '.join(freed)} was gone when its turn came")


def _hands(setting: Setting, digest: str, planned_at: float) -> Hands:
    reached = setting.reached
    assert reached is not None
    old = time.monotonic() - planned_at
    if old > PLAN_LIVES:
        raise ParameterError(
            f"the plan is {old / 60:.0f} min old, and the cluster was not looked at since",
            field="plan",
            hint="Run Observe, Check and Plan again, read the plan, then Apply. Nothing was touched.",
        )
    if load(setting.file.path, today=setting.started.date()).digest != setting.file.digest:
        raise ParameterError(
            f"{setting.file.path.name} was edited since this stage began: what should be true has changed",
            field="inventory",
            hint="Begin the stage again. Nothing was touched.",
        )
    uid = reached.client.identify().uid
    if uid != setting.file.inventory.cluster.uid:
        raise ClusterIdentityError(
            f"this is another cluster now: UID {uid[:8]}, the inventory pins "
            f"{setting.file.inventory.cluster.uid[:8]}. Nothing was touched."
        )
    inventory = setting.file.inventory
    namespaces = frozenset(p.namespace for p in writes(setting.asked.stage, inventory))
    return Hands(
        client=reached.client,
        writer=Writer(reached.client, namespaces),
        inventory=inventory,
        base=base_of(setting.file),
        attempt=setting.attempt,
        now=reached.now,
        plan=digest,
        redactor=Redactor(),
        ready=lambda: None,
        beat=lambda: None,
    )


def _lease(setting: Setting, hands: Hands) -> OperatorLease | None:
    if setting.asked.without_lease:
        setting.talk.warning(setting.asked.stage, "acting without the Lease: another operator may be acting too")
        hands.journal.append("noted", "acting without the Lease, as the operator decided")
        return None
    assert setting.reached is not None
    return OperatorLease(
        client=hands.client,
        writer=hands.writer,
        journal=hands.journal,
        ref=lease_ref(hands.inventory),
        holder=f"{setting.who}@{platform.node() or 'unknown'} {setting.run.path.name}/{setting.attempt.path.name}",
        plan=hands.plan,
        seconds=int(LEASE * max(1.0, setting.reached.scale)),
        now=setting.reached.now,
    )
