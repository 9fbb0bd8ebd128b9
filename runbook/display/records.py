"""What was done, accepted and cut: actions, waivers, redactions, times. Each is printed also when there is none of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runbook.display.table import Cell, CellLike, Column, Table
from runbook.display.texts import plural, span
from runbook.display.words import FAIL, WAIVED, WARN
from runbook.model import Action, Finding, Result, StageResult, Waiver

_OUTCOMES = {"failed": FAIL, "unknown": FAIL}


def actions_table(actions: Iterable[Action], *, caption: str = "Actions") -> Table:
    """Every act: why, what came of it, what it touches, how it is undone, what a person would type."""
    items = list(actions)
    outcomes = [a.outcome for a in items]
    counts = ", ".join(f"{outcomes.count(o)} {o}" for o in dict.fromkeys(outcomes))
    rows = [_action_row(a) for a in items]
    return Table(
        caption,
        ("Act", Column("Outcome", tight=True), "Touches", "Undo"),
        rows,
        count=f"{len(items)}: {counts}" if items else "0, nothing was changed",
        empty="no act was planned and none was done",
    )


def _action_row(action: Action) -> Sequence[CellLike]:
    under = [f"because: {action.reason}", action.command]
    if action.outcome == "planned":
        under += [f"stands in the way: {need}" for need in action.requires]
        under += [f"asks a person: {action.asks}"] if action.asks else []
    else:
        under += [f"{action.outcome}: {action.said}"]
    outcome = Cell(action.outcome, word=_OUTCOMES.get(action.outcome))
    return (
        Cell(f"{action.id} {action.kind} {action.object}", under=tuple(filter(None, under))),
        outcome,
        action.blast_radius,
        action.undo,
    )


def waivers_table(result: StageResult) -> Table:
    """Accepted failures: who, ticket, until when, how many answers each covers; refused and expired ones too."""
    used: dict[Waiver, list[Finding]] = {}
    for finding in result.findings:
        if finding.waiver:
            used.setdefault(finding.waiver, []).append(finding)
    for criterion in result.criteria:
        for waiver in criterion.waivers:
            used.setdefault(waiver, [])
    rows = [_waiver_row(w, fs) for w, fs in sorted(used.items(), key=lambda item: item[0].id)]
    return Table(
        "Accepted failures",
        ("Waiver", "Covers", "Approved by", "Ticket", Column("Until", tight=True), "State"),
        rows,
        count=str(len(rows)),
        empty="no failure was accepted by anybody",
        wide=True,
    )


def _waiver_row(waiver: Waiver, findings: list[Finding]) -> Sequence[CellLike]:
    refused = [f for f in findings if f.result is Result.FAIL]
    covers = f"{waiver.check} on {waiver.object}: {plural(len(findings), 'finding')}"
    state = Cell("refused or expired", word=FAIL) if refused else Cell("used", word=WAIVED)
    who = Cell(f"{waiver.who}, self-approved", word=WARN) if waiver.self_approved else Cell(waiver.who)
    return (
        Cell(waiver.id),
        Cell(covers, under=(waiver.why,) if waiver.why else ()),
        who,
        waiver.ticket,
        waiver.until.isoformat(),
        state,
    )


def redactions_table(redactions: Mapping[str, int]) -> Table:
    """What was cut before anything was written, by kind. The total is printed also when it is 0."""
    rows = [(kind, count) for kind, count in sorted(redactions.items())]
    total = sum(redactions.values())
    return Table(
        "What was cut",
        ("Kind", Column("Cuts", num=True)),
        rows,
        count=f"{plural(total, 'cut')} of {plural(len(rows), 'kind')}",
        empty="nothing had to be cut",
    )


def timings_table(timings: Mapping[str, float]) -> Table:
    """How long each part of a stage took."""
    rows = [(name, span(seconds)) for name, seconds in timings.items()]
    return Table("How long it took", ("Part", Column("Took", num=True)), rows, count=span(sum(timings.values())))
