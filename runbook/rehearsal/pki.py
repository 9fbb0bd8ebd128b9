"""Certificate authorities and server certificates of the embedded world, made anew at every start.

Also the one place where OpenSSL's verification errors are worded as Go's crypto/x509 words them: the kubelet's messages
come from Go programs, and people search for those words.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A CA: its certificate and key, and the PEM that goes onto nodes."""

    name: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The CA certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def authority(name: str) -> Authority:
    """A fresh CA, valid from yesterday for ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key(), days=3650)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(
        x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Authority(name, builder.sign(key, hashes.SHA256()), key)


def server_context(
    issuer: Authority, sans: tuple[str, ...], folder: Path, name: str, *, days: int = 365
) -> ssl.SSLContext:
    """A server's TLS context with a fresh certificate for these names. `days` below zero gives an expired one."""
    certificate, key = issue(issuer, sans, days=days)
    chain, secret = folder / f"{name}.crt", folder / f"{name}.key"
    chain.write_bytes(certificate + issuer.pem)
    secret.touch(mode=0o600)
    secret.write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    secret.unlink()
    return context


def issue(issuer: Authority, sans: tuple[str, ...], *, days: int = 365) -> tuple[bytes, bytes]:
    """A server certificate and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(sans[0]), issuer.certificate.subject, key.public_key(), days=days)
    builder = builder.add_extension(x509.SubjectAlternativeName([_general(san) for san in sans]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
    )
    certificate = builder.sign(issuer.key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), secret


def go_words(error: ssl.SSLCertVerificationError, host: str) -> str:
    """The sentence Go's crypto/x509 would say for an OpenSSL verification error (x509/verify.go)."""
    bare = host.rpartition(":")[0] or host
    if error.verify_code in (9, 10):
        return "x509: certificate has expired or is not yet valid"
    if error.verify_code in (62, 64):
        if _is_ip(bare):
            return f"x509: cannot validate certificate for {bare} because it doesn't contain any IP SANs"
        return f"x509: certificate is not valid for any names, but wanted to match {bare}"
    return "x509: certificate signed by unknown authority"


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    begin, end = (now - DAY, now + days * DAY) if days > 0 else (now - 30 * DAY, now + days * DAY)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _general(san: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(san)) if _is_ip(san) else x509.DNSName(san)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
