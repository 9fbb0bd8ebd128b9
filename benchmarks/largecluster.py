"""A large cluster on a bad night, whole: its objects by kind, what should be true of it, and where its endpoints answer.

Each release has a Deployment, a ReplicaSet, a Service with its EndpointSlice, ten pods of 8 to 9 kB and twenty events. Three
of ten releases fail to start four of their pods, so 12 % of the pods are unhealthy; two more wait, or do not fit their schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.explaining import condition, kubernetes_object, nodes, release
from benchmarks.realpods import heavy

UID = "5a1e0000-0000-4000-8000-000000000000"
DOMAIN = "large.example"
SERVICES = 200  # rows of the checklist
_RED = {0: "image", 1: "secret", 2: "crash"}
_ONCE = {5: "schema", 8: "waits"}  # of a hundred releases one each; that one waits for a release whose image is missing
_CONTROLLERS = ("source-controller", "kustomize-controller", "helm-controller", "notification-controller")
Object = dict[str, Any]


def objects(pods: int) -> Iterator[Object]:
    """Every object, in an order in which they can be created."""
    releases = pods // 10
    for name in ("kube-system", "flux-system", *(f"team-{n}" for n in range(min(50, releases)))):
        yield kubernetes_object("v1", "Namespace", "", name, status={"phase": "Active"}) | (
            {"metadata": {"name": name, "uid": UID}} if name == "kube-system" else {}
        )
    yield from nodes(pods)
    yield from _flux()
    for number in range(releases):
        found = list(release(number, _namespace(number), f"app-{number}", red_of(number)))
        yield from (heavy(o) if o["kind"] == "Pod" else _selecting(o) for o in found)
        yield _slice(_namespace(number), f"app-{number}")


def pods_alone(pods: int) -> Iterator[Object]:
    """The pods of the releases, without Flux's own."""
    return (o for o in objects(pods) if o["kind"] == "Pod" and o["metadata"]["namespace"] != "flux-system")


def red_of(release_number: int) -> str:
    """Why that release is red, or nothing."""
    return _RED.get(release_number % 10) or _ONCE.get(release_number % 100, "")


def unhealthy(pods: int) -> int:
    """How many pods do not become ready."""
    return sum(4 for number in range(pods // 10) if red_of(number) in _RED.values())


def inventory(folder: Path, pods: int, endpoints: int = 0, port: int = 0) -> Path:
    """What should be true: every release ready, every endpoint answering over TLS that `folder/ca.crt` signed."""
    releases = [{"namespace": _namespace(n), "name": f"app-{n}", "version": f"1.0.{n}"} for n in range(pods // 10)]
    hosts = [f"app-{n}.{DOMAIN}" for n in range(endpoints)]
    wanted = {
        "schema": "runbook/inventory/v1",
        "cluster": {"name": "large", "uid": UID},
        "resolve": {f"{host}:443": f"127.0.0.1:{port}" for host in hosts},
        "sources": [{"kind": "HelmRepository", "namespace": "flux-system", "name": "charts"}],
        "releases": releases,
        "services": [
            {"id": f"app-{n}", "text": f"Application {n}", "release": f"{_namespace(n)}/app-{n}", "namespace": _namespace(n),
             "version": "1.0", "endpoint": f"app-{n}" if n < endpoints else ""}
            for n in range(min(SERVICES, pods // 10))
        ],
        "endpoints": [
            {"name": f"app-{n}", "url": f"https://{host}/health", "ca": "ca.crt", "expect": {"status": "healthy"}}
            for n, host in enumerate(hosts)
        ],
        "criteria": [
            {"id": "L1", "text": "Every release is ready", "checks": ["releases-ready"]},
            {"id": "L2", "text": "Every pod runs", "checks": ["pods-healthy", "image-pulls"]},
            {"id": "L3", "text": "Every service runs", "checks": ["services-running", "versions-agree"]},
            *([{"id": "L4", "text": "Every endpoint answers", "checks": ["endpoints-answer"]}] if endpoints else []),
        ],
        "soak": "15m",
        "sealed_secrets": {"namespace": "kube-system", "service": "sealed-secrets-controller", "port": "8080"},
    }  # fmt: skip
    path = folder / f"large-{endpoints}.yaml"
    path.write_text(json.dumps(wanted))  # JSON is YAML
    return path


def _namespace(number: int) -> str:
    return f"team-{number % 50}"


def _flux() -> Iterator[Object]:
    yield kubernetes_object("source.toolkit.fluxcd.io/v1", "HelmRepository", "flux-system", "charts", spec={"url": "http://charts"},
                            status={"observedGeneration": 1, "conditions": [condition("Ready", "True", "Succeeded", "stored")]})  # fmt: skip
    for name in _CONTROLLERS:
        labels = {"app": name, "app.kubernetes.io/part-of": "flux"}
        container = {"name": "manager", "image": f"ghcr.io/fluxcd/{name}:v1.7.0"}
        yield kubernetes_object("apps/v1", "Deployment", "flux-system", name, labels, spec={
            "replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {"spec": {"containers": [container]}}}, status={
            "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
            "conditions": [condition("Available", "True", "MinimumReplicasAvailable", "")]})  # fmt: skip
        yield kubernetes_object("v1", "Pod", "flux-system", f"{name}-0", labels, spec={"nodeName": "node-0", "containers": [container]}, status={
            "phase": "Running", "conditions": [condition("Ready", "True", "", "")], "containerStatuses": [
                {"name": "manager", "image": container["image"], "imageID": "", "ready": True, "restartCount": 0,
                 "state": {"running": {"startedAt": "2025-10-17T09:00:00Z"}}}]})  # fmt: skip


def _slice(namespace: str, name: str) -> Object:
    ends = [{"addresses": [f"10.1.0.{n}"], "conditions": {"ready": n > 3}} for n in range(10)]
    return kubernetes_object("discovery.k8s.io/v1", "EndpointSlice", namespace, f"{name}-1", {"kubernetes.io/service-name": name},
                             addressType="IPv4", endpoints=ends, ports=[{"name": "", "port": 80, "protocol": "TCP"}])  # fmt: skip


def _selecting(obj: Object) -> Object:
    """A workload with the selector that no real one is without."""
    if "template" not in obj.get("spec", {}):
        return obj
    labels = {"app": obj["metadata"]["name"]}
    template = {"metadata": {"labels": labels}, **obj["spec"]["template"]}
    return {**obj, "spec": {**obj["spec"], "selector": {"matchLabels": labels}, "template": template}}
