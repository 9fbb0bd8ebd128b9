"""A pod as an API server holds it: about 8 kB, half of it the record of who wrote which field (`managedFields`).

Made from the small pods of `explaining.release`: what their template lacks (a second container, probes, environment, mounts,
security contexts, the token's volume), what the scheduler and the kubelet add, and then the managedFields that an API server
keeps of just these fields. The same pod in gives the same pod out; nothing in it is secret.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from runbook.rehearsal.fieldsets import members, written
from runbook.rehearsal.listtypes import Types

AGENT = "metrics-agent"
_AT = "2025-10-17T09:3{}:41Z"
_ENVIRONMENT = {"LOG_LEVEL": "info", "LOG_JSON": "1", "PORT": "8080", "WORKERS": "4", "REGION": "eu", "TZ": "UTC"}
_TYPES = Types()
_ALWAYS = frozenset(
    {("f:metadata",), ("f:spec",), ("f:spec", "f:containers"), ("f:status",), ("f:status", "f:conditions")}
)
Object = dict[str, Any]


def heavy(pod: Object) -> Object:
    """The pod with all that a real one has. What it waits for, and whether it is ready, stays."""
    app, meta = str(pod["spec"]["containers"][0]["image"]).rpartition("/")[2].partition(":")[0], pod["metadata"]
    seed = hashlib.sha256(f"{meta['namespace']}/{meta['name']}".encode()).hexdigest()
    grown = {**pod, "metadata": _metadata(meta, app), "spec": _spec(pod["spec"], app, seed)}
    grown["status"] = _status(pod["status"], app, seed)
    grown["metadata"]["managedFields"] = _managed(grown)
    return grown


def _metadata(meta: Object, app: str) -> Object:
    owner = meta["ownerReferences"][0]
    labels = {**meta["labels"], "app.kubernetes.io/name": app, "pod-template-hash": "5d"}
    annotations = {"kubectl.kubernetes.io/default-container": "main", "prometheus.io/scrape": "true"}
    return {
        **meta, "generateName": f"{owner['name']}-", "labels": labels, "annotations": annotations,
        "ownerReferences": [{**owner, "blockOwnerDeletion": True}],
    }  # fmt: skip


def _spec(spec: Object, app: str, seed: str) -> Object:
    token = f"kube-api-access-{seed[:5]}"
    return {
        "volumes": [{"name": "scratch", "emptyDir": {}}, _token(token)],
        **spec,
        "containers": [_main(spec["containers"][0], app, token), _agent(token)],
        "dnsPolicy": "ClusterFirst", "enableServiceLinks": True, "priority": 0,
        "restartPolicy": "Always", "schedulerName": "default-scheduler", "serviceAccount": "default",
        "securityContext": {"fsGroup": 10001, "runAsNonRoot": True, "runAsUser": 10001},
        "terminationGracePeriodSeconds": 30,
    }  # fmt: skip


def _token(name: str) -> Object:
    """The volume that the ServiceAccount admission plugin adds."""
    return {"name": name, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]}}  # fmt: skip


def _main(container: Object, app: str, token: str) -> Object:
    literal = [{"name": name, "value": value} for name, value in (("APP", app), *_ENVIRONMENT.items())]
    own = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}
    return {
        **container, "env": [*container["env"], *literal, own], "volumeMounts": [*_scratch("cache", "data", "spool"), _mount(token)],
        "ports": [_port("http", 8080)], "securityContext": _confined(),
        "livenessProbe": _probe("/health/live", "http", 20), "readinessProbe": _probe("/health/ready", "http", 10),
    }  # fmt: skip


def _agent(token: str) -> Object:
    return {
        "name": AGENT, "image": f"registry.lab:5000/{AGENT}:0.15.0", "imagePullPolicy": "IfNotPresent",
        "ports": [_port("metrics", 9102)],
        "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "10m", "memory": "32Mi"}},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "volumeMounts": [_mount(token)],
    }  # fmt: skip


def _port(name: str, number: int) -> Object:
    return {"containerPort": number, "name": name, "protocol": "TCP"}


def _scratch(*names: str) -> list[Object]:
    return [{"mountPath": f"/{name}", "name": "scratch", "subPath": name} for name in names]


def _mount(token: str) -> Object:
    return {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": token, "readOnly": True}


def _confined() -> Object:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


def _probe(path: str, port: str, period: int) -> Object:
    got = {"path": path, "port": port, "scheme": "HTTP"}
    return {"failureThreshold": 3, "httpGet": got, "periodSeconds": period, "successThreshold": 1, "timeoutSeconds": 2}


def _status(status: Object, app: str, seed: str) -> Object:
    node, address = int(seed[:2], 16) % 20, f"10.244.{int(seed[2:4], 16)}.{int(seed[4:6], 16)}"
    main = status["containerStatuses"][0]
    crashes = "CrashLoop" in str(main["state"])
    return {
        **status, "phase": "Running" if crashes else status["phase"], "hostIP": f"10.0.0.{node}",
        "podIP": address, "podIPs": [{"ip": address}], "qosClass": "Burstable",
        "conditions": [_condition(c) for c in status["conditions"]],
        "containerStatuses": [_ran(main, app, seed, crashes=crashes), _ran(_beside(main), AGENT, seed[::-1], crashes=False)],
    }  # fmt: skip


def _condition(given: Object) -> Object:
    """As the kubelet writes it: what is well has no reason, and what is not names the containers."""
    found = {"lastProbeTime": None, **{k: v for k, v in given.items() if v}}
    if given["status"] == "False" and given["type"] != "Initialized":
        found |= {"reason": "ContainersNotReady", "message": "containers with unready status: [main]"}
    return found | ({"status": "True"} if given["type"] == "Initialized" else {})


def _beside(main: Object) -> Object:
    """The second container runs, whatever the first one waits for."""
    image = f"registry.lab:5000/{AGENT}:0.15.0"
    return {**main, "name": AGENT, "image": image, "ready": True, "state": {"running": {"startedAt": _AT.format(2)}}}


def _ran(status: Object, image: str, seed: str, *, crashes: bool) -> Object:
    """A container's status with its ids, of one that has started; one that crashes has been here before."""
    found = {**status, "lastState": {}, "started": status["ready"]}
    if not (status["ready"] or crashes):
        return found
    ids: Object = {
        "imageID": f"registry.lab:5000/{image}@sha256:{hashlib.sha256(image.encode()).hexdigest()}",
        "containerID": f"containerd://{seed}",
    }
    if crashes:
        times = {"startedAt": _AT.format(3), "finishedAt": _AT.format(4), "containerID": f"containerd://{seed}"}
        ids |= {"restartCount": 7, "lastState": {"terminated": {"exitCode": 1, "reason": "Error", **times}}}
    return {**found, **ids}


