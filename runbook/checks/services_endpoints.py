"""Does every Service that selects pods have a ready endpoint?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runbook.domain.network import EndpointSlice, Service
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref, namespaces_of
from runbook.model import Finding, Snapshot

QUESTION = "Does every Service that selects pods have a ready endpoint?"
NEEDS = ("Service", "EndpointSlice")
STAGES = ("verify",)
SERVICE = "kubernetes.io/service-name"
answer = Answers("services-endpoints")


def ready_endpoints(slices: tuple[EndpointSlice, ...]) -> Counter[tuple[str, str]]:
    """Ready addresses by (namespace, Service); a nil `ready` counts as true (discovery/v1)."""
    counted: Counter[tuple[str, str]] = Counter()
    for one in slices:
        for endpoint in one.endpoints or ():
            if endpoint.conditions.ready is not False:
                counted[one.metadata.namespace, one.metadata.label(SERVICE)] += len(endpoint.addresses)
    return counted


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each Service with a selector in the inventory's namespaces."""
    ready, namespaces = ready_endpoints(snapshot.of(EndpointSlice)), namespaces_of(inventory)
    services = [s for s in snapshot.of(Service) if s.spec.selector and s.metadata.namespace in namespaces]
    for service in services:
        number = ready[service.metadata.namespace, service.metadata.name]
        tell = answer.passed if number else answer.failed
        yield tell(service.ref, f"{number} ready endpoint(s)", ready=number)
    if not services:
        absent = answer.failed if inventory.releases else answer.inapplicable
        yield absent(cluster_ref(snapshot), f"no Service selects pods in {len(namespaces)} namespaces")
