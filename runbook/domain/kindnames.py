"""Kinds by every name that kubectl takes: `po`, `pods`, `Pod`, `helmreleases.helm.toolkit.fluxcd.io`, `deploy.v1.apps`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from runbook.domain.kinds import KINDS

_SHORT = {
    "Namespace": ("ns",), "Node": ("no",), "Pod": ("po",), "Service": ("svc",), "Event": ("ev",), "ConfigMap": ("cm",),
    "PersistentVolumeClaim": ("pvc",), "Deployment": ("deploy",), "ReplicaSet": ("rs",), "StatefulSet": ("sts",),
    "DaemonSet": ("ds",), "Ingress": ("ing",), "StorageClass": ("sc",), "GitRepository": ("gitrepo",), "HelmRepository": ("helmrepo",),
    "OCIRepository": ("ocirepo",), "HelmChart": ("hc",), "Kustomization": ("ks",), "HelmRelease": ("hr",),
    "ExternalSecret": ("es",), "Certificate": ("cert", "certs"), "Gateway": ("gtw", "gw"), "ReferenceGrant": ("refgrant",),
    "VirtualService": ("vs",), "PersistentVolume": ("pv",), "CronJob": ("cj",), "ServiceAccount": ("sa",),
    "HorizontalPodAutoscaler": ("hpa",), "PodDisruptionBudget": ("pdb",), "NetworkPolicy": ("netpol",), "ResourceQuota": ("quota",),
    "LimitRange": ("limits",), "ReplicationController": ("rc",), "CustomResourceDefinition": ("crd", "crds"), "Endpoints": ("ep",),
    "PriorityClass": ("pc",),
}  # fmt: skip
# Kinds that people ask about and that are not listed here: told so by name, not taken for a slip of the pen.
_GROUPS = {
    "PersistentVolume": "", "CronJob": "batch", "ServiceAccount": "", "HorizontalPodAutoscaler": "autoscaling",
    "PodDisruptionBudget": "policy", "NetworkPolicy": "networking.k8s.io", "ResourceQuota": "", "LimitRange": "",
    "ReplicationController": "", "CustomResourceDefinition": "apiextensions.k8s.io", "Endpoints": "", "PriorityClass": "scheduling.k8s.io",
    "Role": "rbac.authorization.k8s.io", "RoleBinding": "rbac.authorization.k8s.io", "ClusterRole": "rbac.authorization.k8s.io",
    "ClusterRoleBinding": "rbac.authorization.k8s.io",
}  # fmt: skip
_VERSION = re.compile(r"^v\d+(?:(?:alpha|beta)\d+)?$")


def meant(word: str, present: Iterable[str] = ()) -> tuple[str, ...]:
    """The kinds that a word means, as objects go by them; none where nobody knows it.

    `present` are kinds at hand beside those that are known: another project's of the same name goes by its group as
    well (`Service.serving.knative.dev`) and is meant by the bare name too, as it may be the one that is looked for.
    """
    head, _, group = word.strip().lower().partition(".")
    return tuple(kind for kind in _all(present) if head in _names(kind) and _of_group(group, _group(kind)))


def near(word: str, present: Iterable[str] = ()) -> list[str]:
    """Kinds whose names are most like the word, each once, with the short name where it has one."""
    by_name = {name: kind for kind in _all(present) for name in _names(kind)}
    close = get_close_matches(word.strip().lower().partition(".")[0], by_name, n=6, cutoff=0.6)
    return list(dict.fromkeys(by_name[name].partition(".")[0] for name in close))[:3]


def _all(present: Iterable[str]) -> Iterator[str]:
    yield from dict.fromkeys((*KINDS, *_GROUPS, *present))


def _names(kind: str) -> tuple[str, ...]:
    """Singular, plural and short names, in lower case, without the group."""
    bare = kind.partition(".")[0]
    known = KINDS.get(bare)
    return (bare.lower(), known.plural if known else _plural(bare.lower()), *_SHORT.get(bare, ()))


def _plural(word: str) -> str:
    if word.endswith(("s", "x", "ch", "sh")):
        return word if word == "endpoints" else f"{word}es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return f"{word[:-1]}ies"
    return f"{word}s"


def _group(kind: str) -> str | None:
    """The kind's group; None where it is not known, and any may be said."""
    bare, _, own = kind.partition(".")
    return own or (KINDS[bare].group if bare in KINDS else _GROUPS.get(bare))


def _of_group(said: str, group: str | None) -> bool:
    """Whether `said`, a group with or without a version before it, may be the kind's."""
    if not said or group is None or said == group:
        return True
    version, _, rest = said.partition(".")
    return bool(_VERSION.match(version)) and rest == group
