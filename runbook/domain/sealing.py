"""SealedSecrets (bitnami.com/v1alpha1): the object, its scope, and kubeseal's byte format."""

from __future__ import annotations

from typing import ClassVar

from runbook.domain.meta import Condition, Observed, Resource


class SealedSecretSpec(Observed, frozen=True):
    """spec: the ciphertexts by key. They are public by design and are kept as served."""

    encrypted_data: dict[str, str] | None = None


class SealedSecretStatus(Observed, frozen=True):
    """status: written only when Synced flips or the generation moved, so its message may be old (semantics 5.2)."""

    observed_generation: int | None = None
    conditions: list[Condition] | None = None


class SealedSecret(Resource, frozen=True):
    """bitnami.com/v1alpha1 SealedSecret."""

    KIND: ClassVar[str] = "SealedSecret"

    spec: SealedSecretSpec = SealedSecretSpec()
    status: SealedSecretStatus = SealedSecretStatus()
