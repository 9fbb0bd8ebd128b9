"""The API kinds the product reads: group, plural, scope and struct of each. Versions are discovered, never assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from runbook.domain import cluster, flux, gateway, helm, network, pods, sealing, webhooks, workloads
from runbook.domain.legible import decoded, strict
from runbook.domain.meta import Resource


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the API. `fallback` is the version used for built-in groups, which every server serves.

    One that is `optional` belongs to another project: where the server does not serve it there are none of it.
    """

    kind: str
    group: str
    plural: str
    struct: type[Resource]
    namespaced: bool = True
    fallback: str = ""
    optional: bool = False

    @property
    def qualified(self) -> str:
        """`helmreleases.helm.toolkit.fluxcd.io`: never a bare short name (k3s has another HelmChart)."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


ADMISSION = "admissionregistration.k8s.io"
EXTERNAL, CERTIFICATES = "external-secrets.io", "cert-manager.io"
GATEWAY, ISTIO, TRAEFIK = gateway.GROUP, "networking.istio.io", "traefik.io"
SOURCE, KUSTOMIZE, HELM = "source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"

KINDS: dict[str, Kind] = {
    k.kind: k
    for k in (
        Kind("Namespace", "", "namespaces", cluster.Namespace, namespaced=False, fallback="v1"),
        Kind("Node", "", "nodes", cluster.Node, namespaced=False, fallback="v1"),
        Kind("Pod", "", "pods", pods.Pod, fallback="v1"),
        Kind("Service", "", "services", network.Service, fallback="v1"),
        Kind("Event", "", "events", cluster.Event, fallback="v1"),
        Kind("ConfigMap", "", "configmaps", cluster.ConfigMap, fallback="v1"),
        Kind("Secret", "", "secrets", cluster.Secret, fallback="v1"),
        Kind("PersistentVolumeClaim", "", "persistentvolumeclaims", cluster.PersistentVolumeClaim, fallback="v1"),
        Kind("PersistentVolume", "", "persistentvolumes", cluster.PersistentVolume, namespaced=False, fallback="v1"),
        Kind("ServiceAccount", "", "serviceaccounts", cluster.ServiceAccount, fallback="v1"),
        Kind("Deployment", "apps", "deployments", workloads.Deployment, fallback="v1"),
        Kind("ReplicaSet", "apps", "replicasets", workloads.ReplicaSet, fallback="v1"),
        Kind("StatefulSet", "apps", "statefulsets", workloads.StatefulSet, fallback="v1"),
        Kind("DaemonSet", "apps", "daemonsets", workloads.DaemonSet, fallback="v1"),
        Kind("Job", "batch", "jobs", workloads.Job, fallback="v1"),
        Kind("EndpointSlice", "discovery.k8s.io", "endpointslices", network.EndpointSlice, fallback="v1"),
        Kind("Ingress", "networking.k8s.io", "ingresses", network.Ingress, fallback="v1"),
        Kind("StorageClass", "storage.k8s.io", "storageclasses", cluster.StorageClass, namespaced=False, fallback="v1"),
        Kind("IngressClass", "networking.k8s.io", "ingressclasses", cluster.Generic, namespaced=False, fallback="v1"),
        *(
            Kind(one.KIND, ADMISSION, f"{one.KIND.lower()}s", one, namespaced=False, fallback="v1")
            for one in webhooks.CONFIGURATIONS
        ),
        Kind("Lease", "coordination.k8s.io", "leases", cluster.Lease, fallback="v1"),
        Kind("GitRepository", SOURCE, "gitrepositories", flux.GitRepository),
        Kind("OCIRepository", SOURCE, "ocirepositories", flux.OCIRepository),
        Kind("HelmRepository", SOURCE, "helmrepositories", flux.HelmRepository),
        Kind("HelmChart", SOURCE, "helmcharts", flux.HelmChart),
        Kind("Bucket", SOURCE, "buckets", flux.Bucket),
        Kind("Kustomization", KUSTOMIZE, "kustomizations", flux.Kustomization),
        Kind("HelmRelease", HELM, "helmreleases", helm.HelmRelease),
        Kind("SealedSecret", "bitnami.com", "sealedsecrets", sealing.SealedSecret),
        Kind("ExternalSecret", EXTERNAL, "externalsecrets", cluster.Generic, optional=True),
        Kind("Certificate", CERTIFICATES, "certificates", cluster.Generic, optional=True),
        Kind("SecretStore", EXTERNAL, "secretstores", cluster.Generic, optional=True),
        Kind("ClusterSecretStore", EXTERNAL, "clustersecretstores", cluster.Generic, namespaced=False, optional=True),
        Kind("Issuer", CERTIFICATES, "issuers", cluster.Generic, optional=True),
        Kind("ClusterIssuer", CERTIFICATES, "clusterissuers", cluster.Generic, namespaced=False, optional=True),
        Kind("Gateway", GATEWAY, "gateways", gateway.Gateway, optional=True),
        Kind("HTTPRoute", GATEWAY, "httproutes", gateway.Route, optional=True),
        Kind("GRPCRoute", GATEWAY, "grpcroutes", gateway.Route, optional=True),
        Kind("TLSRoute", GATEWAY, "tlsroutes", gateway.Route, optional=True),
        Kind("TCPRoute", GATEWAY, "tcproutes", gateway.Route, optional=True),
        Kind("UDPRoute", GATEWAY, "udproutes", gateway.Route, optional=True),
        Kind("ReferenceGrant", GATEWAY, "referencegrants", gateway.ReferenceGrant, optional=True),
        Kind("IngressRoute", TRAEFIK, "ingressroutes", cluster.Generic, optional=True),
        Kind("VirtualService", ISTIO, "virtualservices", cluster.Generic, optional=True),
    )
}
METADATA_ONLY = frozenset({"Secret", "ConfigMap", "ServiceAccount"})  # only names are asked for: values may be secrets


_MOVED = ("extensions", "events.k8s.io")  # groups that serve objects of another group as well


def called(kind: str, version: str) -> str:
    """What an object goes by: `Gateway`, but `Gateway.networking.istio.io` where it is not the kind of that name that is read here.

    Only where objects of both could have one name and be taken for each other: kinds with a struct of their own.
    """
    group, known = version.rpartition("/")[0], KINDS.get(kind)
    if known is None or group in (known.group, *_MOVED) or issubclass(known.struct, cluster.Generic):
        return kind
    return f"{kind}.{group}" if group else kind


def decode(kind: str, item: bytes | msgspec.Raw) -> Resource:
    """One object's JSON as its struct. Raises msgspec.DecodeError; one for what does not fit names its path."""
    return named(kind, decoded(strict(bytes(item)), KINDS[kind].struct))


def named(kind: str, obj: Resource) -> Resource:
    """A Generic object by the kind it was asked for: items of a list need not carry their own."""
    if isinstance(obj, cluster.Generic) and obj.kind != kind:
        return msgspec.structs.replace(obj, kind=kind)
    return obj


def convert(kind: str, item: dict[str, Any]) -> Resource:
    """One object already parsed (from YAML, say) as its struct; strings become times where the struct has times."""
    return msgspec.convert(item, type=KINDS[kind].struct, strict=False)
