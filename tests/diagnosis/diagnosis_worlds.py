"""Small states of a cluster, built by hand for the tests of the diagnosis."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook.domain.cluster import Generic
from runbook.domain.kinds import KINDS, decode
from runbook.model import Gap, Snapshot

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def meta(namespace: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "generation": 1,
        "creationTimestamp": ago(9000),
        **more,
    }


def condition(type_: str, status: str, reason: str = "", message: str = "", **more: Any) -> dict[str, Any]:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(600),
        **more,
    }


def release(
    namespace: str, name: str, message: str, reason: str = "UpgradeFailed", *, ready: str = "False", **spec: Any
) -> dict[str, Any]:
    conditions = [condition("Ready", ready, reason, message, observedGeneration=1)]
    if "after" in message or (ready == "False" and reason.endswith("Failed")):
        conditions.append(condition("Stalled", "True", "RetriesExceeded", "Failed to upgrade after 1 attempt(s)"))
    return {
        "kind": "HelmRelease",
        "metadata": meta(namespace, name),
        "spec": spec,
        "status": {"conditions": conditions},
    }


def failed(namespace: str, name: str, error: str) -> str:
    return f"Helm upgrade failed for release {namespace}/{name} with chart {name}@1.0.0: {error}"


def sealed(namespace: str, name: str, *, opens: bool = False) -> dict[str, Any]:
    message = "" if opens else "no key could decrypt secret (TOKEN)"
    return {
        "kind": "SealedSecret",
        "metadata": meta(namespace, name),
        "status": {
            "observedGeneration": 1,
            "conditions": [condition("Synced", "True" if opens else "False", message=message)],
        },
    }


def deployment(namespace: str, name: str, *, ready: bool, secret: str = "") -> list[dict[str, Any]]:
    """A Deployment with its ReplicaSet, made by the release of the same name."""
    marks = {"helm.toolkit.fluxcd.io/name": name, "helm.toolkit.fluxcd.io/namespace": namespace}
    up = {"replicas": 1, "updatedReplicas": 1, **({"readyReplicas": 1, "availableReplicas": 1} if ready else {})}
    return [
        {
            "kind": "Deployment",
            "metadata": meta(namespace, name, labels=marks),
            "spec": {"replicas": 1, **_template(secret)},
            "status": up,
        },
        {
            "kind": "ReplicaSet",
            "metadata": meta(namespace, f"{name}-5d", ownerReferences=[_owner("Deployment", namespace, name)]),
            "spec": {"replicas": 1, **_template(secret)},
            "status": up,
        },
    ]


def pod(namespace: str, name: str, owner: tuple[str, str] | None = None, *, ready: bool = False, secret: str = "",
        waiting: tuple[str, str] | None = None, init: bool = False, image: str = "r.lab/app:1", phase: str = "Pending",
        **more: Any) -> dict[str, Any]:  # fmt: skip
    state = {"running": {"startedAt": ago(500)}} if ready else {}
    if waiting:
        state = {"waiting": {"reason": waiting[0], "message": waiting[1]}}
    status = [{"name": "main", "image": image, "ready": ready, "state": state}]
    owners = {"ownerReferences": [_owner(owner[0], namespace, owner[1])]} if owner else {}
    return {
        "kind": "Pod",
        "metadata": meta(namespace, name, creationTimestamp=ago(400), **owners),
        "spec": _template(secret, image, init=init)["template"]["spec"],
        "status": {
            "phase": "Running" if ready else phase,
            "conditions": [condition("Ready", "True" if ready else "False", lastTransitionTime=ago(60))],
            "initContainerStatuses" if init else "containerStatuses": status,
            **more,
        },
    }


def job(namespace: str, name: str, *, of: str = "", hook: bool = True, **status: Any) -> dict[str, Any]:
    labels = {"helm.toolkit.fluxcd.io/name": of, "helm.toolkit.fluxcd.io/namespace": namespace} if of else {}
    annotations = {"helm.sh/hook": "pre-upgrade"} if hook else {}
    return {
        "kind": "Job",
        "metadata": meta(namespace, name, labels=labels, annotations=annotations),
        "status": {"active": 1, "startTime": ago(400), **status},
    }


def event(
    about: tuple[str, str, str],
    reason: str,
    message: str,
    *,
    seconds: float = 30,
    type_: str = "Warning",
    uid: str = "",
) -> dict[str, Any]:
    kind, namespace, name = about
    return {
        "kind": "Event",
        "metadata": meta(namespace, f"{name}.{abs(hash((reason, message, seconds)))}"),
        "involvedObject": {
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "uid": uid or f"{kind}/{namespace}/{name}",
        },
        "type": type_,
        "reason": reason,
        "message": message,
        "lastTimestamp": ago(seconds),
    }


def _owner(kind: str, namespace: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "uid": f"{kind}/{namespace}/{name}", "controller": True}


def _template(secret: str = "", image: str = "r.lab/app:1", *, init: bool = False) -> dict[str, Any]:
    env = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": secret, "key": "TOKEN"}}}] if secret else []
    main = {"name": "main", "image": image, "env": env}
    containers = (
        {"initContainers": [main], "containers": [{"name": "app", "image": image}]} if init else {"containers": [main]}
    )
    return {"template": {"spec": containers}}


def snapshot(
    *objects: Any, observed: tuple[str, ...] = tuple(KINDS), extra: dict[str, tuple[Any, ...]] | None = None
) -> Snapshot:
    """A snapshot in which the kinds in `observed` were listed; the others are gaps."""
    found: dict[str, list[Any]] = defaultdict(list)
    for item in _flat(objects):
        named = item["metadata"]
        uid = f"{item['kind']}/{named.get('namespace', '')}/{named['name']}"
        body = {**{k: v for k, v in item.items() if k != "kind"}, "metadata": {"uid": uid, **named}}
        if item["kind"] in KINDS:
            found[item["kind"]].append(decode(item["kind"], json.dumps(body).encode()))
        else:
            found["Generic"].append(Generic(kind=item["kind"]))
    kinds = {kind: tuple(found.get(kind, ())) for kind in (*observed, *found)}
    gaps = {kind: Gap(KINDS[kind].plural, "403 Forbidden") for kind in KINDS if kind not in kinds}
    return Snapshot(NOW, "beckerkube", {**kinds, **(extra or {})}, gaps)


def _flat(objects: Any) -> list[dict[str, Any]]:
    return [o for item in objects for o in (_flat(item) if isinstance(item, (list, tuple)) else [item])]


TRIAGER = ("ccbot", "orchestrator", "redis", "analysis-worker", "crypto-worker", "mail-worker", "report-worker")


def night(*, opened: tuple[str, ...] = (), rename: dict[str, str] | None = None) -> Snapshot:
    """The end of the source task's night: 11 releases red, for four reasons. `opened` names releases whose key is there."""
    called = rename or {}
    triager, mtg, velero = (called.get(n, n) for n in ("triager", "midwestmtg", "velero"))
    objects: list[Any] = []
    for name in TRIAGER:
        secret = f"{name}-secrets"
        if name in opened:
            objects += [
                release(triager, name, "Helm upgrade succeeded", "UpgradeSucceeded", ready="True"),
                sealed(triager, secret, opens=True),
            ]
            objects += [
                deployment(triager, name, ready=True, secret=secret),
                pod(triager, f"{name}-5d-x", ("ReplicaSet", f"{name}-5d"), ready=True),
            ]
            continue
        objects += [
            release(triager, name, failed(triager, name, "context deadline exceeded")),
            sealed(triager, secret),
            deployment(triager, name, ready=False, secret=secret),
            pod(triager, f"{name}-5d-x", ("ReplicaSet", f"{name}-5d"), secret=secret,
                waiting=("CreateContainerConfigError", f'secret "{secret}" not found')),
        ]  # fmt: skip
    objects += [
        release(mtg, "midwestmtg-backend", failed(mtg, "midwestmtg-backend", "pre-upgrade hooks failed: timed out waiting for the condition")),
        sealed(mtg, "backend-secrets"),
        job(mtg, "midwestmtg-backend-migrate"),
        pod(mtg, "midwestmtg-backend-migrate-1", ("Job", "midwestmtg-backend-migrate"), secret="backend-secrets",
            waiting=("CreateContainerConfigError", 'secret "backend-secrets" not found')),
        release(mtg, "discord-bot", f"dependency '{mtg}/midwestmtg-backend' is not ready", "DependencyNotReady",
                dependsOn=[{"name": "midwestmtg-backend"}]),
        release(mtg, "midwestmtg-frontend", f"Helm install failed for release {mtg}/midwestmtg-frontend with chart f@1: context deadline exceeded",
                "InstallFailed"),
        deployment(mtg, "midwestmtg-frontend", ready=True),
        pod(mtg, "midwestmtg-frontend-5d-x", ("ReplicaSet", "midwestmtg-frontend-5d"), ready=True),
        release(velero, "velero", failed(velero, "velero", "pre-upgrade hooks failed: timed out waiting for the condition")),
        job(velero, "velero-upgrade-crds"),
        pod(velero, "velero-upgrade-crds-1", ("Job", "velero-upgrade-crds"), init=True, image="docker.io/bitnami/kubectl:1.28",
            waiting=("ImagePullBackOff", 'Back-off pulling image "docker.io/bitnami/kubectl:1.28"')),
        event(("Pod", velero, "velero-upgrade-crds-1"), "Failed",
              'Failed to pull image "docker.io/bitnami/kubectl:1.28": rpc error: code = Unknown desc = Error response from daemon: '
              "manifest for bitnami/kubectl:1.28 not found: manifest unknown: manifest unknown"),
        release("ffl", "ffl-backend", "Helm upgrade succeeded", "UpgradeSucceeded", ready="True"),
    ]  # fmt: skip
    return snapshot(*objects)
