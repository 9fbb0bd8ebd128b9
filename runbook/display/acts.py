"""What is red and why in few lines, and the one act to do next: that of the cause whose repair frees most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook.display.phrases import cause_phrase, counted, names
from runbook.display.texts import one_line, plural, short
from runbook.display.views import run_fact
from runbook.model import Action, Finding, NextAct, ObjectRef, Result, StageResult, Verdict
from runbook.retrospective.changes import symptom
from runbook.retrospective.impact import RELEASE, CauseGroup, grouped, repairs, unexplained

_NEXT_STAGE = {
    "preflight": "registry-trust",
    "registry-trust": "cleanup",
    "cleanup": "reconcile",
    "reconcile": "verify",
}


@dataclass(frozen=True, slots=True)
class Why:
    """One line of a card: how many, why, which. `kind` is the noun the card's own count uses."""

    count: int
    phrase: str
    names: str
    kind: str = "releases"
    cause: str = ""

    def sentence(self) -> str:
        """The line for a page: `Secrets that no sealing key can open: midwestmtg-backend, 7 in triager`."""
        return one_line(f"{self.phrase}: {self.names}" if self.names else self.phrase)


def why_red(result: StageResult) -> tuple[Why, ...]:
    """First causes by how many they hold; without an explanation, the failing findings by check."""
    if result.explanation is not None and (result.explanation.first_causes or result.explanation.unexplained):
        lines: list[Why] = []
        for group in grouped(result.explanation):
            lines += _group_lines(group)
        left = unexplained(result.explanation)
        if left:
            lines.append(_left_line([u.object for u in left], [u.why for u in left]))
        return tuple(lines)
    return _by_check([f for f in result.findings if f.result is Result.FAIL])


def _kind(kind: str) -> str:
    return "releases" if kind == RELEASE else "objects"


def _group_lines(group: CauseGroup) -> list[Why]:
    kind = _kind(group.counts)
    lines = []
    if group.direct:
        lines.append(Why(len(group.direct), cause_phrase(group.cause), names(group.direct), kind, group.cause))
    by: dict[ObjectRef, list[ObjectRef]] = {}
    for ref, blocker in group.blocked:
        by.setdefault(blocker, []).append(ref)
    for blocker, refs in sorted(by.items()):
        verb = "waits for" if len(refs) == 1 else "wait for"
        lines.append(Why(len(refs), f"{verb} {blocker.name}", names(refs), kind))
    return lines


def _left_line(refs: Sequence[ObjectRef], reasons: Sequence[str]) -> Why:
    stale = all("older" in r or "stale" in r for r in reasons)
    phrase = "unexplained, its last message is stale" if stale and len(refs) == 1 else "unexplained"
    return Why(len(refs), phrase, names(refs), _kind(refs[0].kind))


def _by_check(failing: Sequence[Finding]) -> tuple[Why, ...]:
    by: dict[str, list[Finding]] = {}
    for finding in failing:
        by.setdefault(finding.check, []).append(finding)
    ordered = sorted(by.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        Why(
            len(fs),
            f"{check}: {short(fs[0].reason, 60)}" if len(fs) == 1 else check,
            names([f.object for f in fs]),
            "findings",
        )
        for check, fs in ordered
    )


def next_act(result: StageResult, run: Mapping[str, Any]) -> NextAct:
    """The one next act. Red: that of the cause that frees most; not known: how to find out; fine: how to go on."""
    inventory = run_fact(run, "inventory_path") or run_fact(run, "inventory") or "INVENTORY"
    if result.explanation is not None:
        for group in grouped(result.explanation):
            if (act := repairs(group)[0].act).text:
                return act
        for left in unexplained(result.explanation):
            ref = left.object
            command = f"runbook explain {ref.kind}/{ref.name} -n {ref.namespace} -i {inventory}"
            return NextAct(f"Find out why {ref.name} fails", command, safe=True)
    if result.verdict is Verdict.FAIL:
        if (action := planned(result)) is not None:
            return NextAct(f"{action.kind.replace('-', ' ').capitalize()}: {action.object.name}", action.command)
        return NextAct("Name the first cause of what is red", f"runbook explain -i {inventory}", safe=True)
    if result.verdict is Verdict.ERROR:
        return _ask_again(result, inventory)
    return _go_on(result, run, inventory)


def planned(result: StageResult) -> Action | None:
    """The first planned act, one that nothing stands in the way of before the others."""
    waiting = [a for a in result.actions if a.outcome == "planned" and a.command]
    return min(waiting, key=lambda a: bool(a.requires), default=None)


def _ask_again(result: StageResult, inventory: str) -> NextAct:
    gaps = result.explanation.not_evaluated if result.explanation else ()
    said = " ".join([f.reason for f in result.findings if f.result is Result.ERROR] + [g.why for g in gaps])
    if "403" in said or "orbidden" in said or any(g.permission for g in gaps):
        sentence = "See which rights this stage needs and which are missing"
        return NextAct(sentence, f"runbook plan preflight -i {inventory}", safe=True)
    return NextAct(
        "Ask again for what could not be evaluated", f"runbook plan {result.stage} -i {inventory}", safe=True
    )


def _go_on(result: StageResult, run: Mapping[str, Any], inventory: str) -> NextAct:
    following = _NEXT_STAGE.get(result.stage)
    if following:
        return NextAct(
            f"Carry on with {following}: look at its plan", f"runbook plan {following} -i {inventory}", safe=True
        )
    name = run_fact(run, "id") or run_fact(run, "name") or "RUN"
    return NextAct("Nothing to repair. Prove the record unchanged", f"runbook check-seal {name}", safe=True)


def next_note(result: StageResult) -> str:
    """What the act frees, and what not to do: a timeout in the messages of releases whose cause is another."""
    if result.explanation is None or not result.explanation.first_causes:
        action = planned(result) if result.verdict is Verdict.FAIL and result.explanation is None else None
        return _of_action(action) if action is not None else ""
    groups = grouped(result.explanation)
    lead, others = repairs(groups[0])[0], len(repairs(groups[0])) - 1
    frees = f"{len(lead.direct)} + {len(lead.blocked)}" if lead.blocked else counted(groups[0].counts, len(lead.direct))
    parts = [f"Frees {frees}."]
    if others:
        parts.append(
            f"{plural(others, 'more repair')} of this kind {'is' if others == 1 else 'are'} needed: see the report."
        )
    timeouts = _timeouts(result, {ref for g in groups if "timeout" not in g.cause for ref in g.direct})
    if timeouts:
        parts.append(f"Do not raise a timeout: {plural(timeouts, 'release')} of other causes show one.")
    if lead.causes[0].proof == "hypothesis" and lead.causes[0].decides:
        parts.append(f"A hypothesis; decided by: {one_line(lead.causes[0].decides)}")
    return " ".join(parts)


def _of_action(action: Action) -> str:
    way = "".join(f"First: {need}. " for need in action.requires)
    return one_line(f"{way}Because: {action.reason}. Undo: {action.undo}")


def _timeouts(result: StageResult, caused: set[ObjectRef]) -> int:
    return len({
        f.object
        for f in result.findings
        if f.object in caused and f.result is Result.FAIL and symptom("\n".join((f.reason, *f.evidence)))
    })  # fmt: skip
