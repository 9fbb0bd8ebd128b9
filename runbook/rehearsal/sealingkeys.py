"""Sealing keys and kubeseal's byte format: RSA-OAEP over a session key, AES-GCM over the value [ss:pkg/crypto/crypto.go]."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

SCOPE = "sealedsecrets.bitnami.com/"
KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
BITS = 2048  # the real controller makes 4096; half of it starts a rehearsal in a tenth of the time
NONCE = bytes(12)


class UnsealError(Exception):
    """No key opens it, or the ciphertext is malformed; worded as the controller words it."""


class SealingKey:
    """One key pair with its certificate, as a kubernetes.io/tls Secret holds it."""

    def __init__(self, key: rsa.RSAPrivateKey, certificate: bytes) -> None:
        self.key, self.certificate = key, certificate

    @classmethod
    def generate(cls, born: datetime) -> SealingKey:
        """A fresh key whose certificate is valid from `born` for ten years."""
        key = rsa.generate_private_key(65537, BITS)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sealed-secrets")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(born)
            .not_valid_after(born + timedelta(days=3650))
        )
        return cls(key, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    @property
    def born(self) -> datetime:
        """The certificate's notBefore: the newest key seals [ss:pkg/controller/keyregistry.go]."""
        return x509.load_pem_x509_certificate(self.certificate).not_valid_before_utc

    @classmethod
    def from_secret(cls, secret: Mapping[str, Any]) -> SealingKey:
        """Read `tls.key` and `tls.crt` of a Secret. Raises ValueError when they are not a key and a certificate."""
        data = secret.get("data") or {}
        key = serialization.load_pem_private_key(base64.b64decode(data["tls.key"]), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("not an RSA key")  # noqa: TRY004  one error type for whatever the Secret holds
        return cls(key, base64.b64decode(data["tls.crt"]))

    def secret(self, namespace: str, suffix: str, born: datetime) -> dict[str, Any]:
        """The Secret the controller keeps its key in."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": f"sealed-secrets-key{suffix}",
                "namespace": namespace,
                "labels": {KEY_LABEL: "active"},
                "creationTimestamp": born.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "type": "kubernetes.io/tls",
            "data": {
                "tls.crt": base64.b64encode(self.certificate).decode(),
                "tls.key": base64.b64encode(pem).decode(),
            },
        }

    def seal(self, label: bytes, value: str) -> str:
        """One value, encrypted for a scope label."""
        session = os.urandom(32)
        wrapped = self.key.public_key().encrypt(session, _oaep(label))
        blob = len(wrapped).to_bytes(2, "big") + wrapped + AESGCM(session).encrypt(NONCE, value.encode(), None)
        return base64.b64encode(blob).decode()


def scope_label(metadata: Mapping[str, Any]) -> bytes:
    """The OAEP label: strict `namespace/name`, namespace-wide the namespace, cluster-wide nothing."""
    annotations = metadata.get("annotations") or {}
    if annotations.get(SCOPE + "cluster-wide") == "true":
        return b""
    if annotations.get(SCOPE + "namespace-wide") == "true":
        return str(metadata["namespace"]).encode()
    return f"{metadata['namespace']}/{metadata['name']}".encode()


def unseal(sealed: Mapping[str, Any], keys: Sequence[SealingKey]) -> dict[str, str]:
    """The Secret's `data` (base64 again). Raises UnsealError naming every key of the data that did not open."""
    label, data, closed = scope_label(sealed["metadata"]), {}, []
    for name, value in (sealed.get("spec", {}).get("encryptedData") or {}).items():
        try:
            blob = base64.b64decode(value, validate=True)
        except ValueError:
            raise UnsealError(f"illegal base64 data at input byte 0 ({name})") from None
        plain = next((p for key in keys if (p := _open(key.key, blob, label)) is not None), None)
        if plain is None:
            closed.append(name)
        else:
            data[name] = base64.b64encode(plain).decode()
    if closed:
        raise UnsealError(f"no key could decrypt secret ({', '.join(sorted(closed))})")
    return data


def _open(key: rsa.RSAPrivateKey, blob: bytes, label: bytes) -> bytes | None:
    size = int.from_bytes(blob[:2], "big")
    if size != key.key_size // 8 or len(blob) < size + 2:
        return None
    try:
        session = key.decrypt(blob[2 : 2 + size], _oaep(label))
        return AESGCM(session).decrypt(NONCE, blob[2 + size :], None)
    except (ValueError, InvalidTag):
        return None


def _oaep(label: bytes) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label)
