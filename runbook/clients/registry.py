"""A registry, asked over verified TLS: the trust steps one after another, and whether a manifest is there.

Verification is always on. The one handshake without it only reads the certificate that is served, to show it; nothing
is ever trusted because it was served.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx
import msgspec

from runbook.clients.resolving import target, transport
from runbook.domain.certificates import TrustFault, facts, fault_of
from runbook.domain.probes import CertificateFacts, ManifestProbe, RegistryTrust

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
TIMEOUT = 5.0
OK = "ok"


class _Descriptor(msgspec.Struct):
    digest: str = ""


class _Index(msgspec.Struct):
    manifests: list[_Descriptor] | None = None


def probe_trust(
    host: str,
    *,
    anchors: Sequence[bytes],
    resolve: Mapping[str, str],
    vantage: str,
    runtime: str,
    now: datetime,
    image: str = "",
    sources: Sequence[str] = (),
    node_read: str = "",
) -> RegistryTrust:
    """One cell of the trust matrix: `host` (`name:port`), with only the given PEM anchors trusted."""
    steps: dict[str, str] = {}
    served: tuple[CertificateFacts, ...] = ()
    name, port = split(host)
    address = target({k.lower(): v for k, v in resolve.items()}, name, port)
    steps["resolve"] = _resolve(*address)
    if steps["resolve"] == OK:
        steps["connect"] = _connect(*address)
    if steps.get("connect") == OK:
        served = served_certificates(*address, name)
        steps |= _handshake(address, name, anchors, served, now)
    if all(steps.get(s) == OK for s in ("chain", "name", "expiry")):
        steps |= _requests(host, anchors, resolve, image)
    return RegistryTrust(
        vantage=vantage,
        runtime=runtime,
        host=host,
        image=image,
        anchors=tuple(sources),
        served=served,
        node_read=node_read,
        resolve=steps.get("resolve", ""),
        connect=steps.get("connect", ""),
        chain=steps.get("chain", ""),
        name=steps.get("name", ""),
        expiry=steps.get("expiry", ""),
        api=steps.get("api", ""),
        manifest=steps.get("manifest", ""),
    )


def probe_manifest(
    host: str, repository: str, reference: str, *, client: httpx.Client, vantage: str = "operator"
) -> ManifestProbe:
    """HEAD the manifest with all four media types; on a refusal the body is asked for its reason."""
    url = f"https://{host}/v2/{repository}/manifests/{reference}"
    try:
        response = client.head(url, headers={"Accept": ACCEPT})
        if response.status_code == 200:
            digest = response.headers.get("Docker-Content-Digest", "")
            children = (
                _children(client, url)
                if "index" in response.headers.get("Content-Type", "")
                or "list" in response.headers.get("Content-Type", "")
                else ()
            )
            return ManifestProbe(host, repository, reference, digest, children, "", 200, vantage)
        why = _refusal(client.get(url, headers={"Accept": ACCEPT}))
        return ManifestProbe(host, repository, reference, "", (), why, response.status_code, vantage)
    except httpx.HTTPError as error:
        return ManifestProbe(host, repository, reference, "", (), words(error), 0, vantage)


def client(anchors: Sequence[bytes], resolve: Mapping[str, str], *, system: bool = False) -> httpx.Client:
    """An HTTP client that trusts these PEM anchors (and the system's, when asked) and nothing else."""
    return httpx.Client(
        transport=transport(context_of(anchors, system=system), resolve),
        timeout=TIMEOUT,
        trust_env=False,
        follow_redirects=False,
    )


def context_of(anchors: Sequence[bytes], *, system: bool = False) -> ssl.SSLContext:
    """A verifying TLS context over these anchors."""
    context = ssl.create_default_context() if system else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # home-made CAs that Go accepts must not fail here (semantics 6.3)
    for pem in anchors:
        context.load_verify_locations(cadata=pem.decode("ascii", errors="ignore"))
    return context


def split(host: str) -> tuple[str, int]:
    """`name:port` with 443 as the default port."""
    name, colon, port = host.rpartition(":")
    return (name.strip("[]"), int(port)) if colon and port.isdigit() else (host, 443)


def served_certificates(address: str, port: int, name: str) -> tuple[CertificateFacts, ...]:
    """What the server presents, read without trusting it; empty when it speaks no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=name) as tls,
        ):
            der = tls.getpeercert(binary_form=True)
    except (OSError, ssl.SSLError):
        return ()
    return (facts(der),) if der else ()


def words(error: BaseException) -> str:
    """An httpx error in one line, with OpenSSL's own reason where there is one."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, ssl.SSLCertVerificationError):
            return f"TLS: {current.verify_message}"
        if isinstance(current, ssl.SSLError):
            return f"TLS: {current.reason}"
        current = current.__cause__ or current.__context__
    if isinstance(error, httpx.TimeoutException):
        return "no answer within the time allowed"
    return " ".join(str(error).split())[:200] or type(error).__name__


def _resolve(name: str, port: int) -> str:
    try:
        socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return f"no such host: {error.strerror or error}"
    return OK


def _connect(name: str, port: int) -> str:
    try:
        socket.create_connection((name, port), TIMEOUT).close()
    except OSError as error:
        return f"{error.strerror or error}"
    return OK


def _handshake(
    address: tuple[str, int], name: str, anchors: Sequence[bytes], served: Sequence[CertificateFacts], now: datetime
) -> dict[str, str]:
    """chain, name and expiry apart: OpenSSL stops at its first complaint, so name and dates are read from what is served."""
    if not served:
        return {"chain": "http: server gave HTTP response to HTTPS client"}
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
        return {"chain": f"x509: certificate signed by unknown authority ({message}; issuer {leaf.issuer})", **steps}
    except (ssl.SSLError, OSError) as error:
        return {"chain": str(error), **steps}


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


def _requests(host: str, anchors: Sequence[bytes], resolve: Mapping[str, str], image: str) -> dict[str, str]:
    with client(anchors, resolve) as http:
        try:
            status = http.get(f"https://{host}/v2/").status_code
        except httpx.HTTPError as error:
            return {"api": words(error)}
        steps = {"api": OK if status in (200, 401) else f"/v2/ answers {status}: not a registry"}
        if image and steps["api"] == OK:
            repository, _, tag = image.rpartition(":")
            found = probe_manifest(host, repository, tag, client=http)
            steps["manifest"] = OK if found.digest else found.error or "no digest"
        return steps


def _children(http: httpx.Client, url: str) -> tuple[str, ...]:
    try:
        index = msgspec.json.decode(http.get(url, headers={"Accept": ACCEPT}).content, type=_Index)
    except (msgspec.DecodeError, msgspec.ValidationError, httpx.HTTPError):
        return ()  # a platform's digest is a convenience for comparing; the index's own is there
    return tuple(d.digest for d in index.manifests or () if d.digest)


def _refusal(response: httpx.Response) -> str:
    try:
        first = msgspec.json.decode(response.content)["errors"][0]
        return f"{response.status_code} {first.get('code', '')}: {first.get('message', '')}"[:200]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return f"HTTP {response.status_code}"


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
