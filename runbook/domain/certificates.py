"""Certificates: their public facts, whether a chain leads to an anchor, and what a verification error really says.

The five look-alikes of a trust incident are told apart: unknown authority, no IP SAN, name mismatch, expired, and plain
HTTP. Only the first is cured by installing a CA (semantics 3.3).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key

from runbook.domain.probes import CertificateFacts

MAX_CA = 256 * 1024
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class TrustFault(StrEnum):
    """What is wrong with a TLS connection, by what cures it."""

    UNKNOWN_AUTHORITY = "unknown-authority"
    NO_IP_SAN = "no-ip-san"
    NAME_MISMATCH = "name-mismatch"
    EXPIRED = "expired"
    PLAIN_HTTP = "plain-http"
    OTHER = "other"


_WORDS: tuple[tuple[TrustFault, re.Pattern[str]], ...] = (
    (TrustFault.EXPIRED, re.compile(r"certificate has expired|not yet valid|certificate is expired", re.IGNORECASE)),
    (TrustFault.NO_IP_SAN, re.compile(r"doesn't contain any IP SANs|IP address mismatch", re.IGNORECASE)),
    (
        TrustFault.NAME_MISMATCH,
        re.compile(
            r"certificate is valid for .{0,400}, not |hostname mismatch|not valid for any names|legacy Common Name",
            re.IGNORECASE,
        ),
    ),
    (
        TrustFault.UNKNOWN_AUTHORITY,
        re.compile(
            # a rebuilt CA of the same name is found, but did not sign it
            r"unknown authority|self[- ]signed certificate|unable to get (?:local )?issuer|unable to verify the first|"
            r"certificate signature failure",
            re.IGNORECASE,
        ),
    ),
    (
        TrustFault.PLAIN_HTTP,
        re.compile(
            r"HTTP response to HTTPS client|WRONG_VERSION_NUMBER|wrong version number|HTTP_REQUEST|RECORD_LAYER|"
            r"first record does not look like a TLS handshake",
            re.IGNORECASE,
        ),
    ),
)


def fault_of(message: str) -> TrustFault | None:
    """The fault an error text of Go or OpenSSL names, or None when it speaks of no certificate at all."""
    found = next((fault for fault, pattern in _WORDS if pattern.search(message)), None)
    if found is not None:
        return found
    return TrustFault.OTHER if re.search(r"x509|certificate|tls", message, re.IGNORECASE) else None


def facts(certificate: bytes) -> CertificateFacts:
    """The public facts of one certificate, PEM or DER. Raises ValueError when it is neither."""
    parsed = _parse(certificate)
    names, addresses = _alternative_names(parsed)
    return CertificateFacts(
        subject=parsed.subject.rfc4514_string(),
        issuer=parsed.issuer.rfc4514_string(),
        fingerprint=fingerprint(parsed.public_bytes(Encoding.DER)),
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        dns_names=names,
        ip_addresses=addresses,
        is_ca=_is_ca(parsed),
    )


def split_pem(text: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM file, one PEM block each; anything else in it, keys included, is left behind."""
    return tuple(_BLOCK.findall(text))


def fingerprint(der: bytes) -> str:
    """Lower-case hex SHA-256 of a certificate's DER."""
    return hashlib.sha256(der).hexdigest()


def same_fingerprint(left: str, right: str) -> bool:
    """Compare fingerprints however people write them: `SHA256:`, colons and case do not count."""
    return _bare(left) == _bare(right)


def readable_pems(texts: Sequence[bytes]) -> tuple[bytes, ...]:
    """The blocks of PEM texts that are certificates. Garbage is skipped, as Go's AppendCertsFromPEM does."""
    return tuple(block for text in texts for block in split_pem(text) if _readable(block))


def _readable(block: bytes) -> bool:
    try:
        _parse(block)
    except ValueError:
        return False
    return True


def ca_problem(pem: bytes, now: datetime) -> str:
    """Why a file cannot serve as the registry's CA, or an empty string.

    Too large, a key (PEM or DER), empty, DER, not PEM at all, a broken block, a server's certificate, outside its dates.
    """
    if len(pem) > MAX_CA:
        return f"it has {len(pem)} bytes: a CA's certificate has a few thousand, and {MAX_CA} are read at most"
    if b"PRIVATE KEY" in pem or _is_der_key(pem):
        return "it holds a private key: only the CA's certificate belongs here"
    blocks = split_pem(pem)
    if not blocks:
        return _not_pem(pem)
    try:
        parsed = [_parse(block) for block in blocks]
    except ValueError:
        return "it holds a PEM block that is no certificate"
    anchors = [c for c in parsed if _is_ca(c) or c.subject == c.issuer]
    if not anchors:
        return "it holds a server's certificate, not the CA that signed it"
    for certificate in anchors:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return f"the CA {certificate.subject.rfc4514_string()} is outside its dates"
    return ""


def _not_pem(content: bytes) -> str:
    if not content.strip():
        return "it is empty"
    if _readable(content):
        return "it is DER, and PEM is needed: `openssl x509 -inform der -in FILE -out ca.crt` writes it"
    return "it holds no PEM certificate"


def _is_der_key(content: bytes) -> bool:
    try:
        load_der_private_key(content, None)
    except TypeError:
        return True  # an encrypted one
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


def chain_leads_to(served: Sequence[bytes], anchors: Sequence[bytes]) -> bool:
    """Whether the served chain (leaf first, DER or PEM) ends at one of the anchors, by signature alone."""
    trusted = [_parse(a) for a in anchors]
    pool = [_parse(s) for s in served]
    if not pool:
        return False
    current, rest = pool[0], pool[1:]
    for _ in range(len(pool) + 1):
        if any(_same(current, anchor) or _signed(current, anchor) for anchor in trusted):
            return True
        above = next((c for c in rest if _signed(current, c)), None)
        if above is None:
            return False
        current, rest = above, [c for c in rest if c is not above]
    return False


def _same(left: x509.Certificate, right: x509.Certificate) -> bool:
    return left.public_bytes(Encoding.DER) == right.public_bytes(Encoding.DER)


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _parse(certificate: bytes) -> x509.Certificate:
    if b"-----BEGIN" in certificate:
        return x509.load_pem_x509_certificate(certificate)
    return x509.load_der_x509_certificate(certificate)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _alternative_names(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), ()
    addresses = tuple(str(a) for a in names.get_values_for_type(x509.IPAddress))
    return tuple(names.get_values_for_type(x509.DNSName)), addresses


def _bare(text: str) -> str:
    return text.lower().removeprefix("sha256:").replace(":", "").strip()
