"""A large cluster on a bad night, as a file that kubectl might have saved, and how long reading and explaining it take."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)
# Of forty releases in a row: twelve do not start four of their pods, two do not fit their schema, two wait for one of the former
_RED = (*("image", "secret", "crash") * 4, "schema", "schema", "waits", "waits")
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of each round at one size, and what was explained."""

    pods: int
    megabytes: float
    failing: int
    causes: int
    reading: list[float]
    explaining: list[float]


def measure(folder: Path, sizes: Sequence[int], rounds: int) -> list[Measured]:
    """Read and explain states of so many pods, twice as many events and a tenth of releases, in this process and in turn.

    Four of ten releases are red. Nothing of one state is held while the next one is read.
    """
    paths = {pods: write(folder, pods) for pods in sizes}
    _once(min(paths.values(), key=lambda path: path.stat().st_size))  # the catalogue and all else that is read once
    found = {pods: Measured(pods, path.stat().st_size / 1e6, *_counted(path), [], []) for pods, path in paths.items()}
    for _ in range(rounds):
        for pods, path in paths.items():
            reading, explaining = _once(path)
            found[pods].reading.append(reading)
            found[pods].explaining.append(explaining)
    for path in paths.values():
        path.unlink()
    return list(found.values())


def _once(path: Path) -> tuple[float, float]:
    from runbook.clients.recorded import load
    from runbook.diagnosis import explain

    began = time.perf_counter()
    snapshot = load([path])
    read = time.perf_counter()
    explain(snapshot)
    return read - began, time.perf_counter() - read


def _counted(path: Path) -> tuple[int, int]:
    """Objects that are red, and different causes of them. Raises RuntimeError for a night without one."""
    from runbook.clients.recorded import load
    from runbook.diagnosis import explain

    found = explain(load([path]))
    failing = sum(len(c.explains) for c in found.first_causes) + len(found.unexplained)
    guessed = {guess.cause for one in found.unexplained for guess in one.hypotheses}
    causes = len(guessed | {c.cause for c in found.first_causes})
    if not causes or not failing:
        raise RuntimeError("a bad night without a cause")
    return failing, causes


def write(folder: Path, pods: int) -> Path:
    """The state as a file of kubectl's form."""
    path = folder / f"{pods}.json"
    with path.open("w") as file:
        file.write('{"apiVersion": "v1", "kind": "List", "items": [')
        for number, item in enumerate(state(pods)):
            file.write(f"{',' if number else ''}{json.dumps(item)}")
        file.write("]}")
    return path


