"""TLS as a client meets it: what is served, whether it leads to the given anchors, and which of the look-alikes it is.

Verification is always on. The one handshake without it only reads the certificate that is served, to show it; nothing
is ever trusted because it was served. Anchors are used as Go uses them, because container runtimes are Go programs: an
intermediate or a leaf in the pool is an anchor too, and a block that is no certificate is skipped.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime

from runbook.domain.certificates import TrustFault, facts, fault_of, readable_pems
from runbook.domain.probes import CertificateFacts

TIMEOUT = 5.0
OK = "ok"
LATE = "no answer within the time allowed"


def context_of(anchors: Sequence[bytes], *, system: bool = False) -> ssl.SSLContext:
    """A verifying TLS context over these anchors."""
    context = ssl.create_default_context() if system else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # home-made CAs that Go accepts must not fail here (semantics 6.3)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for pem in readable_pems(anchors):
        context.load_verify_locations(cadata=pem.decode("ascii", errors="ignore"))
    return context


def served_certificates(address: str, port: int, name: str) -> tuple[tuple[CertificateFacts, ...], str]:
    """What the server presents, read without trusting it, to be shown; or nothing, and why nothing was presented."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=name) as tls,
        ):
            der = tls.getpeercert(binary_form=True)
        return ((facts(der),), "") if der else ((), "tls: the server presents no certificate")
    except OSError as error:
        return (), _no_handshake(error)
    except ValueError as error:
        return (), f"x509: the certificate cannot be read: {error}"[:200]


def _no_handshake(error: OSError) -> str:
    """Why no certificate was presented. Only an answer that is no TLS is plain HTTP: silence is not."""
    if isinstance(error, TimeoutError):
        return "tls: no handshake within the time allowed"
    reason = str(error.reason) if isinstance(error, ssl.SSLError) and error.reason else str(error)
    if fault_of(reason) is TrustFault.PLAIN_HTTP:
        return "http: server gave HTTP response to HTTPS client"
    return f"tls: {reason}"


def handshake(
    address: tuple[str, int], name: str, anchors: Sequence[bytes], served: Sequence[CertificateFacts], now: datetime
) -> dict[str, str]:
    """chain, name and expiry apart: OpenSSL stops at its first complaint, so name and dates are read from what is served."""
    leaf = served[0]
    steps = {"name": _name(leaf, name), "expiry": _expiry(leaf, now)}
    context = context_of(anchors)
    context.check_hostname = False
    try:
        with socket.create_connection(address, TIMEOUT) as plain, context.wrap_socket(plain, server_hostname=name):
            return {"chain": OK, **steps}
    except ssl.SSLCertVerificationError as error:
        message = str(error.verify_message)
        if fault_of(message) is TrustFault.EXPIRED:
            return {"chain": OK, **steps, "expiry": f"x509: {message}"}
        if fault_of(message) is TrustFault.UNKNOWN_AUTHORITY:
            message = f"certificate signed by unknown authority ({message}; issuer {leaf.issuer})"
        return {"chain": f"x509: {message}", **steps}
    except OSError as error:
        return {"chain": _no_handshake(error), **steps}


def _name(leaf: CertificateFacts, name: str) -> str:
    if _is_ip(name):
        if name in leaf.ip_addresses:
            return OK
        if not leaf.ip_addresses:
            return f"x509: cannot validate certificate for {name} because it doesn't contain any IP SANs"
        return f"x509: certificate is valid for {', '.join(leaf.ip_addresses)}, not {name}"
    if any(_dns_match(pattern, name) for pattern in leaf.dns_names):
        return OK
    return f"x509: certificate is valid for {', '.join(leaf.dns_names) or 'no names'}, not {name}"


def _expiry(leaf: CertificateFacts, now: datetime) -> str:
    if now > leaf.not_after:
        return f"x509: certificate has expired: {leaf.not_after:%Y-%m-%dT%H:%M:%SZ}"
    if now < leaf.not_before:
        return f"x509: certificate is not yet valid: {leaf.not_before:%Y-%m-%dT%H:%M:%SZ}"
    return OK


def _dns_match(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return "." in name and name.partition(".")[2].lower() == pattern[2:].lower()
    return pattern.lower() == name.lower()


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
