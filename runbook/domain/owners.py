"""Who makes an object again when it is gone: controller references, Helm's and Flux's marks, hooks."""

from __future__ import annotations

from runbook.domain.meta import Meta
from runbook.model import ObjectRef

HELM_NAME = "helm.toolkit.fluxcd.io/name"
HELM_NAMESPACE = "helm.toolkit.fluxcd.io/namespace"
KUSTOMIZE_NAME = "kustomize.toolkit.fluxcd.io/name"
KUSTOMIZE_NAMESPACE = "kustomize.toolkit.fluxcd.io/namespace"
RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
INSTANCE = "app.kubernetes.io/instance"
HOOK = "helm.sh/hook"
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


def inventory_ref(entry_id: str) -> ObjectRef | None:
    """The object of a Kustomization inventory id `<namespace>_<name>_<group>_<kind>` (`__` stands for a colon)."""
    parts = entry_id.replace("__", ":").split("_")
    if len(parts) != 4:
        return None
    namespace, name, _, kind = parts
    return ObjectRef(kind, namespace, name)
