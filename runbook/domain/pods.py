"""Pods: spec parts with references to other objects, container statuses, and kubectl's STATUS column."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from runbook.domain.flux import NameRef
from runbook.domain.meta import Condition, Observed, Resource


class KeyRef(Observed, frozen=True):
    """valueFrom.secretKeyRef / configMapKeyRef."""

    name: str = ""
    key: str = ""
    optional: bool | None = None


class EnvSource(Observed, frozen=True):
    """env[].valueFrom."""

    secret_key_ref: KeyRef | None = None
    config_map_key_ref: KeyRef | None = None


class EnvVar(Observed, frozen=True):
    """env[]. A literal value is redacted before it is stored."""

    name: str = ""
    value: str = ""
    value_from: EnvSource | None = None


class OptionalRef(Observed, frozen=True):
    """envFrom[].secretRef / configMapRef, volumes[].secret / configMap (by either name field)."""

    name: str = ""
    secret_name: str = ""
    optional: bool | None = None


class EnvFrom(Observed, frozen=True):
    """envFrom[]."""

    secret_ref: OptionalRef | None = None
    config_map_ref: OptionalRef | None = None


class ClaimRef(Observed, frozen=True):
    """volumes[].persistentVolumeClaim."""

    claim_name: str = ""


class ProjectedSource(Observed, frozen=True):
    """volumes[].projected.sources[]."""

    secret: OptionalRef | None = None
    config_map: OptionalRef | None = None


class Projected(Observed, frozen=True):
    """volumes[].projected."""

    sources: tuple[ProjectedSource, ...] | None = None


class Volume(Observed, frozen=True):
    """volumes[]."""

    name: str = ""
    secret: OptionalRef | None = None
    config_map: OptionalRef | None = None
    persistent_volume_claim: ClaimRef | None = None
    projected: Projected | None = None


class Probe(Observed, frozen=True):
    """A probe's presence is what is asked; its fields are not."""

    period_seconds: int | None = None


class Resources(Observed, frozen=True):
    """resources: limits as written, which a container that was killed is told beside."""

    limits: dict[str, str | int] | None = None


class ContainerPort(Observed, frozen=True):
    """ports[] of a container: to declare one is optional, and its name is what a Service may call it by."""

    name: str = ""
    container_port: int = 0


class Container(Observed, frozen=True):
    """spec.containers[] / initContainers[]; a native sidecar is an init container with restartPolicy Always."""

    name: str = ""
    image: str = ""
    restart_policy: str = ""
    env: tuple[EnvVar, ...] | None = None
    env_from: tuple[EnvFrom, ...] | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    resources: Resources | None = None
    ports: tuple[ContainerPort, ...] | None = None


class PodSpec(Observed, frozen=True):
    """spec of a pod or a pod template."""

    node_name: str = ""
    node_selector: dict[str, str] | None = None
    service_account_name: str = ""
    restart_policy: str = ""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] | None = None
    volumes: tuple[Volume, ...] | None = None
    image_pull_secrets: tuple[NameRef, ...] | None = None


class Waiting(Observed, frozen=True):
    """state.waiting."""

    reason: str = ""
    message: str = ""


class Terminated(Observed, frozen=True):
    """state.terminated."""

    exit_code: int = 0
    signal: int | None = None
    reason: str = ""
    message: str = ""
    finished_at: datetime | None = None


class Running(Observed, frozen=True):
    """state.running: that it is there is what is asked."""


class ContainerState(Observed, frozen=True):
    """state / lastState: at most one of the three."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Observed, frozen=True):
    """status.containerStatuses[]. `image_id` is the digest form; `image` may name another tag of the same content."""

    name: str = ""
    image: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(Observed, frozen=True):
    """status of a pod."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")
    start_time: datetime | None = None
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Resource, frozen=True):
    """v1 Pod."""

    KIND: ClassVar[str] = "Pod"

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()
