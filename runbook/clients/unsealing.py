"""What the sealed-secrets controller says of its keys: which SealedSecrets they open, and when the newest was born.

Everything goes through the API's service proxy. Nothing is decrypted here, and no private key is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from runbook.clients.kubernetes import KubeClient
from runbook.domain.certificates import facts
from runbook.domain.cluster import Secret
from runbook.domain.probes import SealingKey, UnsealProbe
from runbook.domain.sealing import KEY_LABEL, SCOPE_PREFIX, SCOPES, SealedSecret, scope_of
from runbook.errors import ObservationError
from runbook.inventory.model import SealedSecrets

TOO_MANY, PAUSE, PATIENCE = 429, 0.5, 40  # the controller lets two a second pass [ss:pkg/controller/server.go]
NEWEST = "newest by /v1/cert.pem"
Pair = tuple[SealedSecret, bytes]


def unseal_probes(client: KubeClient, entry: SealedSecrets, pairs: Sequence[Pair]) -> tuple[UnsealProbe, ...]:
    """Would each open? One that is refused while others open is asked about under the other scopes and its former name.

    When none opens, the key is gone and neither would help: then nothing more is asked. Raises ObservationError.
    """
    found = [(_asked(client, entry, one, raw), one, raw) for one, raw in pairs]
    if not any(probe.opens for probe, _, _ in found):
        return tuple(probe for probe, _, _ in found)
    return tuple(
        probe if probe.opens else msgspec.structs.replace(probe, opens_as=_other_scope(client, entry, one, raw))
        for probe, one, raw in found
    )


def newest_key(client: KubeClient, entry: SealedSecrets, secrets: Iterable[Secret] | None) -> SealingKey:
    """The key that seals now. `secrets` are the metadata of its namespace, or None when nobody may read them.

    Raises ObservationError when the controller does not answer or its certificate cannot be read.
    """
    answer = client.proxy_get(entry.namespace, f"http:{entry.service}", str(entry.port), "/v1/cert.pem")
    try:
        certificate = facts(answer.content)
    except ValueError as error:
        raise ObservationError("/v1/cert.pem", f"its answer is no certificate: {error}") from error
    active = [s for s in secrets or () if s.metadata.label(KEY_LABEL) == "active"]
    name = active[0].metadata.name if len(active) == 1 else NEWEST
    return SealingKey(entry.namespace, name, certificate.not_before, certificate.fingerprint, complete=len(active) == 1)


def _other_scope(client: KubeClient, entry: SealedSecrets, one: SealedSecret, raw: bytes) -> str:
    """The scope under which it opens after all; else its former name, where its own template still says one."""
    own = scope_of(one.metadata.annotations or {})
    others = (scope for scope in SCOPES if scope != own)
    if found := next((scope for scope in others if _asked(client, entry, one, _rescoped(raw, scope)).opens), ""):
        return found
    former = _former(raw)
    if former is None or own == "cluster-wide" or not _asked(client, entry, one, _renamed(raw, *former)).opens:
        return ""
    return f"{own}, under its former name {'/'.join(former)}"


def _former(raw: bytes) -> tuple[str, str] | None:
    """Namespace and name in `spec.template.metadata`: kubeseal writes them, and who renames the object may leave them."""
    item: dict[str, Any] = msgspec.json.decode(raw)
    own, template = item["metadata"], (item.get("spec") or {}).get("template") or {}
    said = template.get("metadata") or {} if isinstance(template, dict) else {}
    namespace, name = (said.get(k) or own.get(k) for k in ("namespace", "name"))
    if not isinstance(namespace, str) or not isinstance(name, str):
        return None
    return None if (namespace, name) == (own.get("namespace"), own.get("name")) else (namespace, name)


def _renamed(raw: bytes, namespace: str, name: str) -> bytes:
    item: dict[str, Any] = msgspec.json.decode(raw)
    return msgspec.json.encode({**item, "metadata": {**item["metadata"], "namespace": namespace, "name": name}})


def _rescoped(raw: bytes, scope: str) -> bytes:
    item: dict[str, Any] = msgspec.json.decode(raw)
    kept: Mapping[str, str] = item["metadata"].get("annotations") or {}
    annotations = {key: value for key, value in kept.items() if key not in {SCOPE_PREFIX + s for s in SCOPES}}
    if scope != "strict":
        annotations[SCOPE_PREFIX + scope] = "true"
    return msgspec.json.encode({**item, "metadata": {**item["metadata"], "annotations": annotations}})


def _asked(client: KubeClient, entry: SealedSecrets, one: SealedSecret, raw: bytes) -> UnsealProbe:
    """One answer. The controller's own limit is waited out, and not taken for a refusal."""
    namespace, name = one.metadata.namespace, one.metadata.name
    for _ in range(PATIENCE):
        probe = client.verify_sealed(entry, namespace, name, raw)
        if probe.status != TOO_MANY:
            return probe
        threading.Event().wait(PAUSE)
    raise ObservationError(
        f"/v1/verify of SealedSecret {namespace}/{name}", "429: the controller takes no more questions"
    )
