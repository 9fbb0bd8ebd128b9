"""What `runbook explain KIND/NAME` shows below the ladder: the object as it was observed, and its containers' last words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from runbook.display import Paragraph, Shown, Stack, Table
from runbook.display.texts import span
from runbook.evidence import Redactor

if TYPE_CHECKING:
    from runbook.clients.inside import Answer
    from runbook.clients.lastwords import LastWords
    from runbook.diagnosis.details import Details
    from runbook.model import ObjectRef

EVENTS = 30


def described(found: Details, now: datetime) -> Shown:
    """Owner chain, conditions, containers, references and events of one object; parts that it has not are left out."""
    return Stack(*_parts(found, now))


def _parts(found: Details, now: datetime) -> Iterator[Shown]:
    cut = Redactor().text
    made = " ← ".join(str(ref) for ref in (found.object, *found.makers))
    yield Paragraph(f"{made}{f': {found.status}' if found.status else ''}")
    if found.conditions:
        rows = [
            (c.type, c.status, c.reason, _age(c.last_transition_time, now), cut(c.message)) for c in found.conditions
        ]
        yield Table(caption="Conditions", columns=("Type", "Status", "Reason", "Age", "Message"), rows=rows)
    if found.containers:
        boxes = [(c.name, c.state, c.last, str(c.restarts), c.limits, c.image) for c in found.containers]
        columns = ("Container", "State", "Before", "Restarts", "Limits", "Image")
        yield Table(caption="Containers", columns=columns, rows=boxes)
    if found.needs:
        needs = [(str(n.object), n.where, n.state) for n in found.needs]
        yield Table(caption="What it refers to", columns=("Object", "Where", "Is"), rows=needs)
    shown = found.events[:EVENTS]
    more = f", the newest {EVENTS} of {len(found.events)}" if len(found.events) > EVENTS else ""
    events = [(_age(e.when, now), str(e.count), e.type, e.reason, cut(e.message)) for e in shown]
    yield Table(
        caption=f"Events, newest first{more}", columns=("Age", "Count", "Type", "Reason", "Message"), rows=events
    )


def last_words(logs: tuple[LastWords, ...]) -> Shown:
    """The tails of the failing containers' logs, this start and the one before."""
    parts: list[Shown] = []
    for log in logs:
        name = f"Log of container {log.container}, {'the start before' if log.previous else 'this start'}"
        if log.why_not:
            parts.append(Paragraph(f"{name}: NOT EVALUATED: {log.why_not}"))
        else:
            rows = [(line,) for line in log.lines]
            parts.append(Table(caption=f"{name}, last {len(rows)} lines", columns=("Line",), rows=rows))
    return Stack(*parts)


def answers(asked: Mapping[ObjectRef, tuple[Answer, ...]]) -> Shown:
    """What each Service answered from inside the cluster, port by port."""
    words = {True: "yes", False: "no", None: "NOT EVALUATED"}
    rows = [(str(ref), str(a.port), words[a.reached], a.said) for ref, found in asked.items() for a in found]
    return Table(
        caption="Asked from inside, through the API server's proxy",
        columns=("Service", "Port", "Reached", "Answer"),
        rows=rows,
    )


def ingress_log(logs: tuple[LastWords, ...], pods: int) -> Shown:
    """What the ingress controllers wrote about an Ingress."""
    if not pods:
        return Paragraph("Log of the ingress controller: NOT EVALUATED: no pod carries the label of a known one")
    parts: list[Shown] = []
    for log in logs:
        name = f"Log of the ingress controller {log.container}, lines that name its hosts, paths or backends"
        if log.why_not:
            parts.append(Paragraph(f"{name}: NOT EVALUATED: {log.why_not}"))
        else:
            parts.append(Table(caption=name, columns=("Line",), rows=[(line,) for line in log.lines]))
    return Stack(*parts)


def _age(when: datetime | None, now: datetime) -> str:
    return span(max(0, round((now - when).total_seconds()))) if when is not None else "no time"
