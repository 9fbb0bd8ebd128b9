"""The seven stages: what each asks, and what must be observed to answer it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageKind:
    """One stage. `explains` says that reds are walked to their first cause; `soaks`, that quiet is measured; `asks`, that
    logs, Services and ingress controllers are asked about the first causes.
    """

    name: str
    question: str
    explains: bool = False
    soaks: bool = False
    asks: bool = False
    extra: tuple[str, ...] = ()


# What else leads from a red object to its cause, where it is installed; of ConfigMaps and ServiceAccounts only names are read.
ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "IngressRoute", "VirtualService")
FOLLOWED = (
    "ExternalSecret", "SecretStore", "ClusterSecretStore", "Certificate", "Issuer", "ClusterIssuer", "Gateway", *ROUTES,
    "ReferenceGrant", "IngressClass", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "PersistentVolume",
    "StorageClass", "ConfigMap", "Namespace", "ServiceAccount",
)  # fmt: skip
SEALING = ("SealingKey", "GitFile")  # what proves that a SealedSecret was sealed for another key: its age, and Git's
NEEDING = ("HelmRelease", "Deployment", "StatefulSet", "DaemonSet", "Job")  # who needs a Secret that stays closed

STAGES = {
    s.name: s
    for s in (
        StageKind(
            "preflight",
            "which cluster is this, and what should be true",
            extra=(*NEEDING, "SealingKey"),
        ),
        StageKind("registry-trust", "does every node trust the registry, by every name", extra=("RegistryTrust",)),
        StageKind("cleanup", "what did the failed roll-out leave behind", explains=True, extra=("RegistryTrust",)),
        StageKind(
            "reconcile",
            "what is Flux to be asked, in which order, and what blocks it",
            explains=True,
            extra=("RegistryTrust", "GitHead", "SealingKey"),
        ),
        StageKind("verify", "is everything as expected, and does it stay so", explains=True, soaks=True),
        StageKind(
            "diagnose",
            "what is red, why, and what is the one next act",
            explains=True,
            asks=True,
            extra=(*SEALING, *FOLLOWED),
        ),
        StageKind("retrospective", "what happened, what was believed, what is left to do"),
    )
}

# What diagnosis walks along; a kind that cannot be observed becomes a gap, and is told.
WALKED = (
    "HelmRelease", "Kustomization", "HelmChart", "HelmRepository", "OCIRepository", "GitRepository", "Bucket", "SealedSecret", "Pod",
    "Job", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Event", "Node", "PersistentVolumeClaim", "Service",
    "EndpointSlice", "Ingress", "UnsealProbe", "EndpointProbe",
)  # fmt: skip
EXPLAINED = (*WALKED, *FOLLOWED, *SEALING)  # what `explain` asks of a live cluster: no less than 50-diagnose walks


def wants(stage: str) -> tuple[str, ...]:
    """Every kind and probe the stage observes: what its checks need, what diagnosis walks along, what its plan reads."""
    from runbook import checks

    kind = STAGES[stage]
    walked = WALKED if kind.explains else ()
    return tuple(dict.fromkeys((*checks.needs(stage), *walked, *kind.extra)))
