"""What Helm knows of one release beyond its conditions: how often it failed, its revisions, and the Jobs of its hooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from runbook.diagnosis.graph import Graph
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import condition
from runbook.domain.workloads import Job
from runbook.model import ObjectRef


@dataclass(frozen=True, slots=True)
class Revision:
    """One entry of `status.history`, the newest first."""

    version: int
    status: str
    action: str
    chart: str
    app_version: str
    deployed: datetime | None


@dataclass(frozen=True, slots=True)
class HookJob:
    """A Job that a hook made: `ended`, `failed`, `runs`; of one that only its pods and events speak of nothing is known."""

    object: ObjectRef
    state: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseDetail:
    """`status.failures` and what is beside it, `status.history`, and the release's hook Jobs."""

    failures: int
    install_failures: int
    upgrade_failures: int
    attempted: str
    action: str
    history: tuple[Revision, ...]
    hooks: tuple[HookJob, ...]


def release_detail(network: Graph, release: HelmRelease) -> ReleaseDetail:
    """Read it off the typed release and the edges to its hooks."""
    status = release.status
    history = tuple(
        Revision(
            h.version, h.status, h.action, f"{h.chart_name} {h.chart_version}".strip(), h.app_version, h.last_deployed
        )
        for h in status.history or ()
    )
    return ReleaseDetail(
        status.failures,
        status.install_failures,
        status.upgrade_failures,
        status.last_attempted_revision,
        status.last_attempted_release_action,
        history,
        tuple(_hooks(network, release.ref)),
    )


def _hooks(network: Graph, ref: ObjectRef) -> Iterator[HookJob]:
    for target in dict.fromkeys(edge.target for edge in network.out(ref, "hook")):
        job = network.index.get(target)
        if not isinstance(job, Job):
            yield HookJob(target, "not observed")
            continue
        failed, complete = (condition(job.status.conditions, t) for t in ("Failed", "Complete"))
        counts = f"{job.status.active} active, {job.status.succeeded} succeeded, {job.status.failed} failed"
        if failed is not None and failed.status == "True":
            yield HookJob(target, "failed", ": ".join(filter(None, (failed.reason, failed.message))) or counts)
        else:
            done = complete is not None and complete.status == "True"
            yield HookJob(target, "ended" if done else "runs", counts)
