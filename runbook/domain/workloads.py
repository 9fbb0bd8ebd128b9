"""Workloads that make pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from runbook.domain.meta import Condition, Meta, Observed, Resource
from runbook.domain.pods import PodSpec


class LabelSelector(Observed, frozen=True):
    """spec.selector, matchLabels only: the product never selects by expressions."""

    match_labels: dict[str, str] | None = None


class PodTemplate(Observed, frozen=True):
    """spec.template."""

    metadata: Meta = Meta()
    spec: PodSpec = PodSpec()


class WorkloadSpec(Observed, frozen=True):
    """spec of Deployment, ReplicaSet, StatefulSet and DaemonSet. `replicas` defaults to 1 in the API."""

    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplate = PodTemplate()


class WorkloadStatus(Observed, frozen=True):
    """status of Deployment, ReplicaSet, StatefulSet and DaemonSet, merged: each kind fills its own fields."""

    observed_generation: int | None = None
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    conditions: tuple[Condition, ...] | None = None


class Workload(Resource, frozen=True):
    """A workload of any kind."""

    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class Deployment(Workload, frozen=True):
    """apps/v1 Deployment."""

    KIND: ClassVar[str] = "Deployment"


class ReplicaSet(Workload, frozen=True):
    """apps/v1 ReplicaSet."""

    KIND: ClassVar[str] = "ReplicaSet"


class StatefulSet(Workload, frozen=True):
    """apps/v1 StatefulSet."""

    KIND: ClassVar[str] = "StatefulSet"


class DaemonSet(Workload, frozen=True):
    """apps/v1 DaemonSet."""

    KIND: ClassVar[str] = "DaemonSet"


class JobSpec(Observed, frozen=True):
    """spec of a Job; backoffLimit defaults to 6."""

    backoff_limit: int | None = None
    active_deadline_seconds: int | None = None
    completions: int | None = None
    suspend: bool | None = None
    template: PodTemplate = PodTemplate()


class JobStatus(Observed, frozen=True):
    """status of a Job. A Job whose pod cannot pull never fails (kubernetes#101584)."""

    active: int = 0
    succeeded: int = 0
    failed: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: tuple[Condition, ...] | None = None


class Job(Resource, frozen=True):
    """batch/v1 Job."""

    KIND: ClassVar[str] = "Job"

    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()
