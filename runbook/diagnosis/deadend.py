"""Why what leads to Services has no root though it fails: what these say of each other, else that no pod behind them says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook.diagnosis import waysin
from runbook.diagnosis.roots import listed
from runbook.diagnosis.signs import Health
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.graph import Graph


def dead_end(graph: Graph, ref: ObjectRef, health: Health) -> str:
    """The sentence, of an endpoint, an Ingress, a route or a Service."""
    problems = tuple(waysin.problems(graph, ref))
    said = [sign.message for sign in health.signs[:1]]
    return "; ".join([*problems, *said]) if problems else without_pods(graph, ref, health)


def without_pods(graph: Graph, ref: ObjectRef, health: Health) -> str:
    """The same where nothing is wrong with how they name each other."""
    text = next((sign.message for sign in health.signs), "")
    services = [e.target for e in graph.out(ref, "serves")]
    gone = [s for s in services if graph.absent(s) == "missing"]
    if gone:
        return f"{listed(gone)} does not exist" + (f"; {text}" if text else "")
    if ref.kind == "Service":
        return "it has no ready endpoints, and no pod behind it says why"
    return text or f"{listed(services)} has no ready endpoints, and no pod behind it says why"
