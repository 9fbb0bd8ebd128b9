"""Edges of workloads: owner → child, pod → what it needs and where it runs, claim → PersistentVolume → StorageClass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runbook.diagnosis import hearsay
from runbook.diagnosis.edge import Edge, Relates
from runbook.diagnosis.index import Index
from runbook.domain import references
from runbook.domain.cluster import PersistentVolume, PersistentVolumeClaim
from runbook.domain.pods import Pod, PodSpec
from runbook.domain.workloads import Job, Workload
from runbook.model import ObjectRef

REVISION = "deployment.kubernetes.io/revision"


def edges(index: Index, heard: Iterable[ObjectRef]) -> Iterator[Edge]:
    """Owner → child; a child of which only events speak is found by its name."""
    for owner, children in index.children.items():
        for child in children:
            relation: Relates = "owned" if _is_replaced(index, owner, child) else "owns"
            yield Edge(owner, child, relation, "metadata.ownerReferences")
    for ref in heard:
        for owner in hearsay.maker(ref):
            if owner in index.objects:
                yield Edge(owner, ref, "owns", "its name")


def needs(index: Index, ref: ObjectRef) -> Iterator[Edge]:
    """What a workload, a pod, a claim or a volume says of itself that it needs, and where it runs."""
    obj = index.get(ref)
    if isinstance(obj, Pod):
        yield from _needs(ref, obj.spec)
        if obj.spec.node_name:
            yield Edge(ref, ObjectRef("Node", "", obj.spec.node_name), "runs-on", "spec.nodeName")
    elif isinstance(obj, (Workload, Job)):
        yield from _needs(ref, obj.spec.template.spec)
    elif isinstance(obj, (PersistentVolumeClaim, PersistentVolume)):
        yield from _volume(index, ref, obj)


def _volume(index: Index, ref: ObjectRef, obj: PersistentVolumeClaim | PersistentVolume) -> Iterator[Edge]:
    """The volume that a claim names, or else those that are kept for a claim of its name; the class of both."""
    if isinstance(obj, PersistentVolumeClaim):
        if obj.spec.volume_name:
            yield Edge(ref, ObjectRef("PersistentVolume", "", obj.spec.volume_name), "volume", "spec.volumeName")
        else:
            yield from (Edge(ref, volume, "volume", "the volume's spec.claimRef") for volume in index.kept.get(ref, ()))
    if obj.spec.storage_class_name:
        yield Edge(ref, ObjectRef("StorageClass", "", obj.spec.storage_class_name), "class", "spec.storageClassName")


def _is_replaced(index: Index, owner: ObjectRef, child: ObjectRef) -> bool:
    """A ReplicaSet of another revision than its Deployment is at."""
    if owner.kind != "Deployment" or child.kind != "ReplicaSet":
        return False
    now, then = (index.objects[ref].metadata.annotation(REVISION) for ref in (owner, child))
    return bool(now and then and now != then)


def _needs(ref: ObjectRef, spec: PodSpec) -> Iterator[Edge]:
    for need in references.of_pod_spec(spec, ref.namespace):
        if need.where == "imagePullSecrets":
            yield Edge(ref, ObjectRef(need.kind, need.namespace, need.name), "pulls-with", "spec.imagePullSecrets")
        elif not need.optional:
            yield Edge(ref, ObjectRef(need.kind, need.namespace, need.name), "needs", need.where)
