"""The catalogue of built-in kinds, and the kinds a CustomResourceDefinition adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
WORKLOADS = frozenset(
    (
        "Pod",
        "Service",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "ReplicationController",
    )
)
# group/version, kind, plural, short names, scope, subresources ("create": a review, which is answered and never stored)
CATALOGUE = """
v1 Namespace namespaces ns cluster status
v1 Node nodes no cluster status,proxy
v1 Pod pods po ns status,log,eviction,proxy,exec,attach,portforward,binding
v1 Service services svc ns status,proxy
v1 Endpoints endpoints ep ns -
v1 Event events ev ns -
v1 ConfigMap configmaps cm ns -
v1 Secret secrets - ns -
v1 ServiceAccount serviceaccounts sa ns token
v1 PersistentVolume persistentvolumes pv cluster status
v1 PersistentVolumeClaim persistentvolumeclaims pvc ns status
v1 ReplicationController replicationcontrollers rc ns status,scale
v1 LimitRange limitranges limits ns -
v1 ResourceQuota resourcequotas quota ns status
apps/v1 Deployment deployments deploy ns status,scale
apps/v1 ReplicaSet replicasets rs ns status,scale
apps/v1 StatefulSet statefulsets sts ns status,scale
apps/v1 DaemonSet daemonsets ds ns status
apps/v1 ControllerRevision controllerrevisions - ns -
batch/v1 Job jobs - ns status
batch/v1 CronJob cronjobs cj ns status
networking.k8s.io/v1 Ingress ingresses ing ns status
networking.k8s.io/v1 IngressClass ingressclasses - cluster -
networking.k8s.io/v1 NetworkPolicy networkpolicies netpol ns -
discovery.k8s.io/v1 EndpointSlice endpointslices - ns -
coordination.k8s.io/v1 Lease leases - ns -
policy/v1 PodDisruptionBudget poddisruptionbudgets pdb ns status
autoscaling/v2 HorizontalPodAutoscaler horizontalpodautoscalers hpa ns status
storage.k8s.io/v1 StorageClass storageclasses sc cluster -
scheduling.k8s.io/v1 PriorityClass priorityclasses pc cluster -
rbac.authorization.k8s.io/v1 Role roles - ns -
rbac.authorization.k8s.io/v1 RoleBinding rolebindings - ns -
rbac.authorization.k8s.io/v1 ClusterRole clusterroles - cluster -
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings - cluster -
admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations - cluster -
admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations - cluster -
apiregistration.k8s.io/v1 APIService apiservices - cluster status
apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions crd,crds cluster status
authorization.k8s.io/v1 SelfSubjectAccessReview selfsubjectaccessreviews - cluster create
authorization.k8s.io/v1 SelfSubjectRulesReview selfsubjectrulesreviews - cluster create
authentication.k8s.io/v1 SelfSubjectReview selfsubjectreviews - cluster create
"""
# Field selectors beside metadata.name and metadata.namespace [kk:pkg/apis/core/v1/conversion.go, batch, apps]
SELECTABLE = {
    "Pod": "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork "
    "status.phase status.podIP status.podIPs status.nominatedNodeName",
    "Event": "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid "
    "involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath "
    "reason reportingComponent source type",
    "Namespace": "status.phase",
    "Secret": "type",
    "Node": "spec.unschedulable",
    "Job": "status.successful",
    "ReplicaSet": "status.replicas",
    "ReplicationController": "status.replicas",
    "Service": "spec.clusterIP spec.type",
}
# Built-in kinds whose storage counts metadata.generation [kk:pkg/registry/*/strategy.go]; custom resources always do
GENERATIONAL = frozenset(
    (
        "Pod",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "ReplicationController",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    )
)


@dataclass(frozen=True)
class PrinterColumn:
    """One `additionalPrinterColumns` entry of a CRD."""

    name: str
    type: str
    path: str
    priority: int = 0
    format: str = ""
    description: str = ""


@dataclass(frozen=True)
class Kind:
    """One served kind: `gv` is `group/version` (`v1` for core), `subs` its subresources."""

    gv: str
    kind: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subs: frozenset[str] = frozenset()
    singular: str = ""
    categories: tuple[str, ...] = ()
    crd: bool = False
    columns: tuple[PrinterColumn, ...] = ()
    storage_version: str = ""
    generational: bool = True

    @cached_property
    def group(self) -> str:
        """API group, empty for core."""
        return self.gv.rpartition("/")[0]

    @cached_property
    def version(self) -> str:
        """`v1`, `v1beta1` …"""
        return self.gv.rpartition("/")[2]

    @cached_property
    def gr(self) -> tuple[str, str]:
        """Where its objects are stored: all versions of one resource share a place."""
        return (self.group, self.plural)

    @cached_property
    def qualified(self) -> str:
        """`pods`, `helmreleases.helm.toolkit.fluxcd.io`: as error messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def virtual(self) -> bool:
        """A review: answered, never stored."""
        return "create" in self.subs

    @cached_property
    def fields(self) -> frozenset[str]:
        """Field selectors the server knows for it."""
        own = "" if self.crd else SELECTABLE.get(self.kind, "")
        return frozenset(("metadata.name", "metadata.namespace", *own.split()))

    @property
    def verbs(self) -> tuple[str, ...]:
        """Verbs that discovery lists."""
        if self.virtual:
            return ("create",)
        return tuple(verb for verb in VERBS if verb != "deletecollection") if self.gr == ("", "namespaces") else VERBS


def builtin_kinds() -> Iterator[Kind]:
    """Every built-in kind, in the order discovery shows them."""
    for line in CATALOGUE.strip().splitlines():
        gv, kind, plural, short, scope, subs = line.split()
        yield Kind(
            gv,
            kind,
            plural,
            () if short == "-" else tuple(short.split(",")),
            scope == "ns",
            frozenset() if subs == "-" else frozenset(subs.split(",")),
            kind.lower(),
            ("all",) if kind in WORKLOADS else ("api-extensions",) if "registration" in gv else (),
            generational=kind in GENERATIONAL,
        )


def crd_kinds(crd: dict[str, Any]) -> Iterator[Kind]:
    """The kinds that one CustomResourceDefinition serves, the storage version first."""
    spec = crd["spec"]
    names = spec["names"]
    storage = next((v["name"] for v in spec["versions"] if v.get("storage")), spec["versions"][0]["name"])
    for version in sorted(spec["versions"], key=lambda v: bool(v["name"] != storage)):
        if not version.get("served", True):
            continue
        columns = tuple(
            PrinterColumn(
                c["name"], c["type"], c["jsonPath"], c.get("priority", 0), c.get("format", ""), c.get("description", "")
            )
            for c in version.get("additionalPrinterColumns") or ()
        )
        yield Kind(
            f"{spec['group']}/{version['name']}",
            names["kind"],
            names["plural"],
            tuple(names.get("shortNames") or ()),
            spec["scope"] == "Namespaced",
            frozenset(version.get("subresources") or ()),
            names.get("singular") or names["kind"].lower(),
            tuple(names.get("categories") or ()),
            crd=True,
            columns=columns,
            storage_version=storage,
        )
