"""One object in full: as it was observed, its containers' last words, what Services answered and an ingress wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from runbook.diagnosis.details import ContainerDetail, Details
from runbook.diagnosis.releasedetails import ReleaseDetail
from runbook.display import Cell, Column, Paragraph, Shown, Stack, Table
from runbook.display.texts import plural, span
from runbook.domain.inquiries import Answer, Inquiry, LastWords
from runbook.evidence import Redactor

EVENTS = 30


def described(found: Details, now: datetime, *, events: int = EVENTS) -> Shown:
    """Owner chain, conditions, containers, references and events of one object; parts that it has not are left out."""
    return Stack(*_parts(found, now, events))


def _parts(found: Details, now: datetime, limit: int) -> Iterator[Shown]:
    cut = Redactor().text
    made = " ← ".join(str(ref) for ref in (found.object, *found.makers))
    yield Paragraph(f"{made}{f': {found.status}' if found.status else ''}")
    if found.conditions:
        rows = [
            (Cell(c.type, under=(_age(c.last_transition_time, now),)), c.status, _under(c.reason, cut(c.message)))
            for c in found.conditions
        ]
        yield Table(caption="Conditions", columns=("Type", "Status", "Reason"), rows=rows)
    if found.release is not None:
        yield from _release(found.release, now)
    if found.containers:
        boxes = [
            (Cell(c.name, under=(c.image,)), Cell(c.state, under=tuple(_before(c))), c.limits) for c in found.containers
        ]
        yield Table(caption="Containers", columns=("Container", "State", "Limits"), rows=boxes)
    if found.needs:
        needs = [(str(n.object), n.where, n.state) for n in found.needs]
        yield Table(caption="What it refers to", columns=("Object", "Where", "Is"), rows=needs)
    if found.leads:
        leads = [(one.what, one.where, cut(one.state)) for one in found.leads]
        yield Table(caption="What it leads to", columns=("What", "Where", "Is"), rows=leads)
    shown = found.events[:limit]
    more = f", the newest {limit} of {len(found.events)}" if len(found.events) > limit else ""
    events = [
        (Cell(f"{e.type} {e.reason}", under=(f"{_age(e.when, now)} old, {plural(e.count, 'time')}",)), cut(e.message))
        for e in shown
    ]
    yield Table(caption=f"Events, newest first{more}", columns=("Event", "Message"), rows=events)


def _release(helm: ReleaseDetail, now: datetime) -> Iterator[Shown]:
    """What Flux counts and Helm keeps of a release, and the Jobs of its hooks: said also where there is none of it."""
    cut = Redactor().text
    tried = f"; last attempted: {helm.attempted}{f', {helm.action}' if helm.action else ''}" if helm.attempted else ""
    yield Paragraph(
        f"Failures: {helm.failures}, of installs {helm.install_failures}, of upgrades {helm.upgrade_failures}{tried}."
    )
    rows = [
        (str(r.version), r.status, r.action or "not said", r.chart, r.app_version, _ago(r.deployed, now))
        for r in helm.history
    ]
    columns = ("Revision", "Status", "Action", "Chart", "App", "Deployed")
    yield Table(caption="History, newest first", columns=columns, rows=rows, empty="none is kept in its status")
    hooks = [(str(h.object), Cell(h.state, under=(cut(h.said),) if h.said else ())) for h in helm.hooks]
    yield Table(caption="Hook Jobs", columns=("Job", "State"), rows=hooks, empty="none is there now")


def _ago(when: datetime | None, now: datetime) -> str:
    return f"{_age(when, now)} before" if when is not None else "not said"


def _under(text: str, below: str) -> Cell:
    """A word with a sentence below it; the sentence alone where there is no word."""
    return Cell(text, under=(below,) if below else ()) if text else Cell(below)


def _before(box: ContainerDetail) -> Iterator[str]:
    if box.last:
        yield f"before: {box.last}"
    yield plural(box.restarts, "restart")


def told(inquiry: Inquiry) -> Iterator[Shown]:
    """What was asked about one object, and what came of it; what could not be asked says why."""
    yield from (_log(log) for log in inquiry.logs)
    yield from (Paragraph(f"Container {why}: there is no log.") for why in inquiry.silent)
    if inquiry.answers:
        yield answers(inquiry.answers)
    if inquiry.controllers is not None:
        yield ingress_log(inquiry.ingress, inquiry.controllers)


def last_words(logs: Sequence[LastWords]) -> Shown:
    """The tails of the failing containers' logs, this start and the one before."""
    return Stack(*(_log(log) for log in logs))


def _log(log: LastWords) -> Shown:
    return _lines(f"Log of container {log.container}, {'the start before' if log.previous else 'this start'}", log)


def _lines(name: str, log: LastWords, *, none: str = "it is empty") -> Shown:
    if log.why_not:
        return Paragraph(f"{name}: NOT EVALUATED: {log.why_not}")
    if not log.lines:
        return Paragraph(f"{name}: {none}.")
    rows = [(line or " ",) for line in log.lines]
    count = f"last {plural(len(rows), 'line')}"
    return Table(caption=name, columns=(Column("Line", mono=True),), rows=rows, count=count)


def answers(asked: Sequence[Answer]) -> Shown:
    """What each Service answered from inside the cluster, port by port."""
    words = {True: "yes", False: "no", None: "NOT EVALUATED"}
    rows = [(a.service, str(a.port), words[a.reached], a.said) for a in asked]
    return Table(
        caption="Asked from inside, through the API server's proxy",
        columns=("Service", Column("Port", tight=True), Column("Reached", tight=True), "Answer"),
        rows=rows,
    )


def ingress_log(logs: Sequence[LastWords], pods: int) -> Shown:
    """What the ingress controllers wrote about an Ingress."""
    if not pods:
        return Paragraph("Log of the ingress controller: NOT EVALUATED: no pod carries the label of a known one")
    more = f" ({len(logs)} of {pods} controllers' pods were read)" if len(logs) < pods else ""
    name = "Log of the ingress controller {}, lines that name its hosts, paths or backends"
    none = "none of those that were looked through does"
    return Stack(*(_lines(name.format(log.container) + more, log, none=none) for log in logs))


def _age(when: datetime | None, now: datetime) -> str:
    return span(max(0, round((now - when).total_seconds()))) if when is not None else "no time"
