"""What this product can tell you: one question a file, and the file's name is the check's id.

A check is pure: `check(snapshot, inventory)` yields findings from what was observed and what should be true. It raises
nothing but NotObserved, which becomes NOT EVALUATED.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType

from runbook.checks import (
    access,
    controller_logs,
    endpoints_answer,
    flux_controllers,
    git_revision,
    git_versions,
    health_probes,
    image_pulls,
    infrastructure_ready,
    ingress_backends,
    kustomizations_ready,
    nodes_ready,
    permissions,
    pods_healthy,
    pods_images,
    reconcile_requested,
    registry_manifests,
    registry_reachable,
    registry_trust,
    releases_ready,
    sealed_secrets_unsealed,
    sealing_keys,
    services_endpoints,
    services_running,
    smoke_checks,
    soak,
    sources_ready,
    versions_agree,
    warning_events,
    workloads_ready,
)
from runbook.inventory.model import Inventory
from runbook.judgement.asking import Check, ask
from runbook.judgement.criteria import judge
from runbook.model import Finding, Snapshot

__all__ = ["CHECKS", "Check", "judge", "needs", "run"]

_MODULES: tuple[ModuleType, ...] = (
    access,
    controller_logs,
    endpoints_answer,
    flux_controllers,
    git_revision,
    git_versions,
    health_probes,
    image_pulls,
    infrastructure_ready,
    ingress_backends,
    kustomizations_ready,
    nodes_ready,
    permissions,
    pods_healthy,
    pods_images,
    reconcile_requested,
    registry_manifests,
    registry_reachable,
    registry_trust,
    releases_ready,
    sealed_secrets_unsealed,
    sealing_keys,
    services_endpoints,
    services_running,
    smoke_checks,
    soak,
    sources_ready,
    versions_agree,
    warning_events,
    workloads_ready,
)

CHECKS: Mapping[str, Check] = {
    check.id: check
    for check in (
        Check(m.__name__.rpartition(".")[2].replace("_", "-"), m.QUESTION, m.NEEDS, m.STAGES, m.check) for m in _MODULES
    )
}


def of_stage(stage: str) -> tuple[Check, ...]:
    """The checks a stage asks, by id."""
    return tuple(c for c in CHECKS.values() if stage in c.stages)


def needs(stage: str) -> tuple[str, ...]:
    """The kinds and probes a stage's checks ask for."""
    return tuple(sorted({n for check in of_stage(stage) for n in check.needs}))


def run(
    stage: str, snapshot: Snapshot, inventory: Inventory, *, only: Iterable[str] | None = None
) -> tuple[Finding, ...]:
    """Every answer of a stage's checks (or of the named ones): a check never answers nothing."""
    chosen = of_stage(stage) if only is None else tuple(CHECKS[i] for i in only)
    return ask(chosen, snapshot, inventory)
