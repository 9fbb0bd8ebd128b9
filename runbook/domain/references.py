"""Which Secrets, ConfigMaps, claims and accounts an object needs: the edges along which a missing Secret is felt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook.domain.flux import Kustomization, Source
from runbook.domain.helm import HelmRelease
from runbook.domain.pods import Container, OptionalRef, PodSpec, Volume

DEFAULT_ACCOUNT = "default"


@dataclass(frozen=True, slots=True)
class Reference:
    """One needed object. `key` is empty when the whole object is needed; `where` is the field that names it."""

    kind: str
    namespace: str
    name: str
    key: str = ""
    optional: bool = False
    where: str = ""


def of_pod_spec(spec: PodSpec, namespace: str) -> tuple[Reference, ...]:
    """Everything a pod of this spec needs: env, envFrom, volumes (projected too), imagePullSecrets, ServiceAccount."""
    found = [r for c in (*(spec.init_containers or ()), *spec.containers) for r in _of_container(c, namespace)]
    found += [r for volume in spec.volumes or () for r in _of_volume(volume, namespace)]
    found += [
        Reference("Secret", namespace, secret.name, where="imagePullSecrets", optional=True)
        for secret in spec.image_pull_secrets or ()
        if secret.name
    ]
    if spec.service_account_name not in ("", DEFAULT_ACCOUNT):
        found.append(Reference("ServiceAccount", namespace, spec.service_account_name, where="serviceAccountName"))
    return tuple(dict.fromkeys(found))


def of_release(release: HelmRelease) -> tuple[Reference, ...]:
    """spec.valuesFrom of a HelmRelease; `valuesKey` defaults to values.yaml."""
    namespace = release.metadata.namespace
    return tuple(
        Reference(v.kind, namespace, v.name, v.values_key or "values.yaml", bool(v.optional), "spec.valuesFrom")
        for v in release.spec.values_from or ()
    )


def of_kustomization(kustomization: Kustomization) -> tuple[Reference, ...]:
    """spec.postBuild.substituteFrom and spec.decryption.secretRef of a Kustomization."""
    namespace, spec = kustomization.metadata.namespace, kustomization.spec
    found = [
        Reference(s.kind, namespace, s.name, "", bool(s.optional), "spec.postBuild.substituteFrom")
        for s in (spec.post_build.substitute_from or () if spec.post_build else ())
    ]
    if spec.decryption and spec.decryption.secret_ref:
        found.append(Reference("Secret", namespace, spec.decryption.secret_ref.name, where="spec.decryption.secretRef"))
    return tuple(found)


def of_source(source: Source) -> tuple[Reference, ...]:
    """spec.secretRef and spec.certSecretRef of a source: Secrets of the source's own namespace."""
    named = (("spec.secretRef", source.spec.secret_ref), ("spec.certSecretRef", source.spec.cert_secret_ref))
    return tuple(
        Reference("Secret", source.metadata.namespace, r.name, where=where) for where, r in named if r and r.name
    )


def _of_container(container: Container, namespace: str) -> Iterator[Reference]:
    where = f"containers[{container.name}]"
    for variable in container.env or ():
        source = variable.value_from
        if source is None:
            continue
        for kind, key in (("Secret", source.secret_key_ref), ("ConfigMap", source.config_map_key_ref)):
            if key is not None:
                yield Reference(kind, namespace, key.name, key.key, bool(key.optional), f"{where}.env[{variable.name}]")
    for group in container.env_from or ():
        for kind, ref in (("Secret", group.secret_ref), ("ConfigMap", group.config_map_ref)):
            if ref is not None:
                yield _optional(kind, namespace, ref, f"{where}.envFrom")


def _of_volume(volume: Volume, namespace: str) -> Iterator[Reference]:
    where = f"volumes[{volume.name}]"
    projected = volume.projected.sources or () if volume.projected else ()
    secrets = [volume.secret, *(s.secret for s in projected)]
    config_maps = [volume.config_map, *(s.config_map for s in projected)]
    for kind, refs in (("Secret", secrets), ("ConfigMap", config_maps)):
        for ref in refs:
            if ref is not None:
                yield _optional(kind, namespace, ref, where)
    if volume.persistent_volume_claim is not None:
        yield Reference("PersistentVolumeClaim", namespace, volume.persistent_volume_claim.claim_name, where=where)


def _optional(kind: str, namespace: str, ref: OptionalRef, where: str) -> Reference:
    return Reference(kind, namespace, ref.secret_name or ref.name, "", bool(ref.optional), where)