def _managed(pod: Object) -> list[Object]:
    """Who wrote what: the ReplicaSet's controller the pod, the kubelet its status."""
    meta = {k: pod["metadata"][k] for k in ("annotations", "generateName", "labels", "ownerReferences")}
    spec = {
        k: v for k, v in pod["spec"].items() if k not in ("nodeName", "priority", "tolerations", "serviceAccountName")
    }
    spec["volumes"] = spec["volumes"][:-1]  # the token's was added on admission
    spec["containers"] = [{**c, "volumeMounts": c["volumeMounts"][:-1]} for c in spec["containers"]]
    return [
        _entry("kube-controller-manager", 0, _fields(json.dumps({"metadata": meta, "spec": spec}))),
        {**_entry("kubelet", 5, _fields(json.dumps({"status": pod["status"]}))), "subresource": "status"},
    ]


def _entry(manager: str, minute: int, fields: Object) -> Object:
    return {
        "manager": manager, "operation": "Update", "apiVersion": "v1", "time": _AT.format(minute),
        "fieldsType": "FieldsV1", "fieldsV1": fields,
    }  # fmt: skip


@lru_cache(maxsize=8)  # what their controller wrote is the same of all pods of a release, which come one after another
def _fields(written_: str) -> Object:
    """A map or list that came with its first field is the writer's too; what every pod has is nobody's."""
    leaves = members(json.loads(written_), _TYPES)
    return written({path[:n] for path in leaves for n in range(1, len(path) + 1)} - _ALWAYS)
