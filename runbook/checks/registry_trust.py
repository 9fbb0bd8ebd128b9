"""Does every node trust the registry under every name form? Only a read of the node or a pull is evidence for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook.domain.certificates import TrustFault, fault_of
from runbook.domain.cluster import Event
from runbook.domain.pods import Pod
from runbook.domain.probes import RegistryTrust
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers
from runbook.model import Finding, NotObserved, ObjectRef, Snapshot

QUESTION = "Does every node trust the registry under every name form?"
NEEDS = ("RegistryTrust", "Pod", "Event")
STAGES = ("preflight", "registry-trust", "verify")
STEPS = ("resolve", "connect", "chain", "name", "expiry", "api", "manifest")
REACHED = ("chain", "name", "expiry")
CURES = {
    TrustFault.UNKNOWN_AUTHORITY: "install the CA where this runtime reads it (certs.d is read at every pull: no restart)",
    TrustFault.NO_IP_SAN: "a CA cannot cure it: the certificate needs this IP among its IP SANs",
    TrustFault.NAME_MISMATCH: "a CA cannot cure it: the certificate does not name this host",
    TrustFault.EXPIRED: "a CA cannot cure it: renew the certificate, after comparing the clocks",
    TrustFault.PLAIN_HTTP: "a CA cannot cure it: the registry speaks plain HTTP",
}
answer = Answers("registry-trust")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each node and name form."""
    if inventory.registry is None:
        yield answer.expected(snapshot.cluster, "registry")
        return
    if not inventory.nodes:
        yield answer.unknown(ObjectRef("Registry", "", inventory.registry.names[0]), "the inventory names no node")
    cells = {(c.vantage, c.host): c for c in snapshot.of(RegistryTrust)}
    for node in inventory.nodes:
        for host in inventory.registry.names:
            ref = ObjectRef("Node", "", f"{node.name} → {host}")
            cell = cells.get((node.name, host))
            against = _kubelet_says(snapshot, node.name, host)
            yield from _judged(ref, cell, against, node.name, host)


def _judged(ref: ObjectRef, cell: RegistryTrust | None, against: str, node: str, host: str) -> Iterator[Finding]:
    facts = {"node": node, "host": host}
    read = cell is not None and cell.node_read.startswith("read")
    if cell is None or not read:
        if against:
            yield answer.failed(ref, "the node's kubelet says it cannot verify it", against, **facts)
        else:
            why = cell.node_read if cell else "the node was not read"
            yield answer.unknown(ref, f"not evaluated: {why}", **facts)
        return
    step = next((s for s in STEPS if getattr(cell, s) not in ("ok", "")), "")
    if step or not cell.chain:
        text = getattr(cell, step) if step else "the handshake was not reached"
        fault = fault_of(text)
        cure = f"; {CURES[fault]}" if fault in CURES else ""
        if fault is TrustFault.UNKNOWN_AUTHORITY and (copied := _copied(cell)):
            cure += f"; {copied} was copied, but update-ca-certificates was not run"
        yield answer.failed(
            ref, f"{step or 'chain'}: {text}{cure}", *([against] if against else []), step=step, **facts
        )
        return
    unreached = next((s for s in REACHED if not getattr(cell, s)), "")
    if unreached:
        yield answer.unknown(ref, f"not evaluated: the probe did not get as far as {unreached}", **facts)
        return
    where = [a for a in cell.anchors if host in a]
    durable = "nothing keeps it after the next rebuild" if where else "through the OS store"
    yield answer.passed(
        ref, f"trusted by {', '.join(cell.anchors[:2])}; {durable}", anchors=list(cell.anchors), **facts
    )
    if copied := _copied(cell):
        yield answer.warned(
            ref, f"{copied} was copied but update-ca-certificates was not run: the OS store does not hold it", **facts
        )


def _copied(cell: RegistryTrust) -> str:
    """Files put where the OS store is made from, and not in it."""
    return cell.node_read.partition(": ")[2] if "not in the bundle" in cell.node_read else ""


def _kubelet_says(snapshot: Snapshot, node: str, host: str) -> str:
    """A kubelet's certificate error for this host on this node: evidence against trust, never for it."""
    try:
        pods = snapshot.of(Pod)
    except NotObserved:
        return ""
    names = {p.metadata.uid for p in pods if p.spec.node_name == node}
    for pod in pods:
        if pod.metadata.uid not in names:
            continue
        for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
            message = status.state.waiting.message if status.state.waiting else ""
            if _names(message, host) and "x509" in message:
                return message
    for event in snapshot.seen(Event):
        message = event.message or ""
        if event.involved_object.uid in names and _names(message, host) and "x509" in message:
            return message
    return ""


def _names(message: str, host: str) -> bool:
    """Whether a message names this very host: reg.example:5000 is neither other.reg.example:5000 nor reg.example."""
    return re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w-]|[.:]\w)", message) is not None
