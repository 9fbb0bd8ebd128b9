"""States as kubectl would have saved them, built by hand: objects with apiVersion and uid, read back through `--from`."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from diagnosis_worlds import ago, condition, meta

from runbook.clients import recorded
from runbook.domain.kinds import KINDS
from runbook.model import Snapshot

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
GROUPS = {
    "ExternalSecret": "external-secrets.io/v1", "SecretStore": "external-secrets.io/v1", "ClusterSecretStore": "external-secrets.io/v1", "Certificate": "cert-manager.io/v1", "VirtualService": "networking.istio.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1", "CronJob": "batch/v1", "PersistentVolume": "v1", "ResourceQuota": "v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1", "Widget": "lab.example/v1", "Gateway": "gateway.networking.k8s.io/v1",
}  # fmt: skip

Object = dict[str, Any]


def items_of(name: str, file: str = "state") -> list[Object]:
    """The objects of a recording, to be changed at will."""
    return list(json.loads(gzip.decompress((RECORDINGS / name / f"{file}.json.gz").read_bytes()))["items"])


def saved(*objects: Any) -> Snapshot:
    """What `runbook explain --from` reads of these objects; each gets the apiVersion and uid that a server gives it."""
    items = [_served(o) for o in _flat(objects)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        return recorded.load([path])


def kind(kind_: str, namespace: str, name: str, /, **parts: Any) -> Object:
    """Any object: `labels=`, `owner=(kind, name)`, `spec=`, `status=` and other top-level fields."""
    more: Object = {"labels": parts.pop("labels", {}), "annotations": parts.pop("annotations", {})}
    if owner := parts.pop("owner", None):
        more["ownerReferences"] = [
            {"kind": owner[0], "name": owner[1], "uid": f"{owner[0]}/{namespace}/{owner[1]}", "controller": True}
        ]
    if "born" in parts:
        more["creationTimestamp"] = ago(parts.pop("born"))
    return {"kind": kind_, "metadata": meta(namespace, name, **more), **parts}


def flux(
    kind_: str,
    namespace: str,
    name: str,
    message: str = "",
    reason: str = "Failed",
    /,
    *,
    ready: str = "False",
    **spec: Any,
) -> Object:
    """A Flux object with one Ready condition, of its current generation."""
    ready_ = condition("Ready", ready, reason, message, observedGeneration=1, lastTransitionTime=ago(120))
    return kind(kind_, namespace, name, spec=spec, status={"observedGeneration": 1, "conditions": [ready_]})


def ready(kind_: str, namespace: str, name: str, /, **spec: Any) -> Object:
    """A Flux object that is well."""
    return flux(kind_, namespace, name, "ok", "Succeeded", ready="True", **spec)


def marks(release: str, namespace: str) -> dict[str, str]:
    """The labels that helm-controller puts on what a release deploys."""
    return {"helm.toolkit.fluxcd.io/name": release, "helm.toolkit.fluxcd.io/namespace": namespace}


def container(
    waiting: tuple[str, str] | None = None, last: Object | None = None, *, ready_: bool = False, name: str = "main"
) -> Object:
    """One container status."""
    state = (
        {"waiting": {"reason": waiting[0], "message": waiting[1]}} if waiting else {"running": {"startedAt": ago(500)}}
    )
    return {"name": name, "image": "r.lab/app:1", "imageID": "", "ready": ready_, "restartCount": 3, "state": state,
            "lastState": {"terminated": last} if last else {}}  # fmt: skip


def pod(namespace: str, name: str, status: Object | None = None, /, *, phase: str = "Pending", owner: tuple[str, str] | None = None,
        init: bool = False, labels: dict[str, str] | None = None, born: float = 420, **spec: Any) -> Object:  # fmt: skip
    """A pod with one container status; without one it is ready."""
    well = status is None
    statuses = {"initContainerStatuses" if init else "containerStatuses": [status or container(ready_=True)]}
    conditions = [
        condition("Ready", "True" if well else "False", lastTransitionTime=ago(400)),
        condition("PodScheduled", "True"),
    ]
    containers = [{"name": "main", "image": "r.lab/app:1"}]
    spec = {"containers": containers, **({"initContainers": containers} if init else {}), **spec}
    return kind("Pod", namespace, name, labels=labels or {}, owner=owner, born=born, spec=spec,
                status={"phase": "Running" if well else phase, "conditions": conditions, **statuses})  # fmt: skip


def workload(
    kind_: str,
    namespace: str,
    name: str,
    /,
    *,
    up: bool = False,
    release: str = "",
    owner: tuple[str, str] | None = None,
    **template: Any,
) -> Object:
    """A Deployment, ReplicaSet, StatefulSet or DaemonSet that wants one pod."""
    number = 1 if up else 0
    status: Object = {
        "replicas": 1,
        "readyReplicas": number,
        "updatedReplicas": 1,
        "availableReplicas": number,
        "observedGeneration": 1,
    }
    if kind_ == "DaemonSet":
        status = {
            "desiredNumberScheduled": 1,
            "numberReady": number,
            "currentNumberScheduled": 1,
            "observedGeneration": 1,
        }
    if kind_ == "Deployment" and not up:
        status["conditions"] = [
            condition("Available", "False", "MinimumReplicasUnavailable", "not available", lastTransitionTime=ago(900))
        ]
    return kind(kind_, namespace, name, labels=marks(release, namespace) if release else {}, owner=owner, status=status,
                spec={"replicas": 1, "template": {"spec": {"containers": [{"name": "main", "image": "r.lab/app:1"}], **template}}})  # fmt: skip


def event(
    about: tuple[str, str, str], reason: str, message: str, *, seconds: float = 30, type_: str = "Warning"
) -> Object:
    """An event of the object's uid."""
    kind_, namespace, name = about
    of = {"kind": kind_, "namespace": namespace, "name": name, "uid": f"{kind_}/{namespace}/{name}"}
    return {"kind": "Event", "metadata": meta(namespace, f"{name}.{abs(hash((reason, message, seconds))):x}"), "involvedObject": of,
            "type": type_, "reason": reason, "message": message, "lastTimestamp": ago(seconds)}  # fmt: skip


def _served(obj: Object) -> Object:
    known = KINDS.get(obj["kind"])
    version = GROUPS.get(obj["kind"]) or (f"{known.group}/v1" if known and known.group else "v1")
    named = obj["metadata"]
    uid = f"{obj['kind']}/{named.get('namespace', '')}/{named['name']}"
    return {"apiVersion": version, **obj, "metadata": {"uid": uid, **named}}


def _flat(objects: Any) -> list[Object]:
    return [o for item in objects for o in (_flat(item) if isinstance(item, (list, tuple)) else [item])]
