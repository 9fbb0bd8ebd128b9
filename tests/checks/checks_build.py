"""A small world in which every check is content: what denial, emptiness and planted faults are measured against."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from runbook.checks import CHECKS
from runbook.domain.probes import (
    AccessReview,
    EndpointProbe,
    GitFile,
    GitHead,
    LogWindow,
    ManifestProbe,
    RegistryTrust,
    ServedKind,
    SoakWindow,
    UnsealProbe,
)
from runbook.judgement.asking import answers
from runbook.judgement.permissions import wanted
from runbook.model import Finding, Gap, Snapshot

HOST = "reg.example:5000"
DIGEST = "sha256:" + "a" * 64
HEAD = "abcdef0123456789"
REVISION = f"main@sha1:{HEAD}"
HELM = {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "shop"}
OK = dict.fromkeys(("resolve", "connect", "chain", "name", "expiry", "api"), "ok")
GREEN = frozenset({"pass", "skip"})
ROW = {
    "id": "shop",
    "text": "The shop is operational",
    "workload": {"kind": "Deployment", "namespace": "shop", "name": "shop"},
    "service": {"kind": "Service", "namespace": "shop", "name": "shop"},
}


def green_inventory(worlds: Any, **change: Any) -> Any:
    """One node, one source, one Kustomization, one release; a criterion for each check, named like it."""
    parts: dict[str, Any] = {
        "sources": [{"kind": "GitRepository", "namespace": "flux-system", "name": "fleet"}],
        "kustomizations": [{"name": "apps"}],
        "services": [
            {"id": "shop", "text": "The shop runs", "release": "shop/shop", "version": "1.0.0", "endpoint": "health"}
        ],
        "infrastructure": [{**ROW, "also": ["sealed-secrets-unsealed"]}],
        "endpoints": [{"name": "health", "url": "https://h/health", "smoke": True, "expect": {"status": "healthy"}}],
        "sealed_secrets": {"namespace": "kube-system"},
        "git": {"path": ".", "source": {"kind": "GitRepository", "namespace": "flux-system", "name": "fleet"}},
        "criteria": [{"id": check, "text": check, "checks": [check]} for check in sorted(CHECKS)],
    }
    return worlds.inventory(**{**parts, **change})


def green_snapshot(worlds: Any) -> Snapshot:
    """Everything the inventory expects, as it should be."""
    kinds = {kind for check in CHECKS.values() for kind in check.needs}
    return worlds.snapshot(*_flux(worlds), *_running(worlds), *_probes(worlds), empty=sorted(kinds))


def _flux(worlds: Any) -> Iterable[Any]:
    token = {"reconcile.fluxcd.io/requestedAt": "t1"}
    source = {"kind": "GitRepository", "name": "fleet"}
    applied = {"lastAppliedRevision": REVISION, "lastHandledReconcileAt": "t1"}
    yield worlds.flux("GitRepository", "fleet", "flux-system", status={"artifact": {"revision": REVISION}})
    yield worlds.flux(
        "Kustomization", "apps", "flux-system", annotations=token, status=applied, spec={"sourceRef": source}
    )
    yield worlds.release("shop", "shop", tag="1.0.0")
    for name in ("source-controller", "kustomize-controller", "helm-controller"):
        yield worlds.deployment(name, "flux-system")


def _running(worlds: Any) -> Iterable[Any]:
    yield worlds.deployment("shop", "shop", labels=HELM)
    yield worlds.pod(
        "shop-1", "shop", image_id=f"docker-pullable://{HOST}/shop@{DIGEST}", labels={"app.kubernetes.io/name": "shop"}
    )
    yield worlds.obj("Service", "shop", "shop", spec={"selector": {"app": "shop"}})
    yield worlds.obj(
        "EndpointSlice",
        "shop-x",
        "shop",
        labels={"kubernetes.io/service-name": "shop"},
        endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
    )
    paths = [{"path": "/", "backend": {"service": {"name": "shop"}}}]
    yield worlds.obj("Ingress", "shop", "shop", spec={"rules": [{"host": "h", "http": {"paths": paths}}]})
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "nodeInfo": {"containerRuntimeVersion": "docker://28"},
    }
    yield worlds.obj("Node", "n1", status=status)
    synced = {"observedGeneration": 1, "conditions": [{"type": "Synced", "status": "True"}]}
    yield worlds.obj("SealedSecret", "db", "shop", generation=1, status=synced)
    about = {"kind": "Pod", "namespace": "shop", "name": "shop-1"}
    yield worlds.obj("Event", "e", "shop", involvedObject=about, type="Normal", reason="Pulled")


def _probes(worlds: Any) -> Iterable[Any]:
    for vantage in ("operator", "n1"):
        anchors = (f"/etc/docker/certs.d/{HOST}/ca.crt",)
        yield RegistryTrust(vantage, "docker", HOST, node_read="read", anchors=anchors, **OK)
    yield ManifestProbe(HOST, "shop", "1.0.0", DIGEST, (), "", 200)
    yield EndpointProbe(
        "health", "https://h/health", status=200, tls="verified", body='{"status":"healthy"}', layer="body"
    )
    yield UnsealProbe("shop", "db", True, 200)
    yield LogWindow("flux-system", "helm-controller-1", 100, worlds.now, worlds.now)
    yield GitHead(HEAD, "main")
    yield GitFile("HelmRelease", "shop", "shop", "apps/shop.yaml", 1, "1.0.0", (("image.tag", "1.0.0"),))
    for one in wanted(green_inventory(worlds)):
        yield AccessReview(one.verb, one.group, one.resource, one.namespace, True)
    yield SoakWindow(900.0, 900.0, worlds.now, worlds.now, (), 12)
    for kind in ("GitRepository", "Kustomization", "HelmRelease"):
        yield ServedKind(kind, "g", "v1", kind.lower())


def denied(snapshot: Snapshot, *kinds: str) -> Snapshot:
    """The same world when these kinds answer 403."""
    objects = {k: v for k, v in snapshot.objects.items() if k not in kinds}
    gaps = {k: Gap(f"{k} in all namespaces", "403 Forbidden", f"list {k}") for k in kinds}
    return dataclasses.replace(snapshot, objects=objects, gaps={**snapshot.gaps, **gaps})


def holding(snapshot: Snapshot, kind: str, *items: Any) -> Snapshot:
    """The same world holding exactly these objects of a kind; none empties it."""
    return dataclasses.replace(snapshot, objects={**snapshot.objects, kind: tuple(items)})


def ask_all(snapshot: Snapshot, inventory: Any) -> Mapping[str, list[Finding]]:
    """Every check's answers, whatever its stage."""
    return {name: list(answers(check, snapshot, inventory)) for name, check in CHECKS.items()}


def words(found: Mapping[str, list[Finding]]) -> dict[str, set[str]]:
    """The result words of each check."""
    return {name: {str(f.result) for f in some} for name, some in found.items()}
