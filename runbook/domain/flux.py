"""Flux's objects: sources and Kustomizations (source.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from runbook.domain.meta import Condition, Observed, Resource


class Artifact(Observed, frozen=True):
    """status.artifact of a source."""

    revision: str = ""
    digest: str = ""
    url: str = ""
    last_update_time: datetime | None = None


class SourceRef(Observed, frozen=True):
    """A reference to a source; an empty namespace means the referrer's own."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class NameRef(Observed, frozen=True):
    """A reference by name, as in secretRef, dependsOn and imagePullSecrets."""

    name: str = ""
    namespace: str = ""


class GitReference(Observed, frozen=True):
    """spec.ref of a source: what of it is wanted."""

    branch: str = ""
    tag: str = ""
    semver: str = ""
    name: str = ""
    commit: str = ""
    digest: str = ""


class SourceSpec(Observed, frozen=True):
    """spec of Git, OCI, Helm and Bucket sources, and of HelmChart (chart, version, sourceRef)."""

    url: str = ""
    type: str = ""
    interval: str = ""
    timeout: str = ""
    suspend: bool | None = None
    ref: GitReference | None = None
    secret_ref: NameRef | None = None
    cert_secret_ref: NameRef | None = None
    chart: str = ""
    version: str = ""
    source_ref: SourceRef | None = None
    values_files: tuple[str, ...] | None = None


class FluxStatus(Observed, frozen=True):
    """status fields common to all Flux kinds; observedGeneration is -1 before the first pass ends."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] | None = None
    last_handled_reconcile_at: str = ""
    artifact: Artifact | None = None
    url: str = ""


class Source(Resource, frozen=True):
    """A source of any kind."""

    spec: SourceSpec = SourceSpec()
    status: FluxStatus = FluxStatus()


class GitRepository(Source, frozen=True):
    """source.toolkit.fluxcd.io GitRepository."""

    KIND: ClassVar[str] = "GitRepository"


class OCIRepository(Source, frozen=True):
    """source.toolkit.fluxcd.io OCIRepository."""

    KIND: ClassVar[str] = "OCIRepository"


class HelmRepository(Source, frozen=True):
    """source.toolkit.fluxcd.io HelmRepository; `type: oci` is static and carries no status of its own."""

    KIND: ClassVar[str] = "HelmRepository"


class HelmChart(Source, frozen=True):
    """source.toolkit.fluxcd.io HelmChart, made by helm-controller as `<namespace>-<release>`."""

    KIND: ClassVar[str] = "HelmChart"


class Bucket(Source, frozen=True):
    """source.toolkit.fluxcd.io Bucket."""

    KIND: ClassVar[str] = "Bucket"


class SubstituteReference(Observed, frozen=True):
    """spec.postBuild.substituteFrom[]."""

    kind: str = ""
    name: str = ""
    optional: bool | None = None


class PostBuild(Observed, frozen=True):
    """spec.postBuild."""

    substitute_from: tuple[SubstituteReference, ...] | None = None


class Decryption(Observed, frozen=True):
    """spec.decryption."""

    provider: str = ""
    secret_ref: NameRef | None = None


class KustomizationSpec(Observed, frozen=True):
    """spec of a Kustomization."""

    path: str = ""
    interval: str = ""
    retry_interval: str = ""
    timeout: str = ""
    suspend: bool | None = None
    prune: bool | None = None
    wait: bool | None = None
    target_namespace: str = ""
    service_account_name: str = ""
    source_ref: SourceRef = SourceRef()
    depends_on: tuple[NameRef, ...] | None = None
    post_build: PostBuild | None = None
    decryption: Decryption | None = None


class InventoryEntry(Observed, frozen=True):
    """status.inventory.entries[]: id is `<namespace>_<name>_<group>_<kind>`, v the version."""

    id: str = ""
    v: str = ""


class ResourceInventory(Observed, frozen=True):
    """status.inventory."""

    entries: tuple[InventoryEntry, ...] | None = None


class KustomizationStatus(FluxStatus, frozen=True):
    """status of a Kustomization."""

    last_applied_revision: str = ""
    last_attempted_revision: str = ""
    inventory: ResourceInventory | None = None


class Kustomization(Resource, frozen=True):
    """kustomize.toolkit.fluxcd.io Kustomization."""

    KIND: ClassVar[str] = "Kustomization"

    spec: KustomizationSpec = KustomizationSpec()
    status: KustomizationStatus = KustomizationStatus()
