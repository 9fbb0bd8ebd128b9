"""Was the applications' function tried, by declared smoke checks? A health check alone is labelled as what it is."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.bodies import differing
from runbook.domain.probes import EndpointProbe
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Was the applications' function tried, by declared smoke checks?"
NEEDS = ("EndpointProbe",)
STAGES = ("verify",)
answer = Answers("smoke-checks")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each endpoint declared as a smoke check; none declared is not evaluated, whatever health says."""
    declared = [e for e in inventory.endpoints if e.smoke]
    if not declared:
        health = sum(p.status == 200 and not p.error for p in snapshot.of(EndpointProbe))
        reason = f"no smoke check is declared; {health} of {len(inventory.endpoints)} health checks answered, which is health only"
        yield answer.unknown(cluster_ref(snapshot), reason, declared=0, health=health)
        return
    probes = {p.name: p for p in snapshot.of(EndpointProbe)}
    for entry in declared:
        ref, probe = ObjectRef("Endpoint", "", entry.name), probes.get(entry.name)
        if probe is None:
            yield answer.unknown(ref, "it was not asked")
        elif probe.error or probe.status not in entry.status:
            yield answer.failed(ref, f"answered {probe.status or probe.error}")
        else:
            wrong = differing(probe.body, entry.expect)
            if not entry.expect:
                yield answer.unknown(ref, "it says nothing about what to expect in the body")
            elif wrong:
                yield answer.failed(ref, f"the body's {wrong[0]} is not {entry.expect[wrong[0]]!r}", probe.body[:200])
            else:
                yield answer.passed(ref, f"the body says {', '.join(f'{k} {v}' for k, v in entry.expect.items())}")
