"""What stands in the way of a change: a first cause that still holds, a release in mid-action, untrusted nodes."""

from __future__ import annotations

from collections.abc import Mapping

from runbook.domain.cluster import Event
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Meta, is_true
from runbook.domain.owners import helm_release, helm_storage
from runbook.domain.pods import Pod
from runbook.domain.podstatus import troubles
from runbook.domain.probes import RegistryTrust
from runbook.inventory.model import Inventory
from runbook.model import Explanation, FirstCause, ObjectRef, Snapshot

KEEP = "runbook/keep"
OPERATOR = "operator"  # a probe from there proves nothing about a node
_STEPS = ("chain", "name", "expiry")
_X509 = "x509:"


def causes_of(explanation: Explanation | None) -> Mapping[ObjectRef, FirstCause]:
    """Each explained object with the first cause it hangs on."""
    if explanation is None:
        return {}
    return {e.object: cause for cause in explanation.first_causes for e in cause.explains}


def untrusted_nodes(snapshot: Snapshot) -> Mapping[str, str]:
    """Nodes that do not trust a registry, with the proof: a probe from the node's own files, or a kubelet's message."""
    red: dict[str, str] = {}
    for probe in snapshot.seen(RegistryTrust):
        for step in _STEPS if probe.vantage != OPERATOR else ():
            said = getattr(probe, step)
            if said not in ("", "ok"):
                red.setdefault(probe.vantage, f"{probe.host}: {said}")
    by_pod = {(e.involved_object.namespace, e.involved_object.name): e for e in _x509_events(snapshot)}
    for pod in snapshot.seen(Pod):
        waiting = next((t.message for t in troubles(pod) if _X509 in t.message), "")
        event = by_pod.get((pod.metadata.namespace, pod.metadata.name))
        if pod.spec.node_name and (waiting or (event is not None and _still_pulling(pod))):
            red.setdefault(pod.spec.node_name, waiting or (event.message if event else "") or "x509")
    return red


def _x509_events(snapshot: Snapshot) -> list[Event]:
    return [e for e in snapshot.seen(Event) if e.involved_object.kind == "Pod" and _X509 in (e.message or "")]


def _still_pulling(pod: Pod) -> bool:
    return any("Image" in t.reason for t in troubles(pod))


def release_of(meta: Meta, snapshot: Snapshot) -> HelmRelease | None:
    """The HelmRelease an object belongs to: by Flux's labels, else by Helm's marks and the release's storage name."""
    ref = helm_release(meta)
    stored = helm_storage(meta)
    for release in snapshot.seen(HelmRelease):
        if ref is not None and release.ref == ref:
            return release
        if ref is None and stored is not None and stored in _storage_names(release):
            return release
    return None


def _storage_names(release: HelmRelease) -> set[tuple[str, str]]:
    """How Helm may have named it: releaseName, else [targetNamespace-]name [hc:internal/release/name.go]."""
    target = release.spec.target_namespace
    name = release.spec.release_name or (f"{target}-{release.metadata.name}" if target else release.metadata.name)
    return {(target or release.metadata.namespace, name), (release.metadata.namespace, release.metadata.name)}


def is_reconciling(release: HelmRelease) -> bool:
    """Whether helm-controller is in the middle of an action."""
    return is_true(release.status.conditions, "Reconciling")


def owned_namespaces(inventory: Inventory) -> frozenset[str]:
    """The namespaces the inventory speaks of: nothing outside of them is ever planned."""
    named = {r.namespace for r in inventory.releases} | {s.namespace for s in inventory.services if s.namespace}
    named |= {r.workload.namespace for r in inventory.infrastructure}
    named |= {s.namespace for s in inventory.sources} | {k.namespace for k in inventory.kustomizations}
    return frozenset(named)


def stands(cause: FirstCause | None) -> str:
    """The sentence of a first cause that still holds, or nothing."""
    if cause is None:
        return ""
    return f"its first cause still stands: {cause.cause} at {cause.object}"
