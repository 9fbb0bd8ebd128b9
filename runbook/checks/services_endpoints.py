"""Does every Service that selects pods have a ready endpoint?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runbook.domain.network import EndpointSlice, Service, ready_endpoints
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref, namespaces_of
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Does every Service that selects pods have a ready endpoint?"
NEEDS = ("Service", "EndpointSlice")
STAGES = ("verify", "diagnose")
answer = Answers("services-endpoints")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each Service with a selector in the inventory's namespaces."""
    ready, namespaces = ready_endpoints(snapshot.of(EndpointSlice)), namespaces_of(inventory)
    services = [s for s in snapshot.of(Service) if s.spec.selector and s.metadata.namespace in namespaces]
    for service in services:
        number = ready[service.metadata.namespace, service.metadata.name]
        tell = answer.passed if number else answer.failed
        yield tell(service.ref, f"{number} ready endpoint(s)", ready=number)
    seen = {s.ref for s in services}
    yield from _declared(snapshot, inventory, seen, ready)
    if not services:
        absent = answer.failed if inventory.releases else answer.inapplicable
        yield absent(cluster_ref(snapshot), f"no Service selects pods in {len(namespaces)} namespaces")


def _declared(
    snapshot: Snapshot, inventory: Inventory, seen: set[ObjectRef], ready: Counter[tuple[str, str]]
) -> Iterator[Finding]:
    """The Services that declared endpoints name and that were not answered above: absent, elsewhere, or without selector."""
    existing = {s.ref for s in snapshot.of(Service)}
    for entry in inventory.endpoints:
        namespace, slash, name = entry.service.partition("/")
        ref = ObjectRef("Service", namespace, name)
        if not slash or ref in seen:
            continue
        seen.add(ref)
        number = ready[namespace, name]
        if ref not in existing:
            yield answer.failed(ref, f"it does not exist, and endpoint {entry.name} is served by it", ready=0)
        else:
            tell = answer.passed if number else answer.failed
            yield tell(ref, f"{number} ready endpoint(s) behind endpoint {entry.name}", ready=number)
