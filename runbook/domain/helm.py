"""HelmRelease (helm.toolkit.fluxcd.io) and what its status says about Helm's own release."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from runbook.domain.durations import seconds
from runbook.domain.flux import FluxStatus, NameRef, ResourceInventory, SourceRef
from runbook.domain.meta import Observed, Resource


class ChartSpec(Observed, frozen=True):
    """spec.chart.spec."""

    chart: str = ""
    version: str = ""
    source_ref: SourceRef = SourceRef()


class ChartTemplate(Observed, frozen=True):
    """spec.chart."""

    spec: ChartSpec = ChartSpec()


class ValuesReference(Observed, frozen=True):
    """spec.valuesFrom[]."""

    kind: str = ""
    name: str = ""
    values_key: str = ""
    optional: bool | None = None


class Remediation(Observed, frozen=True):
    """spec.install.remediation / spec.upgrade.remediation; retries default 0, -1 is for ever."""

    retries: int | None = None


class ActionSpec(Observed, frozen=True):
    """spec.install / spec.upgrade."""

    timeout: str = ""
    remediation: Remediation | None = None
    create_namespace: bool | None = None


class HelmReleaseSpec(Observed, frozen=True):
    """spec of a HelmRelease. `values` is kept whole for the wanted image tags; it is redacted before it is stored."""

    chart: ChartTemplate | None = None
    chart_ref: SourceRef | None = None
    interval: str = ""
    timeout: str = ""
    suspend: bool | None = None
    release_name: str = ""
    target_namespace: str = ""
    storage_namespace: str = ""
    depends_on: tuple[NameRef, ...] | None = None
    values_from: tuple[ValuesReference, ...] | None = None
    values: dict[str, Any] | None = None
    install: ActionSpec | None = None
    upgrade: ActionSpec | None = None
    service_account_name: str = ""


class HelmSnapshot(Observed, frozen=True):
    """status.history[], newest first. `action` may be missing and entries are pruned early (semantics 2.2)."""

    name: str = ""
    namespace: str = ""
    version: int = 0
    status: str = ""
    action: str = ""
    chart_name: str = ""
    chart_version: str = ""
    app_version: str = ""
    config_digest: str = ""
    digest: str = ""
    first_deployed: datetime | None = None
    last_deployed: datetime | None = None


class HelmReleaseStatus(FluxStatus, frozen=True):
    """status of a HelmRelease."""

    history: tuple[HelmSnapshot, ...] | None = None
    helm_chart: str = ""
    last_attempted_revision: str = ""
    last_attempted_generation: int | None = None
    last_attempted_release_action: str = ""
    last_attempted_release_action_duration: str = ""
    failures: int = 0
    install_failures: int = 0
    upgrade_failures: int = 0
    last_handled_force_at: str = ""
    last_handled_reset_at: str = ""
    storage_namespace: str = ""
    inventory: ResourceInventory | None = (
        None  # from helm-controller 1.5 on; it stays when what it lists was taken back
    )


class HelmRelease(Resource, frozen=True):
    """helm.toolkit.fluxcd.io HelmRelease."""

    KIND: ClassVar[str] = "HelmRelease"

    spec: HelmReleaseSpec = HelmReleaseSpec()
    status: HelmReleaseStatus = HelmReleaseStatus()


def action_took(release: HelmRelease) -> tuple[str, float, float] | None:
    """The last action, the seconds it took, and those it might take; None where helm-controller does not say.

    [hc:api/v2/helmrelease_types.go: an action's own timeout, else spec.timeout, else 300 s]
    """
    spec, status = release.spec, release.status
    took = seconds(status.last_attempted_release_action_duration)
    if took is None:
        return None
    action = status.last_attempted_release_action
    own = {"install": spec.install, "upgrade": spec.upgrade}.get(action)
    limits = (seconds(text) for text in (own.timeout if own else "", spec.timeout))
    return action or "last action", took, next((limit for limit in limits if limit is not None), 300.0)


def release_storage(release: HelmRelease) -> tuple[str, str]:
    """`(namespace, release name)` under which Helm knows a HelmRelease. [hc:api/v2/helmrelease_types.go]"""
    spec, meta = release.spec, release.metadata
    target = spec.target_namespace
    name = spec.release_name or (f"{target}-{meta.name}" if target else meta.name)
    return target or meta.namespace, name
