"""Deployment, ReplicaSet, StatefulSet and DaemonSet: they make pods and count them [kk:pkg/controller]."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from runbook.rehearsal.controllers.conditions import deleting, found, is_true, owned_by, with_conditions
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.runtime import Controllers
from runbook.rehearsal.store import Store

PROGRESS_DEADLINE = 600.0


class Workloads:
    """The four controllers over one store."""

    def __init__(self, controllers: Controllers) -> None:
        self._store: Store = controllers.store
        kinds = self._store.kinds
        self._pods = kinds["v1", "pods"]
        self._replicasets = kinds["apps/v1", "replicasets"]
        controllers.add(kinds["apps/v1", "deployments"], self._deployment)
        controllers.add(self._replicasets, self._replicaset)
        controllers.add(kinds["apps/v1", "statefulsets"], self._statefulset)
        controllers.add(kinds["apps/v1", "daemonsets"], self._daemonset)

    # Deployment: one ReplicaSet a template; the old one goes down when the new one is ready

    async def _deployment(self, obj: Object) -> float | None:
        if deleting(obj):
            return None
        want = obj["spec"].get("replicas", 1)
        template = obj["spec"]["template"]
        digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
        sets = {r["metadata"]["labels"]["pod-template-hash"]: r for r in self._owned(obj, "ReplicaSet")}
        current = sets.get(digest) or self._new_replicaset(obj, template, digest, len(sets) + 1)
        ready = (current.get("status") or {}).get("readyReplicas", 0)
        for old in sets.values():
            size = want if old is current else (old["spec"]["replicas"] if ready < want else 0)
            if old["spec"]["replicas"] != size:
                self._store.update(self._replicasets, old, {**old, "spec": {**old["spec"], "replicas": size}})
        self._deployment_status(obj, current, [*sets.values()], want, ready)
        return None

    def _new_replicaset(self, obj: Object, template: Object, digest: str, revision: int) -> Object:
        labels = {**(template.get("metadata", {}).get("labels") or {}), "pod-template-hash": digest}
        metadata = {**(template.get("metadata") or {}), "labels": labels}
        name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
        made = self._store.create(
            self._replicasets,
            namespace,
            {
                "metadata": {
                    "name": f"{name}-{digest}",
                    "labels": labels,
                    "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                    "ownerReferences": owned_by(obj),
                },
                "spec": {
                    "replicas": obj["spec"].get("replicas", 1),
                    "selector": {"matchLabels": labels},
                    "template": {**template, "metadata": metadata},
                },
            },
        )
        message = f"Scaled up replica set {name}-{digest} from 0 to {made['spec']['replicas']}"
        self._store.event(obj, "Normal", "ScalingReplicaSet", message, "deployment-controller")
        return made

    def _deployment_status(self, obj: Object, current: Object, sets: list[Object], want: int, ready: int) -> None:
        now, name = self._store.now(), current["metadata"]["name"]
        enough = ready >= want
        replicas = [(r.get("status") or {}).get("replicas", 0) for r in sets]
        updated = (current.get("status") or {}).get("replicas", 0)
        available = (
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
            if enough
            else ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        )
        progressing = ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
        if enough and updated >= want:
            text = f'ReplicaSet "{name}" has successfully progressed.'
            progressing = ("True", "NewReplicaSetAvailable", text)
        wanted = {"Available": available, "Progressing": progressing}
        self._store.status(
            obj,
            observedGeneration=obj["metadata"]["generation"],
            replicas=sum(replicas) or None,
            updatedReplicas=updated or None,
            readyReplicas=ready or None,
            availableReplicas=ready or None,
            unavailableReplicas=max(0, want - ready) or None,
            conditions=with_conditions(obj, now, wanted, generation=False),
        )

    async def _replicaset(self, obj: Object) -> float | None:
        if deleting(obj):
            return None
        pods, want = self._owned(obj, "Pod"), obj["spec"]["replicas"]
        pods = [p for p in pods if (p.get("status") or {}).get("phase") not in ("Failed", "Succeeded")]
        for _ in range(want - len(pods)):
            made = self._new_pod(obj, {"generateName": obj["metadata"]["name"] + "-"})
            message = f"Created pod: {made['metadata']['name']}"
            self._store.event(obj, "Normal", "SuccessfulCreate", message, "replicaset-controller")
        for pod in sorted(pods, key=lambda p: is_true(p, "Ready"))[: max(0, len(pods) - want)]:
            self._store.delete(self._pods, obj["metadata"]["namespace"], pod["metadata"]["name"])
        self._counted(obj, self._owned(obj, "Pod"), want)
        return None

    async def _statefulset(self, obj: Object) -> float | None:
        if deleting(obj):
            return None
        want, name = obj["spec"].get("replicas", 1), obj["metadata"]["name"]
        held = {p["metadata"]["name"]: p for p in self._owned(obj, "Pod")}
        for ordinal in range(want):
            pod = held.get(f"{name}-{ordinal}")
            if pod is None:
                labels = {"statefulset.kubernetes.io/pod-name": f"{name}-{ordinal}"}
                self._new_pod(obj, {"name": f"{name}-{ordinal}"}, labels=labels)
                break
            if not is_true(pod, "Ready"):
                break
        pods = self._owned(obj, "Pod")
        revision = f"{name}-{hashlib.sha256(json.dumps(obj['spec']['template']).encode()).hexdigest()[:10]}"
        self._counted(obj, pods, want, currentRevision=revision, updateRevision=revision, updatedReplicas=len(pods))
        return None

    async def _daemonset(self, obj: Object) -> float | None:
        if deleting(obj):
            return None
        nodes = [n["metadata"]["name"] for n in self._store.list(self._store.kinds["v1", "nodes"])]
        pods = {p["spec"].get("nodeName"): p for p in self._owned(obj, "Pod")}
        for node in nodes:
            if node not in pods:
                self._new_pod(obj, {"generateName": obj["metadata"]["name"] + "-"}, node=node)
        pods = {p["spec"].get("nodeName"): p for p in self._owned(obj, "Pod")}
        ready = sum(is_true(p, "Ready") for p in pods.values())
        self._store.status(
            obj,
            observedGeneration=obj["metadata"]["generation"],
            desiredNumberScheduled=len(nodes),
            currentNumberScheduled=len(pods),
            updatedNumberScheduled=len(pods),
            numberReady=ready,
            numberAvailable=ready or None,
            numberUnavailable=len(nodes) - ready or None,
            numberMisscheduled=0,
        )
        return None

    def _counted(self, obj: Object, pods: list[Object], want: int, **more: Any) -> None:
        ready = sum(is_true(p, "Ready") for p in pods)
        self._store.status(
            obj,
            observedGeneration=obj["metadata"]["generation"],
            replicas=min(len(pods), want),
            readyReplicas=ready or None,
            availableReplicas=ready or None,
            **more,
        )

    def _owned(self, owner: Object, kind: str) -> list[Object]:
        return [d for d in self._store.dependents(owner["metadata"]["uid"]) if d["kind"] == kind and not deleting(d)]

    def _new_pod(
        self, owner: Object, named: dict[str, str], *, labels: dict[str, str] | None = None, node: str = ""
    ) -> Object:
        return new_pod(self._store, owner, owner["spec"]["template"], named, labels=labels, node=node)


def new_pod(
    store: Store,
    owner: Object,
    template: Object,
    named: dict[str, str],
    *,
    labels: dict[str, str] | None = None,
    node: str = "",
) -> Object:
    """Make a pod from a template; the scheduler places it unless `node` says where."""
    metadata = dict(template.get("metadata") or {})
    metadata |= {**named, "ownerReferences": owned_by(owner)}
    metadata["labels"] = {**(metadata.get("labels") or {}), **(labels or {})}
    spec = {**template["spec"], **({"nodeName": node} if node else {})}
    return store.create(store.kinds["v1", "pods"], owner["metadata"]["namespace"], {"metadata": metadata, "spec": spec})


def available(obj: Object | None) -> bool:
    """Whether a workload counts as rolled out, as Helm's and kstatus' waits see it."""
    if obj is None:
        return False
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    if status.get("observedGeneration") != obj["metadata"].get("generation"):
        return False
    if obj["kind"] == "DaemonSet":
        return bool(status.get("numberReady", 0) >= status.get("desiredNumberScheduled", 1))
    want = spec.get("replicas", 1)
    if obj["kind"] == "Deployment":
        progressing = found(obj, "Progressing")
        done = progressing is not None and progressing["reason"] == "NewReplicaSetAvailable"
        return done and status.get("availableReplicas", 0) >= want
    return bool(status.get("readyReplicas", 0) >= want)
