"""Objects as plans and requests meet them, without a cluster: only the fields that decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runbook.domain.kinds import convert
from runbook.inventory.model import Inventory
from runbook.model import Explained, Explanation, FirstCause, NextAct, ObjectRef, Snapshot, Unexplained

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)
CONTROLLER = {"namespace": "sealing", "service": "sealed-secrets"}
INVENTORY = Inventory.model_validate(
    {
        "schema": "runbook/inventory/v1",
        "cluster": {"name": "beckerkube"},
        "git": {"path": ".", "source": {"kind": "GitRepository", "namespace": "flux-system", "name": "fleet"}},
        "sources": ({"kind": "GitRepository", "namespace": "flux-system", "name": "fleet"},),
        "kustomizations": ({"name": "apps"},),
        "releases": ({"namespace": "ffl", "name": "backend"}, {"namespace": "ffl", "name": "frontend"}),
        "sealed_secrets": CONTROLLER,
    }
)
WAITS = ("DependencyNotReady", "dependency 'ffl/backend' is not ready")


def snapshot(**kinds: Any) -> Snapshot:
    """A snapshot of dicts, by kind; a probe is given as it is."""
    return Snapshot(
        NOW,
        "beckerkube",
        {k: tuple(convert(k, dict(i)) if isinstance(i, Mapping) else i for i in items) for k, items in kinds.items()},
    )


def release(
    name: str,
    ready: str = "False",
    reason: str = "InstallFailed",
    message: str = "timed out",
    *,
    others: Mapping[str, tuple[str, str]] | None = None,
    status: Mapping[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A HelmRelease; `others` are further conditions, as (status, reason)."""
    conditions = [{"type": "Ready", "status": ready, "reason": reason, "message": message}]
    conditions += [{"type": t, "status": s, "reason": r} for t, (s, r) in (others or {}).items()]
    return {
        "metadata": {"name": name, "namespace": "ffl", "generation": 1, "uid": f"u-{name}"},
        "spec": spec,
        "status": {"observedGeneration": 1, "conditions": conditions, **(status or {})},
    }


def source(revision: str, *, handled: str = "", ready: str = "True") -> dict[str, Any]:
    """The GitRepository that the inventory's checkout feeds."""
    return {
        "metadata": {"name": "fleet", "namespace": "flux-system", "generation": 1, "uid": "u-fleet"},
        "status": {
            "observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": ready, "reason": "Succeeded", "message": "stored artifact"}],
            "artifact": {"revision": revision} if revision else None,
            "lastHandledReconcileAt": handled,
        },
    }


def ref(name: str, kind: str = "HelmRelease") -> ObjectRef:
    """An object of the namespace ffl."""
    return ObjectRef(kind, "ffl", name)


def explained(*refs: ObjectRef, unknown: tuple[ObjectRef, ...] = (), stale: bool = False) -> Explanation:
    """One first cause of some objects, and others that nobody can explain."""
    cause = FirstCause(
        "sealed-secret-key-mismatch", ref("s", "SealedSecret"), "fact", "m",
        tuple(Explained(r, "caused-by") for r in refs), NextAct("restore the key"), stale=stale,
    )  # fmt: skip
    return Explanation(
        NOW, "beckerkube", (cause,) if refs else (), tuple(Unexplained(r, "no rule knows it") for r in unknown), ()
    )
