"""What stands in the way of a change: a first cause that still holds, a release in mid-action, untrusted nodes."""

from __future__ import annotations

from collections.abc import Mapping

from runbook.domain.cluster import Event, Node
from runbook.domain.helm import HelmRelease, release_storage
from runbook.domain.meta import Meta, Resource, condition, is_true
from runbook.domain.owners import deployed_by
from runbook.domain.pods import Pod
from runbook.domain.podstatus import troubles
from runbook.domain.probes import RegistryTrust
from runbook.domain.workloads import DaemonSet, Deployment, Job, ReplicaSet, StatefulSet
from runbook.model import Explanation, FirstCause, ObjectRef, Snapshot

KEEP = "runbook/keep"
OPERATOR = "operator"  # a probe from there proves nothing about a node
_STEPS = ("chain", "name", "expiry")
_X509 = "x509:"
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")
_MAX_OWNERS = 6  # pod → ReplicaSet → Deployment is three; custom controllers stack a few more


def causes_of(explanation: Explanation | None) -> Mapping[ObjectRef, FirstCause]:
    """Each explained object with the first cause it hangs on."""
    if explanation is None:
        return {}
    return {e.object: cause for cause in explanation.first_causes for e in cause.explains}


def untrusted_nodes(snapshot: Snapshot) -> Mapping[str, str]:
    """Nodes that do not trust a registry, with the proof: a probe with the node's own files, or a kubelet's message.

    A kubelet's message is of its last try; a later read of that node's files that leads to a trusted chain for the very
    host it names outweighs it: runtimes read them at every pull (semantics 7.2).
    """
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
        said = waiting or ((event.message or _X509) if event is not None and _still_pulling(pod) else "")
        if pod.spec.node_name and said and not is_trusted(snapshot, said, pod.spec.node_name):
            red.setdefault(pod.spec.node_name, said)
    return red


def is_trusted(snapshot: Snapshot, said: str, node: str = "") -> bool:
    """Whether the registry a message speaks of was just read as trusted: on that node, or on every node that was asked."""
    probes = [p for p in snapshot.seen(RegistryTrust) if p.vantage != OPERATOR and node in ("", p.vantage)]
    asked = [p for p in probes if f"{p.host}/" in said or said.endswith(p.host)]
    return bool(asked) and all(
        p.node_read.startswith("read") and all(getattr(p, s) == "ok" for s in _STEPS) for p in asked
    )


def _x509_events(snapshot: Snapshot) -> list[Event]:
    return [e for e in snapshot.seen(Event) if e.involved_object.kind == "Pod" and _X509 in (e.message or "")]


def _still_pulling(pod: Pod) -> bool:
    return any("Image" in t.reason for t in troubles(pod))


def release_of(meta: Meta, snapshot: Snapshot) -> HelmRelease | None:
    """The HelmRelease an object belongs to: by Flux's labels, else by Helm's marks and the release's storage name.

    Helm 3 leaves a hook unmarked: its name decides, or a hook would be deleted in mid-action. Helm marks what a chart holds and nothing that is made from it: a pod is asked through its controllers.
    """
    for _ in range(_MAX_OWNERS):
        found = _marked(meta, snapshot)
        if found is not None:
            return found
        owner = meta.controller
        above = _owner(ObjectRef(owner.kind, meta.namespace, owner.name), snapshot) if owner else None
        if above is None:
            return None
        meta = above
    return None


def _marked(meta: Meta, snapshot: Snapshot) -> HelmRelease | None:
    releases = {release.ref: release for release in snapshot.seen(HelmRelease)}
    storage = {(ref.namespace, ref.name): ref for ref in releases}
    storage |= {release_storage(release): ref for ref, release in releases.items()}
    ref = deployed_by(meta, storage)
    return releases.get(ref) if ref is not None else None


def _owner(ref: ObjectRef, snapshot: Snapshot) -> Meta | None:
    kinds: tuple[type[Resource], ...] = (ReplicaSet, Deployment, StatefulSet, DaemonSet, Job)
    kind = next((k for k in kinds if ref.kind == k.KIND), None)
    return next((o.metadata for o in snapshot.seen(kind) if o.ref == ref), None) if kind else None


def is_reconciling(release: HelmRelease) -> bool:
    """Whether helm-controller is in the middle of an action."""
    return is_true(release.status.conditions, "Reconciling")


def is_acting(release: HelmRelease) -> bool:
    """Whether it is at work itself: one that waits for a dependency is Reconciling as well, and does nothing."""
    ready = condition(release.status.conditions, "Ready")
    return is_reconciling(release) and not (ready is not None and ready.reason == "DependencyNotReady")


def stands(cause: FirstCause | None, snapshot: Snapshot) -> str:
    """The sentence of a first cause that still holds, or nothing: a stale one proves nothing, a cured one is gone."""
    if cause is None or cause.stale:
        return ""
    if cause.cause == "registry-ca-untrusted" and is_trusted(snapshot, cause.message):
        return ""
    if cause.cause == "node-pressure-evicted" and _pressure_is_over(cause.object, snapshot):
        return ""
    return f"its first cause still stands: {cause.cause} at {cause.object}"


def _pressure_is_over(ref: ObjectRef, snapshot: Snapshot) -> bool:
    """Whether the node of an evicted pod says of each resource that it has enough again; a node not read proves nothing."""
    names = {p.spec.node_name for p in snapshot.seen(Pod) if p.ref == ref} if ref.kind == "Pod" else {ref.name}
    node = next((n for n in snapshot.seen(Node) if n.metadata.name in names), None)
    told = {c.type: c.status for c in (node.status.conditions or ())} if node is not None else {}
    return told.get("Ready") == "True" and all(told.get(p) == "False" for p in _PRESSURES)


def unknown_cause(explanation: Explanation | None, ref: ObjectRef) -> str:
    """Why an object that is red without a first cause must not be touched."""
    found = next((u for u in explanation.unexplained if u.object == ref), None) if explanation is not None else None
    return f"its first cause is not known: {found.why}" if found is not None else ""


def witnessed(snapshot: Snapshot) -> frozenset[ObjectRef]:
    """Releases of which something still runs or fails that could say why they are red.

    An exhausted release never tries again by itself. When nothing of it is left that fails, its old message can neither
    be proved nor refuted, and one reset is the only way to ask (semantics 2.3).
    """
    living = [j.metadata for j in snapshot.seen(Job) if j.status.active]
    living += [p.metadata for p in snapshot.seen(Pod) if troubles(p)]
    return frozenset(r.ref for r in (release_of(meta, snapshot) for meta in living) if r is not None)
