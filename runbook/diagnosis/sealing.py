"""SealedSecrets that do not open: what is proved of the key, and who should have made a missing Secret.

The controller's text is the same for a lost key and for a renamed object. It is a fact only when /v1/verify refuses
this one and every key the controller has was born after the commit that sealed it. A copy that opens, elsewhere or under
another name, speaks for the key: only the scope differs.
"""

from __future__ import annotations

from runbook.diagnosis.causetypes import Cause
from runbook.diagnosis.index import Index
from runbook.diagnosis.roots import Proof, Root
from runbook.diagnosis.signs import Sign
from runbook.domain.sealing import SealedSecret
from runbook.model import ObjectRef

KEY_MISMATCH, SCOPE_MISMATCH = "sealed-secret-key-mismatch", "sealed-secret-scope-mismatch"
LIST_KEYS = "kubectl get secret -A -l sealedsecrets.bitnami.com/sealed-secrets-key=active"


def key_mismatch(ref: ObjectRef, sign: Sign, cause: Cause, index: Index) -> Root:
    """The root that a SealedSecret with an undecryptable value is: no key, or the right key and another scope."""
    probe = index.unseals.get((ref.namespace, ref.name))
    if probe is not None and probe.opens_as:
        said = f"{sign.message}; /v1/verify opens it as {probe.opens_as}"
        return Root(SCOPE_MISMATCH, ref, ref, said, sign.at, "fact", "")
    proof, decides = _proof(ref, cause, index)
    if proof != "fact" and (twin := _twin(ref, index)):
        said = f"{sign.message}; {twin} holds the same ciphertext and is unsealed"
        ask = f"/v1/verify with this one's ciphertext as {twin.namespace}/{twin.name}."
        return Root(SCOPE_MISMATCH, ref, ref, said, sign.at, "hypothesis", ask)
    return Root(KEY_MISMATCH, ref, ref, sign.message, sign.at, proof, decides)


def _twin(ref: ObjectRef, index: Index) -> ObjectRef | None:
    """A SealedSecret of another name or namespace, unsealed, with all that this one holds: no two seals of a value are alike.

    [sealed-secrets:pkg/crypto/crypto.go, HybridEncrypt: a random session key each]
    """
    mine = index.get(ref)
    values = (mine.spec.encrypted_data or {}).values() if isinstance(mine, SealedSecret) else ()
    holders = [index.unsealed.get(ciphertext, frozenset[ObjectRef]()) - {ref} for ciphertext in values]
    return min(frozenset.intersection(*holders), default=None) if holders else None


def _proof(ref: ObjectRef, cause: Cause, index: Index) -> tuple[Proof, str]:
    probe = index.unseals.get((ref.namespace, ref.name))
    sealed = index.sealed_at.get((ref.namespace, ref.name))
    if probe is None or probe.opens:
        return "hypothesis", cause.decides
    if sealed is None:
        return (
            "hypothesis",
            "The commit that sealed it (a Git checkout in the inventory), against the keys' certificates; /v1/verify has refused it.",
        )
    if not index.sealing_keys:
        return (
            "hypothesis",
            "The notBefore of the controller's key certificates against the commit that sealed it; /v1/verify has refused it.",
        )
    older = [k.name for k in index.sealing_keys if k.not_before <= sealed]
    if older:
        names = ", ".join(older[:3])
        return (
            "hypothesis",
            f"Key {names} is older than the commit: /v1/verify with the object's former name, namespace and scope.",
        )
    if not all(k.complete for k in index.sealing_keys):
        born = max(k.not_before for k in index.sealing_keys)
        return (
            "hypothesis",
            f"Whether the controller has an older key than its newest, born {born:%Y-%m-%d %H:%M}Z: {LIST_KEYS}. "
            "/v1/verify has refused it with all it has.",
        )
    return "fact", ""
