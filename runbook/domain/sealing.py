"""SealedSecrets (bitnami.com/v1alpha1): the object, its scope, and kubeseal's byte format."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import ClassVar

from runbook.domain.meta import Condition, Observed, Resource

FAILED_EVENTS = frozenset({"ErrUnsealFailed", "ErrUpdateFailed"})
UNSEALED_EVENT = "Unsealed"
_ABSENT = re.compile(r'\bsecrets? "(?P<name>[a-z0-9.-]{1,253})" not found')
_WITHOUT_KEY = re.compile(
    r"couldn't find key (?P<key>\S{1,253}) in Secret (?:[a-z0-9-]{1,63}/)?(?P<name>[a-z0-9.-]{1,253})"
)


class SealedSecretSpec(Observed, frozen=True):
    """spec: the ciphertexts by key. They are public by design and are kept as served."""

    encrypted_data: dict[str, str] | None = None


class SealedSecretStatus(Observed, frozen=True):
    """status: written only when Synced flips or the generation moved, so its message may be old (semantics 5.2)."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] | None = None


class SealedSecret(Resource, frozen=True):
    """bitnami.com/v1alpha1 SealedSecret."""

    KIND: ClassVar[str] = "SealedSecret"

    spec: SealedSecretSpec = SealedSecretSpec()
    status: SealedSecretStatus = SealedSecretStatus()


SCOPES = ("strict", "namespace-wide", "cluster-wide")
SCOPE_PREFIX = "sealedsecrets.bitnami.com/"
KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"


def scope_of(annotations: Mapping[str, str]) -> str:
    """The scope that a SealedSecret's own annotations say; cluster-wide wins (semantics 5.3)."""
    wide = (scope for scope in ("cluster-wide", "namespace-wide") if annotations.get(SCOPE_PREFIX + scope) == "true")
    return next(wide, "strict")


def says_missing(message: str, name: str, keys: Collection[str]) -> bool:
    """Whether a kubelet says that the Secret of this name is not there, or lacks one of these keys. [kk:pkg/kubelet]"""
    if any(found["name"] == name for found in _ABSENT.finditer(message)):
        return True
    return any(found["name"] == name and found["key"] in keys for found in _WITHOUT_KEY.finditer(message))
