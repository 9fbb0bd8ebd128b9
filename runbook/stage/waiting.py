"""What came of the requests of one wave: answers by watch, and a kubelet's pull after a CA was installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from runbook.acting.awaiting import Request, answers
from runbook.acting.fluxorder import in_order
from runbook.acting.hands import Hands
from runbook.acting.pullproof import Pull, PullProof, pull_proofs
from runbook.acting.requesting import token_of
from runbook.diagnosis.classify import classify
from runbook.domain.cluster import Event
from runbook.domain.durations import seconds
from runbook.domain.readiness import flux_state
from runbook.domain.requests import Reply
from runbook.errors import ObservationError
from runbook.model import Action, ObjectRef, Snapshot
from runbook.stage.observing import tell_list

if TYPE_CHECKING:
    from runbook.stage.setting import Setting


@dataclass(frozen=True, slots=True)
class Waited:
    """The acts with their answers, sentences for the record, and whether anything settled while we waited."""

    actions: tuple[Action, ...]
    notes: tuple[str, ...] = ()
    settled: bool = False


def await_answers(
    setting: Setting, hands: Hands, snapshot: Snapshot, acts: Sequence[Action], wave: Sequence[str], since: datetime
) -> Waited:
    """Wait until every request of the wave is answered, and every expected object of it that was acting has ended."""
    if "Node" in wave:
        return _pulled(setting, hands, acts, since)
    tokens = {a.object: token_of(a) for a in acts if token_of(a)}
    requests = {a.object: Request(a.object, a.uid, tokens[a.object]) for a in acts if a.object in tokens}
    busy = {r: q for r, q in _acting(setting, snapshot, wave).items() if r not in requests}
    if not requests and not busy:
        return Waited(tuple(acts))
    try:
        found = answers(
            hands.client,
            {**requests, **busy},
            limit=seconds(setting.asked.wait) or 0.0,
            now=hands.now,
            progress=lambda done, total, what: _tell(setting, hands, done, total, what),
            note=lambda said: tell_list(setting, said),
        )
    except ObservationError as error:
        why = f"the answers could not be watched: {error}"
        return Waited(tuple(replace(a, said=f"{a.said}; {why}") if a.object in tokens else a for a in acts), (why,))
    said = tuple(_answered(a, found[a.object], setting.asked.wait) if a.object in tokens else a for a in acts)
    for act in (a for a in said if a.object in tokens):
        word = found[act.object].word
        say = (
            setting.talk.success
            if word == "ready"
            else setting.talk.warning
            if word == "waiting"
            else setting.talk.failure
        )
        say(setting.asked.stage, f"{act.id} {act.object}: {word} {found[act.object].said}"[:300])
    green = [str(ref) for ref in busy if found[ref].word == "ready"]
    notes = (f"turned ready while it was waited for, without an act of ours: {', '.join(green)}",) if green else ()
    return Waited(said, notes, settled=any(found[ref].ended for ref in busy))


def _acting(setting: Setting, snapshot: Snapshot, wave: Sequence[str]) -> dict[ObjectRef, Request]:
    """Expected objects that a controller works on right now: they are waited for, and not asked."""
    return {
        obj.ref: Request(obj.ref, obj.metadata.uid, "")
        for obj in in_order(snapshot, setting.file.inventory)
        if obj.KIND in wave and not obj.spec.suspend and flux_state(obj).word in ("reconciling", "unknown")
    }


def _answered(action: Action, answer: Reply, wait: str) -> Action:
    if answer.word == "waiting":
        said = f"{action.said}; not answered within {wait}: {answer.said or 'it has not handled the request'}"
        return replace(action, said=said)
    same = "" if not _is_swallowed(action, answer) else "; no new attempt was made: the request changed nothing"
    return replace(action, said=f"{action.said}; answered {answer.word}: {answer.said}{same}"[:600])


def _is_swallowed(action: Action, answer: Reply) -> bool:
    return action.kind in ("reset-release", "force-release") and answer.word == "blocked"


def _pulled(setting: Setting, hands: Hands, acts: Sequence[Action], since: datetime) -> Waited:
    """Trust is proved by a pull and not by a file: the first pull begun after the install, on that node, from that host."""
    pulls = {a.id: Pull(a.object.name, a.details["host"]) for a in acts if a.outcome == "changed"}
    proofs = pull_proofs(
        hands.client,
        pulls.values(),
        since,
        lambda event: _cause(setting, event),
        now=hands.now,
        progress=lambda done, pull: _tell(
            setting, hands, done, len(pulls), f"{pull.node}: for the first pull from {pull.host}"
        ),
        scale=setting.reached.scale if setting.reached is not None else 1.0,
        note=lambda said: tell_list(setting, said),
    )
    said = {a.id: _proved(setting, a, proofs[pulls[a.id]]) for a in acts if a.id in pulls}
    return Waited(tuple(said.get(a.id, a) for a in acts))


def _cause(setting: Setting, event: Event) -> str:
    return classify(
        event.message, reason=event.reason, kind=event.involved_object.kind, catalogue=setting.causes.catalogue
    ).cause


def _proved(setting: Setting, act: Action, proof: PullProof) -> Action:
    say = setting.talk.success if proof.trusted else setting.talk.warning
    say(setting.asked.stage, f"{act.id}: {proof.sentence}")
    return replace(act, said=f"{act.said}; {proof.sentence}", outcome="failed" if proof.refused else "changed")


def _tell(setting: Setting, hands: Hands, done: int, total: int, what: str) -> None:
    hands.beat()
    setting.talk.waiting(
        setting.asked.stage, f"{done} of {total} answered{f'; {what}' if what else ''}", done=done, total=total
    )
