"""Does every declared endpoint answer as expected, over verified TLS?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.bodies import differing
from runbook.domain.probes import EndpointProbe
from runbook.inventory.model import Endpoint, Inventory
from runbook.judgement.answers import Answers
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Does every declared endpoint answer as expected, over verified TLS?"
NEEDS = ("EndpointProbe",)
STAGES = ("verify", "diagnose")
answer = Answers("endpoints-answer")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each declared endpoint: one of three is not all."""
    if not inventory.endpoints:
        yield answer.expected(snapshot.cluster, "endpoints")
        return
    probes = {p.name: p for p in snapshot.of(EndpointProbe)}
    for entry in inventory.endpoints:
        ref = ObjectRef("Endpoint", "", entry.name)
        probe = probes.get(entry.name)
        yield _judged(ref, entry, probe) if probe else answer.unknown(ref, "it was not asked")


def _judged(ref: ObjectRef, entry: Endpoint, probe: EndpointProbe) -> Finding:
    facts = {
        "url": entry.url,
        "status": probe.status,
        "tls": probe.tls,
        "version": probe.body_version,
        "layer": probe.layer,
    }
    if probe.error:
        return answer.failed(ref, f"GET {entry.url}: stopped at {probe.layer}: {probe.error}", **facts)
    if probe.status not in entry.status:
        wanted = " or ".join(str(s) for s in entry.status)
        return answer.failed(
            ref, f"GET {entry.url} answered {probe.status}, wanted {wanted}", probe.body[:200], **facts
        )
    wrong = differing(probe.body, entry.expect)
    if wrong:
        return answer.failed(
            ref,
            f"answered {probe.status}, but its {wrong[0]} is not {entry.expect[wrong[0]]!r}",
            probe.body[:200],
            **facts,
        )
    if probe.tls == "unverified":
        return answer.warned(ref, f"answered {probe.status}, TLS not verified (declared so): a downgrade", **facts)
    if probe.tls == "none":
        return answer.warned(
            ref, f"answered {probe.status} over plain HTTP: nothing was verified, a downgrade", **facts
        )
    return answer.passed(ref, f"answered {probe.status} in {probe.seconds:.2f} s, TLS {probe.tls}", **facts)
