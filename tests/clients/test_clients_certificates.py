"""What a certificate is, and what a verification error really says: pure functions, Go's and OpenSSL's words."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from apiserver import certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from runbook.domain.certificates import (
    TrustFault,
    ca_problem,
    chain_leads_to,
    facts,
    fault_of,
    readable_pems,
    same_fingerprint,
    split_pem,
)
from runbook.rehearsal import pki

CA = pki.authority("a CA")
LEAF, _ = pki.issue(CA, ("registry.example",))
NOW = datetime.now(UTC)


def der_key(password: bytes = b"") -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return CA.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, lock)


def self_signed() -> bytes:
    """A server's certificate that signed itself, as small registries have: its own anchor, and no CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(7).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=9))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


GARBAGE = b"-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x509: certificate signed by unknown authority", TrustFault.UNKNOWN_AUTHORITY),
        ("TLS: self-signed certificate in certificate chain", TrustFault.UNKNOWN_AUTHORITY),
        ("TLS: self signed certificate", TrustFault.UNKNOWN_AUTHORITY),
        ("unable to get local issuer certificate", TrustFault.UNKNOWN_AUTHORITY),
        ("certificate signature failure", TrustFault.UNKNOWN_AUTHORITY),
        ("x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs", TrustFault.NO_IP_SAN),
        ("x509: certificate is valid for 10.0.0.1, not 10.0.0.2", TrustFault.NAME_MISMATCH),
        ("x509: certificate relies on legacy Common Name field, use SANs instead", TrustFault.NAME_MISMATCH),
        ("Hostname mismatch, certificate is not valid for 'x'", TrustFault.NAME_MISMATCH),
        ("x509: certificate has expired or is not yet valid: current time 2025-", TrustFault.EXPIRED),
        ("http: server gave HTTP response to HTTPS client", TrustFault.PLAIN_HTTP),
        ("tls: first record does not look like a TLS handshake", TrustFault.PLAIN_HTTP),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", TrustFault.PLAIN_HTTP),
        ("tls: no handshake within the time allowed", TrustFault.OTHER),
        ("x509: invalid signature: parent certificate cannot sign this kind of certificate", TrustFault.OTHER),
        ("dial tcp 10.0.0.1:5000: connect: connection refused", None),
        ("manifest unknown", None),
    ],
)
def test_look_alikes_are_told_apart(text: str, fault: TrustFault | None) -> None:
    assert fault_of(text) is fault


def test_facts_of_a_certificate() -> None:
    found = facts(CA.pem)
    assert (found.subject, found.issuer, found.is_ca) == ("CN=a CA", "CN=a CA", True)
    assert len(found.fingerprint) == 64
    assert same_fingerprint(
        f"SHA256:{':'.join(found.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()}", found.fingerprint
    )
    served, _ = certificate()
    assert (facts(served).is_ca, facts(served).ip_addresses, facts(served).dns_names) == (False, ("127.0.0.1",), ())


@pytest.mark.parametrize("text", [b"", b"hello", GARBAGE])
def test_what_is_no_certificate(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        facts(text)
    assert readable_pems([text]) == ()


def test_garbage_between_certificates_is_skipped_and_keys_are_left_behind() -> None:
    _, key = certificate()
    found = readable_pems([b"# a comment \xff\r\n" + CA.pem.replace(b"\n", b"\r\n"), GARBAGE + key + CA.pem])
    assert len(found) == 2
    assert all(b"PRIVATE" not in block for block in split_pem(key + CA.pem))


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (CA.pem, ""),
        (b"", "is empty"),
        (b"hello", "no PEM certificate"),
        (GARBAGE, "no certificate"),
        (CA.pem + certificate()[1], "private key"),
        (ssl.PEM_cert_to_DER_cert(CA.pem.decode()), "it is DER"),
        (der_key(), "private key"),
        (der_key(b"a passphrase"), "private key"),
        (LEAF, "a server's certificate"),
        (LEAF + CA.pem, ""),
        (CA.pem + b"#" * 10_000_000, "10000"),
        (b" \n\t", "is empty"),
        (CA.pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), "no PEM certificate"),
        (CA.pem + GARBAGE, "no certificate"),
    ],
)
def test_what_cannot_be_a_ca(pem: bytes, words: str) -> None:
    assert words in ca_problem(pem, NOW)
    assert bool(words) == bool(ca_problem(pem, NOW))


@pytest.mark.parametrize("days", [-9000, 9000])
@pytest.mark.parametrize("pem", [CA.pem, self_signed()], ids=["a CA", "a self-signed server"])
def test_a_ca_outside_its_dates_is_none(pem: bytes, days: int) -> None:
    assert ca_problem(pem, NOW) == ""
    assert "outside its dates" in ca_problem(pem, NOW + timedelta(days=days))


def test_a_chain_leads_to_its_own_ca_only() -> None:
    rebuilt = pki.authority("a CA")  # the same name, another key
    assert chain_leads_to([CA.pem], [CA.pem])
    assert not chain_leads_to([CA.pem], [rebuilt.pem])
    assert not chain_leads_to([CA.pem], [])
    assert not chain_leads_to([], [CA.pem])
