"""Rules for nodes, claims and ConfigMaps."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.k8sgpt.recorded import Failure, Recorded, latest
from runbook.domain.cluster import ConfigMap, Node, PersistentVolumeClaim
from runbook.domain.pods import Pod, PodSpec

_NODE_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
_LOADED_BY_SIDECARS = ("grafana_dashboard", "grafana_datasource", "prometheus_rule", "fluentd_config")


def claims(recorded: Recorded) -> Iterator[Failure]:
    """pvc.go: pending, and the latest event says that provisioning failed."""
    for obj in recorded.state.seen(PersistentVolumeClaim):
        if obj.status.phase == "Pending":
            yield from latest(recorded, obj, "ProvisioningFailed")


def nodes(recorded: Recorded) -> Iterator[Failure]:
    """node.go: not Ready, any other condition that is True or Unknown, and any condition that it does not know."""
    for obj in recorded.state.seen(Node):
        for found in obj.status.conditions or ():
            bad = found.status != "True" if found.type == "Ready" else found.status in ("True", "Unknown")
            if found.type != "EtcdIsVoter" and (bad or found.type not in _NODE_CONDITIONS):
                text = f"{obj.metadata.name} has condition of type {found.type}, reason {found.reason}: {found.message}"
                yield Failure(obj.ref, text, found.reason)


def configmaps(recorded: Recorded) -> Iterator[Failure]:
    """configmap.go: used by no pod; a name counts as used wherever a pod of any namespace uses one of that name."""
    used = {name for pod in recorded.state.seen(Pod) for name in _used(pod.spec)}
    for obj in recorded.state.seen(ConfigMap):
        labels, name = obj.metadata.labels or {}, obj.metadata.name
        loaded = (
            any(key in labels for key in _LOADED_BY_SIDECARS) or labels.get("k8sgpt.ai/dynamically-loaded") == "true"
        )
        if not loaded and obj.metadata.annotation("k8sgpt.ai/skip-usage-check") != "true" and name not in used:
            yield Failure(obj.ref, f"ConfigMap {name} is not used by any pods in the namespace")


def _used(spec: PodSpec) -> Iterator[str]:
    for volume in spec.volumes or ():
        projected = (volume.projected.sources or ()) if volume.projected else ()
        yield from (ref.name for ref in (volume.config_map, *(s.config_map for s in projected)) if ref)
    for container in (*(spec.init_containers or ()), *spec.containers):
        yield from (one.config_map_ref.name for one in container.env_from or () if one.config_map_ref)
        sources = (env.value_from for env in container.env or ())
        yield from (s.config_map_key_ref.name for s in sources if s and s.config_map_key_ref)
