"""HelmReleases of a server that changes them, as helm-controller leaves them, and the discovery that names their kind."""

from __future__ import annotations

from typing import Any

GROUP = "/apis/helm.toolkit.fluxcd.io"
REQUEST = "2026-01-01T00:00:00.000000000Z-benchmark"
_RESOURCE = {"name": "helmreleases", "singularName": "helmrelease", "kind": "HelmRelease", "namespaced": True}
BARE = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease"}
DISCOVERY: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.2"},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {
                "name": GROUP.removeprefix("/apis/"),
                "versions": [{"groupVersion": f"{GROUP.removeprefix('/apis/')}/v2", "version": "v2"}],
                "preferredVersion": {"groupVersion": f"{GROUP.removeprefix('/apis/')}/v2", "version": "v2"},
            }
        ],
    },
    f"{GROUP}/v2": {
        "kind": "APIResourceList",
        "groupVersion": f"{GROUP.removeprefix('/apis/')}/v2",
        "resources": [{**_RESOURCE, "verbs": ["get", "list", "watch"]}],
    },
}


def release(number: int, *, ready: str = "Unknown", handled: bool = False) -> dict[str, Any]:
    """A HelmRelease as helm-controller leaves it, about 3 kB; `handled` with the request's token."""
    name, reason = f"app-{number:04}", {"Unknown": "Progressing", "True": "UpgradeSucceeded", "False": "UpgradeFailed"}
    at, said = "2026-01-01T00:00:00Z", f"Helm upgrade of {name} in namespace team-{number % 20}"
    conditions = [
        {"type": "Ready", "status": ready, "reason": reason[ready], "message": said, "lastTransitionTime": at}
    ]
    if ready == "Unknown":
        conditions.append({**conditions[0], "type": "Reconciling", "status": "True"})
    history = [
        {"name": name, "version": v, "chartVersion": f"1.{v}.0", "status": "deployed", "digest": "sha256:" + "0" * 64}
        for v in range(5, 0, -1)
    ]
    return {
        **BARE,
        "metadata": {
            "name": name, "namespace": f"team-{number % 20}", "uid": f"uid-{number}", "generation": 1,
            "annotations": {"reconcile.fluxcd.io/requestedAt": REQUEST},
        },
        "spec": {"interval": "10m", "values": {f"key-{n}": "value" * 4 for n in range(40)}},
        "status": {
            "observedGeneration": 1, "conditions": conditions, "history": history,
            "lastHandledReconcileAt": REQUEST if handled else "2025-12-31T00:00:00Z",
        },
    }  # fmt: skip
