"""Do Flux's controllers run, and are their kinds served? A denied read is not a healthy controller."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.images import parse
from runbook.domain.probes import ServedKind
from runbook.domain.readiness import workload_state
from runbook.domain.workloads import Deployment
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Do Flux's controllers run, and are their kinds served?"
NEEDS = ("Deployment", "ServedKind")
STAGES = ("preflight", "verify")
CONTROLLERS = ("source-controller", "kustomize-controller", "helm-controller")
KINDS = ("GitRepository", "Kustomization", "HelmRelease")
answer = Answers("flux-controllers")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each controller, one for the kinds."""
    namespaces = inventory.logs.namespaces
    for name in CONTROLLERS:
        found = next(
            (d for d in snapshot.of(Deployment) if d.metadata.name == name and d.metadata.namespace in namespaces), None
        )
        if found is None:
            yield answer.failed(
                ObjectRef("Deployment", namespaces[0], name), f"it does not exist in {', '.join(namespaces)}"
            )
            continue
        state = workload_state(found)
        version = parse(found.spec.template.spec.containers[0].image).tag if found.spec.template.spec.containers else ""
        tell = answer.passed if state.ready else answer.failed
        yield tell(found.ref, f"{version}: {state.message}", version=version)
    served = {k.kind: k.version for k in snapshot.of(ServedKind)}
    missing = [k for k in KINDS if k not in served]
    if missing:
        yield answer.failed(cluster_ref(snapshot), f"the server does not serve {', '.join(missing)}")
    else:
        yield answer.passed(cluster_ref(snapshot), ", ".join(f"{k} {served[k]}" for k in KINDS))
