"""Is every expected node there, ready, and under no pressure?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.cluster import Node
from runbook.domain.readiness import node_state
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Is every expected node there, ready, and under no pressure?"
NEEDS = ("Node",)
STAGES = ("preflight", "registry-trust", "verify", "diagnose")
answer = Answers("nodes-ready")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each expected node; a node nobody expects is noticed."""
    found = {n.metadata.name: n for n in snapshot.of(Node)}
    if not found:
        yield answer.failed(cluster_ref(snapshot), "the cluster has no node")
    for entry in inventory.nodes:
        node = found.pop(entry.name, None)
        if node is None:
            yield answer.failed(ObjectRef("Node", "", entry.name), "it is not in the cluster", runtime=entry.runtime)
            continue
        runtime = node.status.node_info.container_runtime_version
        state = node_state(node)
        if not state.ready:
            yield answer.failed(node.ref, f"{state.reason}: {state.message}", runtime=runtime)
        elif not runtime.startswith(entry.runtime):
            yield answer.failed(
                node.ref, f"its runtime is {runtime}, the inventory says {entry.runtime}", runtime=runtime
            )
        else:
            yield answer.passed(node.ref, f"ready, {runtime}", runtime=runtime)
    for node in found.values():
        state = node_state(node)
        if inventory.nodes:
            yield answer.warned(
                node.ref, f"not in the inventory; {state.word}", runtime=node.status.node_info.container_runtime_version
            )
        else:
            tell = answer.passed if state.ready else answer.failed
            yield tell(node.ref, state.message or state.word)
