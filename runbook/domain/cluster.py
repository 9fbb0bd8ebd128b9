"""Nodes, namespaces, events, claims, leases, and objects of which only the name matters (Secrets, ConfigMaps)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from runbook.domain.meta import Condition, Observed, Resource


class NodeInfo(Observed, frozen=True):
    """status.nodeInfo; containerRuntimeVersion is `docker://x`, `containerd://x` or `cri-o://x`."""

    container_runtime_version: str = ""
    kubelet_version: str = ""
    os_image: str = ""
    architecture: str = ""


class NodeAddress(Observed, frozen=True):
    """status.addresses[]."""

    type: str = ""
    address: str = ""


class Taint(Observed, frozen=True):
    """spec.taints[] of a Node."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(Observed, frozen=True):
    """spec of a Node."""

    unschedulable: bool | None = None
    taints: tuple[Taint, ...] | None = None


class NodeStatus(Observed, frozen=True):
    """status of a Node."""

    node_info: NodeInfo = NodeInfo()
    addresses: tuple[NodeAddress, ...] | None = None
    conditions: tuple[Condition, ...] | None = None


class Node(Resource, frozen=True):
    """v1 Node."""

    KIND: ClassVar[str] = "Node"

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class NamespaceStatus(Observed, frozen=True):
    """status of a Namespace."""

    phase: str = ""
    conditions: tuple[Condition, ...] | None = None


class Namespace(Resource, frozen=True):
    """v1 Namespace. The UID of kube-system is the cluster's identity."""

    KIND: ClassVar[str] = "Namespace"

    status: NamespaceStatus = NamespaceStatus()


class InvolvedObject(Observed, frozen=True):
    """involvedObject of an Event."""

    kind: str = ""
    api_version: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    field_path: str = ""


class EventSeries(Observed, frozen=True):
    """series of an Event."""

    count: int = 0
    last_observed_time: datetime | None = None


class EventSource(Observed, frozen=True):
    """source of an Event."""

    component: str = ""
    host: str = ""


class Event(Resource, frozen=True):
    """v1 Event. `lastTimestamp`, `firstTimestamp` and `count` may be null: the scheduler's are (semantics 3.2)."""

    KIND: ClassVar[str] = "Event"

    involved_object: InvolvedObject = InvolvedObject()
    type: str = "Normal"
    reason: str = ""
    message: str | None = None
    count: int | None = None
    source: EventSource | None = None
    reporting_component: str = ""
    event_time: datetime | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    series: EventSeries | None = None

    @property
    def when(self) -> datetime | None:
        """The time of the last occurrence: series, then lastTimestamp, then eventTime, then creation."""
        if self.series and self.series.last_observed_time:
            return self.series.last_observed_time
        return self.last_timestamp or self.event_time or self.metadata.creation_timestamp


class ClaimSpec(Observed, frozen=True):
    """spec of a PersistentVolumeClaim."""

    storage_class_name: str | None = None
    volume_name: str = ""


class ClaimStatus(Observed, frozen=True):
    """status of a PersistentVolumeClaim."""

    phase: str = ""


class PersistentVolumeClaim(Resource, frozen=True):
    """v1 PersistentVolumeClaim."""

    KIND: ClassVar[str] = "PersistentVolumeClaim"

    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class VolumeClaimRef(Observed, frozen=True):
    """spec.claimRef of a PersistentVolume: a claim of that name and another uid is another claim."""

    namespace: str = ""
    name: str = ""
    uid: str = ""


class VolumeSpec(Observed, frozen=True):
    """spec of a PersistentVolume."""

    storage_class_name: str = ""
    claim_ref: VolumeClaimRef | None = None


class VolumeStatus(Observed, frozen=True):
    """status of a PersistentVolume: Available, Bound, Released, Failed; the message says why its reclamation failed."""

    phase: str = ""
    message: str = ""


class PersistentVolume(Resource, frozen=True):
    """v1 PersistentVolume."""

    KIND: ClassVar[str] = "PersistentVolume"

    spec: VolumeSpec = VolumeSpec()
    status: VolumeStatus = VolumeStatus()


class ServiceAccount(Resource, frozen=True):
    """v1 ServiceAccount, metadata only: that it is there is what is asked."""

    KIND: ClassVar[str] = "ServiceAccount"


class ConfigMap(Resource, frozen=True):
    """v1 ConfigMap: keys with their values dropped while decoding."""

    KIND: ClassVar[str] = "ConfigMap"

    data: dict[str, msgspec.Raw] | None = None


class Secret(Resource, frozen=True):
    """v1 Secret, metadata and the names of its keys only. Read only where the inventory opts in for a namespace."""

    KIND: ClassVar[str] = "Secret"

    type: str = ""
    data: dict[str, msgspec.Raw] | None = None


class GenericStatus(Observed, frozen=True):
    """What kinds of all projects have in common. [kstatus]"""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] | None = None


class Generic(Resource, frozen=True):
    """An object of a kind the product has no struct for: metadata, conditions, and `spec` where `domain/custom` reads it."""

    KIND: ClassVar[str] = "Generic"

    kind: str = ""
    api_version: str = ""
    spec: dict[str, Any] | None = None
    status: GenericStatus = GenericStatus()


class StorageClass(Resource, frozen=True):
    """storage.k8s.io/v1 StorageClass."""

    KIND: ClassVar[str] = "StorageClass"

    provisioner: str = ""


class Lease(Resource, frozen=True):
    """coordination.k8s.io/v1 Lease: who acts, as its JSON says it; the product reads it by name only."""

    KIND: ClassVar[str] = "Lease"
