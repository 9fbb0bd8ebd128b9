"""Does every Ingress path lead to a Service that exists and has a ready endpoint?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.network import EndpointSlice, Ingress, Service, ready_endpoints
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, by_name, cluster_ref
from runbook.model import Finding, Snapshot

QUESTION = "Does every Ingress path lead to a Service that exists and has a ready endpoint?"
NEEDS = ("Ingress", "Service", "EndpointSlice")
STAGES = ("verify", "diagnose")
answer = Answers("ingress-backends")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each Ingress: all of its paths, or the first that leads nowhere."""
    services, ready = by_name(snapshot.of(Service)), ready_endpoints(snapshot.of(EndpointSlice))
    ingresses = snapshot.of(Ingress)
    for ingress in ingresses:
        problems, paths = [], [(backend.name, path) for path, backend in ingress.backends()]
        for name, path in paths:
            key = (ingress.metadata.namespace, name)
            if key not in services:
                problems.append(f"{path} leads to Service {name}, which does not exist")
            elif not ready[key]:
                problems.append(f"{path} leads to Service {name}, which has no ready endpoint")
        if problems:
            yield answer.failed(ingress.ref, problems[0], *problems[1:])
        elif not paths:
            yield answer.failed(ingress.ref, "it has no path to a Service and no default backend: it leads nowhere")
        else:
            yield answer.passed(ingress.ref, f"{len(paths)} path(s) lead to ready endpoints")
    if not ingresses:
        tell = answer.failed if inventory.endpoints else answer.inapplicable
        yield tell(cluster_ref(snapshot), f"there is no Ingress; {len(inventory.endpoints)} endpoint(s) are declared")
