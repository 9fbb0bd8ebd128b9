"""The troubleshooting steps at each first cause, from what was kept: nothing is asked here, so a replay shows the same."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.diagnosis import graph, index
from runbook.diagnosis.details import details
from runbook.diagnosis.graph import Graph
from runbook.display import Paragraph, Shown
from runbook.display.phrases import cause_title
from runbook.display.steps import Steps, steps_of
from runbook.domain.inquiries import Inquiry
from runbook.model import Explanation, FirstCause, ObjectRef, Snapshot, Unexplained
from runbook.stage.describing import described, told

EVENTS = 5  # of one object; `runbook explain KIND/NAME` shows more


def closer(snapshot: Snapshot, explanation: Explanation) -> Shown | None:
    """Logs, answers from inside, ingress lines and the next act, cause by cause; None where nobody was to ask."""
    if Inquiry.KIND not in snapshot.objects:
        return None
    kept = snapshot.seen(Inquiry)
    network = graph.build(index.build(snapshot)) if kept else None
    left = [str(i.about) for i in kept if i.left_out]
    why = next((i.left_out for i in kept if i.left_out), "")
    return steps_of([_steps(snapshot, explanation, i, network) for i in kept if not i.left_out], left, why)


def count(snapshot: Snapshot) -> str:
    """`3 objects asked about, 2 left out`."""
    kept = snapshot.seen(Inquiry)
    left = sum(bool(i.left_out) for i in kept)
    return f"{len(kept) - left}" + (f" + {left} left out" if left else "")


def _steps(snapshot: Snapshot, explanation: Explanation, inquiry: Inquiry, network: Graph | None) -> Steps:
    cause = _cause(explanation, inquiry.about)
    found = details(snapshot, ObjectRef.parse(inquiry.pod) if inquiry.pod else inquiry.about, network)
    full = described(found, snapshot.observed_at, events=EVENTS) if found is not None else None
    said = [*told(inquiry), *_beside(explanation, cause, inquiry)]
    if cause is not None:
        return Steps(cause_title(cause.cause), cause.proof, str(inquiry.about), said, full, cause.next)
    left = next((u for u in explanation.unexplained if u.object == inquiry.about), None)
    return Steps("Unexplained", "", str(inquiry.about), [*said, *_why(left)], full, None)


def _cause(explanation: Explanation, ref: ObjectRef) -> FirstCause | None:
    """The first cause under which the object stands."""
    named = (c for c in explanation.first_causes if c.object == ref or any(e.object == ref for e in c.explains))
    return next(named, None)


def _beside(explanation: Explanation, cause: FirstCause | None, inquiry: Inquiry) -> Iterator[Shown]:
    """What was not asked because nothing can be, and who else is at fault in the same way."""
    if not (inquiry.logs or inquiry.silent or inquiry.answers or inquiry.controllers is not None):
        yield Paragraph("Nothing to ask here: no container of it ran, and no Service or Ingress is concerned.")
    more = [c for c in explanation.first_causes if cause is not None and c.cause == cause.cause and c != cause]
    if more:
        yield Paragraph(f"{len(more)} more at fault in the same way, not asked about: {_names(more)}.")


def _names(causes: list[FirstCause]) -> str:
    shown = ", ".join(str(c.object) for c in causes[:5])
    return shown + (f" and {len(causes) - 5} more" if len(causes) > 5 else "")


def _why(left: Unexplained | None) -> Iterator[Shown]:
    if left is not None:
        yield Paragraph(f"Why it is not explained: {left.why}.")
        yield from (
            Paragraph(f"Possible: {cause_title(h.cause)}: {h.because} Decided by: {h.decides}") for h in left.hypotheses
        )
