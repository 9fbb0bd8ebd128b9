"""Helm's own records of a release: Secrets named `sh.helm.release.v1.NAME.vREVISION`, told by their labels alone.

Nothing in them is opened. Their labels `createdAt` and `modifiedAt` cannot date a revision (an upgrade copies those of the revision
before); the Secret's own creation can. [helm:pkg/storage/driver/secrets.go]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook.domain.cluster import Secret
from runbook.domain.helm import HelmRelease, release_storage

_PREFIX = "sh.helm.release.v1."
PENDING = ("pending-install", "pending-upgrade", "pending-rollback")


def newest(secrets: Iterable[Secret]) -> Mapping[tuple[str, str], Secret]:
    """The record of the highest revision by namespace and Helm's name of the release."""
    found: dict[tuple[str, str], Secret] = {}
    for secret in secrets:
        meta = secret.metadata
        if not meta.name.startswith(_PREFIX) or meta.label("owner") != "helm":
            continue
        key = (meta.namespace, meta.label("name"))
        if key not in found or _revision(secret) > _revision(found[key]):
            found[key] = secret
    return found


def where(release: HelmRelease) -> tuple[str, str]:
    """Under which namespace and name its records lie: Helm's name, in the storage namespace. [hc:api/v2/helmrelease_types.go]"""
    _, name = release_storage(release)
    last = next(iter(release.status.history or ()), None)
    namespace = release.status.storage_namespace or release.spec.storage_namespace or release.metadata.namespace
    return namespace, last.name if last is not None and last.name else name


def _revision(secret: Secret) -> int:
    text = secret.metadata.label("version")
    return int(text) if text.isdecimal() else 0