def state(pods: int) -> Iterator[Object]:
    """Objects of `pods / 10` releases with ten pods each; 12 % of the pods fail, and four of ten releases, by five causes."""
    for number in range(pods // 10):
        place = number % 40
        red = _RED[place] if place < len(_RED) else ""
        yield from release(number, f"team-{number % 50}", f"app-{number}", red)
    yield from nodes(pods)


def nodes(pods: int) -> Iterator[Object]:
    """A node for every five hundred pods."""
    for number in range(max(1, pods // 500)):
        yield kubernetes_object(
            "v1", "Node", "", f"node-{number}", status={"conditions": [condition("Ready", "True", "KubeletReady", "")]}
        )


def release(number: int, namespace: str, name: str, red: str) -> Iterator[Object]:
    """One release with its workload, ten pods and their events; `red` is why it fails, or nothing."""
    text = {
        "image": f"timeout waiting for: [Deployment/{namespace}/{name} status: 'InProgress']",
        "secret": "context deadline exceeded",
        "schema": "values don't meet the specifications of the schema(s) in the following chart(s): app",
        "crash": f"timeout waiting for: [Deployment/{namespace}/{name} status: 'InProgress']",
    }.get(red, "")
    message = f"Helm upgrade failed for release {namespace}/{name} with chart app@1.0.{number}: {text}"
    reason = "UpgradeFailed"
    if red == "waits":
        message, reason = f"dependency 'team-{(number - 8) % 50}/app-{number - 8}' is not ready", "DependencyNotReady"
    ready = condition(
        "Ready", "False" if red else "True", reason if red else "UpgradeSucceeded", message if red else "ok"
    )
    spec = {
        "chart": {"spec": {"chart": "app", "version": "1.x", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}
    }
    yield kubernetes_object(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        namespace,
        name,
        spec=spec,
        status={"observedGeneration": 1, "conditions": [ready]},
    )
    fails = red in ("image", "secret", "crash")
    labels = {"helm.toolkit.fluxcd.io/name": name, "helm.toolkit.fluxcd.io/namespace": namespace}
    up = {
        "replicas": 10,
        "updatedReplicas": 10,
        "readyReplicas": 6 if fails else 10,
        "availableReplicas": 6 if fails else 10,
    }
    template = {"spec": {"containers": [_container(name)]}}
    yield kubernetes_object("apps/v1", "Deployment", namespace, name, labels, spec={"replicas": 10, "template": template}, status={
        **up, "conditions": [condition("Available", "False" if fails else "True", "Minimum", "")]})  # fmt: skip
    yield kubernetes_object(
        "apps/v1",
        "ReplicaSet",
        namespace,
        f"{name}-5d",
        owner=("Deployment", name),
        spec={"replicas": 10, "template": template},
        status=up,
    )
    yield kubernetes_object("v1", "Service", namespace, name, spec={"selector": {"app": name}, "ports": [{"port": 80}]})
    if red == "secret":
        yield kubernetes_object("bitnami.com/v1alpha1", "SealedSecret", namespace, f"{name}-env", status={
            "conditions": [condition("Synced", "False", "", "no key could decrypt secret (TOKEN)")]})  # fmt: skip
    for index in range(10):
        yield from _pod(namespace, name, index, red if fails and index < 4 else "")


def _pod(namespace: str, name: str, index: int, red: str) -> Iterator[Object]:
    waiting = {
        "image": ("ImagePullBackOff", f'Back-off pulling image "registry.lab:5000/{name}:1.0"'),
        "secret": ("CreateContainerConfigError", f'secret "{name}-env" not found'),
        "crash": ("CrashLoopBackOff", "back-off 5m0s restarting failed container"),
    }.get(red)
    state_: Object = (
        {"waiting": {"reason": waiting[0], "message": waiting[1]}}
        if waiting
        else {"running": {"startedAt": _ago(5000)}}
    )
    status = {
        "name": "main",
        "image": f"registry.lab:5000/{name}:1.0",
        "imageID": "",
        "ready": not red,
        "restartCount": 0,
        "state": state_,
    }
    conditions = [
        condition(t, "False" if red and t != "PodScheduled" else "True", "", "")
        for t in ("PodScheduled", "Initialized", "Ready", "ContainersReady")
    ]
    spec = {"nodeName": f"node-{index}", "containers": [_container(name)], "serviceAccountName": "default", "tolerations": [
        {"effect": "NoExecute", "key": f"node.kubernetes.io/{k}", "operator": "Exists", "tolerationSeconds": 300} for k in ("not-ready", "unreachable")]}  # fmt: skip
    own = f"{name}-5d-{index:05d}"
    yield kubernetes_object("v1", "Pod", namespace, own, {"app": name}, owner=("ReplicaSet", f"{name}-5d"), spec=spec, status={
        "phase": "Pending" if red else "Running", "conditions": conditions, "containerStatuses": [status], "startTime": _ago(5000)})  # fmt: skip
    said = [
        ("Scheduled", f"Successfully assigned {namespace}/{own} to node-{index}", "Normal"),
        ("Pulling", f'Pulling image "registry.lab:5000/{name}:1.0"', "Normal"),
    ]
    if red == "image":
        said[1] = ("Failed", f'Failed to pull image "registry.lab:5000/{name}:1.0": rpc error: code = Unknown desc = Error response from daemon: '
                   f'Get "https://registry.lab:5000/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority', "Warning")  # fmt: skip
    for number, (reason, message, type_) in enumerate(said):
        about = {"kind": "Pod", "namespace": namespace, "name": own, "uid": f"Pod/{namespace}/{own}"}
        yield kubernetes_object("v1", "Event", namespace, f"{own}.{number}", involvedObject=about, reason=reason, message=message, type=type_,
                      count=1, firstTimestamp=_ago(400), lastTimestamp=_ago(60))  # fmt: skip


def _container(name: str) -> Object:
    env = [
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": f"{name}-env", "key": "TOKEN"}}},
        {"name": "LEVEL", "value": "info"},
    ]
    return {"name": "main", "image": f"registry.lab:5000/{name}:1.0", "imagePullPolicy": "IfNotPresent", "env": env,
            "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
            "volumeMounts": [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access", "readOnly": True}],
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}  # fmt: skip


def kubernetes_object(version: str, kind: str, namespace: str, name: str, labels: dict[str, str] | None = None, *,
            owner: tuple[str, str] | None = None, **parts: Any) -> Object:  # fmt: skip
    """One object with the metadata that every object has."""
    meta: Object = {"name": name, "namespace": namespace, "uid": f"{kind}/{namespace}/{name}", "resourceVersion": "123456", "generation": 1,
                    "creationTimestamp": _ago(6000), "labels": labels or {}}  # fmt: skip
    if owner:
        meta["ownerReferences"] = [
            {
                "apiVersion": "apps/v1",
                "kind": owner[0],
                "name": owner[1],
                "uid": f"{owner[0]}/{namespace}/{owner[1]}",
                "controller": True,
            }
        ]
    return {"apiVersion": version, "kind": kind, "metadata": meta, **parts}


def condition(type_: str, status: str, reason: str, message: str) -> Object:
    """One condition of a status."""
    return {"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": _ago(3000)}


def _ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
