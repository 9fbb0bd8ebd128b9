"""Is every infrastructure row ready, with endpoints where it has a Service? Denominators are stated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runbook.domain.network import EndpointSlice, ready_endpoints
from runbook.domain.probes import EndpointProbe
from runbook.domain.readiness import workload_state
from runbook.domain.workloads import DaemonSet, Deployment, StatefulSet, Workload
from runbook.inventory.model import InfrastructureRow, Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Result, Snapshot

QUESTION = "Is every infrastructure row ready, with endpoints where it has a Service?"
NEEDS = ("Deployment", "StatefulSet", "DaemonSet", "EndpointSlice")
STAGES = ("verify",)
KINDS: dict[str, type[Workload]] = {k.KIND: k for k in (Deployment, StatefulSet, DaemonSet)}
answer = Answers("infrastructure-ready")
Tell = Callable[..., Finding]


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each row of the inventory's infrastructure list."""
    if not inventory.infrastructure:
        yield answer.expected(snapshot.cluster, "infrastructure rows")
    for row in inventory.infrastructure:
        found = _judged(snapshot, inventory, row)
        yield _also(snapshot, inventory, row, found) if found.result is Result.PASS else found


def _also(snapshot: Snapshot, inventory: Inventory, row: InfrastructureRow, found: Finding) -> Finding:
    """A row may rest on another check too: a sealed-secrets controller that runs and opens nothing is not operational."""
    from runbook.checks import run

    for name in row.also:
        if name == answer.check:
            return answer.unknown(found.object, f"{name} rests on itself (`also`): it can never be answered")
        answers = run("verify", snapshot, inventory, only=[name])
        bad = [f for f in answers if f.check == name and f.result in (Result.FAIL, Result.ERROR)]
        if bad:
            reason = f"{found.reason}; but {name}: {len(bad)} of {len(answers)} not met: {bad[0].object.name}: {bad[0].reason}"
            tell = answer.failed if any(f.result is Result.FAIL for f in bad) else answer.unknown
            return tell(found.object, reason, text=row.text, ticked=row.ticked)
    return found


def _judged(snapshot: Snapshot, inventory: Inventory, row: InfrastructureRow) -> Finding:
    ref = ObjectRef("Checklist", "", row.id)
    target = row.workload
    if target.kind not in KINDS:
        return answer.unknown(ref, f"{target.kind} is no workload this check can read")
    found = by_name(snapshot.of(KINDS[target.kind])).get((target.namespace, target.name))
    place = f"{target.kind} {target.namespace}/{target.name}"
    if found is None:
        return answer.failed(ref, f"{place} does not exist", text=row.text, ticked=row.ticked)
    state = workload_state(found)
    if not state.ready:
        return answer.failed(ref, f"{place}: {state.message}", text=row.text, ticked=row.ticked)
    against = _endpoint(snapshot, inventory, row)
    if against is not None:
        tell, why = against
        return tell(ref, f"{place}: {state.message}; but {why}", text=row.text, ticked=row.ticked)
    if row.service is None:
        return answer.passed(ref, f"{place}: {state.message}", text=row.text, ticked=row.ticked)
    number = ready_endpoints(snapshot.of(EndpointSlice))[row.service.namespace, row.service.name]
    reason = f"{place}: {state.message}; Service {row.service.name}: {number} ready endpoint(s)"
    tell = answer.passed if number else answer.failed
    return tell(ref, reason, text=row.text, ticked=row.ticked)


def _endpoint(snapshot: Snapshot, inventory: Inventory, row: InfrastructureRow) -> tuple[Tell, str] | None:
    """How the row's own endpoint speaks against it; None when it names none, or it answered as declared."""
    if not row.endpoint:
        return None
    entry = next((e for e in inventory.endpoints if e.name == row.endpoint), None)
    probe = next((p for p in snapshot.of(EndpointProbe) if p.name == row.endpoint), None)
    if entry is None or probe is None:
        return answer.unknown, f"endpoint {row.endpoint} was not asked"
    if probe.error or probe.status not in entry.status:
        return answer.failed, f"endpoint {row.endpoint}: {probe.error or f'answered {probe.status}'}"
    return None
