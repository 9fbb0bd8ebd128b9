"""Who makes an object again when it is gone: controller references, Helm's and Flux's marks, hooks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from runbook.domain.kinds import called
from runbook.domain.meta import Meta
from runbook.model import ObjectRef

HELM_NAME = "helm.toolkit.fluxcd.io/name"
HELM_NAMESPACE = "helm.toolkit.fluxcd.io/namespace"
KUSTOMIZE_NAME = "kustomize.toolkit.fluxcd.io/name"
KUSTOMIZE_NAMESPACE = "kustomize.toolkit.fluxcd.io/namespace"
RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
INSTANCE = "app.kubernetes.io/instance"
NAME = "app.kubernetes.io/name"
HOOK = "helm.sh/hook"
TEMPLATE_HASH = "pod-template-hash"
# What a controller adds to a name: an ordinal, or letters of which no vowel is one [apimachinery:pkg/util/rand]
_GENERATED = re.compile(r"-(?:\d+|(?:[bcdfghjklmnpqrstvwxz2456789]{5,10}-)?[bcdfghjklmnpqrstvwxz2456789]{5})$")
JOB_LABELS = ("batch.kubernetes.io/job-name", "job-name")


def helm_release(meta: Meta) -> ObjectRef | None:
    """The HelmRelease that Flux's labels name, or None."""
    if name := meta.label(HELM_NAME):
        return ObjectRef("HelmRelease", meta.label(HELM_NAMESPACE) or meta.namespace, name)
    return None


def helm_storage(meta: Meta) -> tuple[str, str] | None:
    """`(namespace, release name)` of Helm's own marks: its annotations, else the usual instance label; hooks have none."""
    if name := meta.annotation(RELEASE_NAME):
        return meta.annotation(RELEASE_NAMESPACE) or meta.namespace, name
    if name := meta.label(INSTANCE):
        return meta.namespace, name
    return None


def deployed_by(meta: Meta, storage: Mapping[tuple[str, str], ObjectRef]) -> ObjectRef | None:
    """The HelmRelease an object belongs to: by Flux's labels, by Helm's marks, and a hook by its name.

    `storage` names each release as Helm does. Helm 3 gives a hook no marks: its is the longest `<release>-` it starts with.
    """
    release = helm_release(meta)
    if release is None and (named := helm_storage(meta)):
        release = storage.get(named)
    if release is None and is_hook(meta):
        parts = meta.name.split("-")
        names = ("-".join(parts[:n]) for n in range(len(parts), 0, -1))
        release = next((storage[meta.namespace, n] for n in names if (meta.namespace, n) in storage), None)
    return release


def kustomization(meta: Meta) -> ObjectRef | None:
    """The Kustomization that applied it, by Flux's labels."""
    if name := meta.label(KUSTOMIZE_NAME):
        return ObjectRef("Kustomization", meta.label(KUSTOMIZE_NAMESPACE) or meta.namespace, name)
    return None


def is_hook(meta: Meta) -> bool:
    """Whether a Helm action made it: not part of the release's manifest, not in any inventory."""
    return bool(meta.annotation(HOOK) or meta.label(HOOK))


def job_of_pod(meta: Meta) -> ObjectRef | None:
    """The Job that a pod belongs to, by label: it holds also when the ownerReference is gone."""
    name = next((meta.label(key) for key in JOB_LABELS if meta.label(key)), "")
    return ObjectRef("Job", meta.namespace, name) if name else None


def workload_of_pod(meta: Meta) -> ObjectRef | None:
    """The Deployment, StatefulSet, DaemonSet or Job that a pod's controller reference leads to, or None without one."""
    owner = meta.controller
    if owner is None:
        return None
    if owner.kind != "ReplicaSet":
        return ObjectRef(owner.kind, meta.namespace, owner.name)
    digest = meta.label(TEMPLATE_HASH)
    if digest and owner.name.endswith(f"-{digest}"):
        return ObjectRef("Deployment", meta.namespace, owner.name.removesuffix(f"-{digest}"))
    return ObjectRef("ReplicaSet", meta.namespace, owner.name)


def name_of_maker(name: str) -> str:
    """A pod's name less what controllers add to it: only a guess, for a pod that says nothing else of its origin."""
    return _GENERATED.sub("", name)


def inventory_ref(entry_id: str) -> ObjectRef | None:
    """The object of a Kustomization inventory id `<namespace>_<name>_<group>_<kind>` (in a name `__` stands for a colon).

    Read from both ends, as it is written: the core group is empty. [cli-utils:pkg/object/objmetadata.go]
    """
    namespace, _, rest = entry_id.partition("_")
    rest, _, kind = rest.rpartition("_")
    name, _, group = rest.rpartition("_")
    name = name.replace("__", ":")
    if not name or not kind or "_" in name:
        return None
    return ObjectRef(called(kind, f"{group}/"), namespace, name)
