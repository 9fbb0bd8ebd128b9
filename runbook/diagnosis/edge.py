"""One edge of the graph."""

from __future__ import annotations

from typing import Literal, NamedTuple

from runbook.model import ObjectRef

Relates = Literal[
    "depends-on",  # dependsOn
    "source",  # sourceRef, chartRef, the HelmChart of a release, the source of a chart
    "hook",  # a Job that a Helm action made
    "applies",  # an object of a Kustomization or a release
    "owns",  # an ownerReference, downwards
    "owned",  # the same, to the ReplicaSet of an earlier revision: what happens there is no longer the Deployment's
    "needs",  # a Secret, ConfigMap, claim or account that must exist
    "pulls-with",  # imagePullSecrets: the kubelet goes on without one that is not there
    "made-by",  # who should make a Secret, or a Service that is not there
    "serves",  # Service → Pod, Ingress → Service, endpoint → Service
    "admits",  # an object → the webhook that is asked before it is stored
    "attaches",  # route → Gateway
    "tests",  # a test hook's pod → its release
    "calls",  # Pod → Service that its log could not reach
    "runs-on",  # Pod → Node
    "kept-by",  # an object → the workload of its controller
    "kept-out",  # Pod → Node that has the taint for which the scheduler passed it over
    "volume",  # claim → PersistentVolume
    "class",  # claim or volume → StorageClass
]


class Edge(NamedTuple):
    """`origin` depends on `target`; `proof` is the field or label that says so."""

    origin: ObjectRef
    target: ObjectRef
    relation: Relates
    proof: str
