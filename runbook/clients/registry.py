"""A registry, asked over verified TLS: the trust steps one after another, and whether a manifest is there."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime

import httpcore
import httpx
import msgspec

from runbook.clients.handshake import OK, TIMEOUT, context_of, handshake, served_certificates, words
from runbook.clients.resolving import ResolvingBackend, target
from runbook.domain.probes import CertificateFacts, ManifestProbe, RegistryTrust

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


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
        served, silent = served_certificates(*address, name)
        steps |= handshake(address, name, anchors, served, now) if served else {"chain": silent}
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
        transport=_transport(context_of(anchors, system=system), resolve),
        timeout=TIMEOUT,
        trust_env=False,
        follow_redirects=False,
    )


def split_image(image: str) -> tuple[str, str]:
    """`repository:tag` or `repository@digest`, without the host; a digest wins over a tag (semantics 6.1)."""
    name, at, digest = image.partition("@")
    bare, colon, tag = name.rpartition(":")
    bare, tag = (bare, tag) if colon and "/" not in tag else (name, "latest")
    return (bare, digest) if at else (bare, tag)


def split(host: str) -> tuple[str, int]:
    """`name:port` with 443 as the default port."""
    name, colon, port = host.rpartition(":")
    return (name.strip("[]"), int(port)) if colon and port.isdigit() else (host, 443)


def _resolve(name: str, port: int) -> str:
    try:
        socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return f"no such host: {getattr(error, 'strerror', None) or error}"
    return OK


def _connect(name: str, port: int) -> str:
    try:
        socket.create_connection((name, port), TIMEOUT).close()
    except OSError as error:
        return f"{error.strerror or error}"
    return OK


def _requests(host: str, anchors: Sequence[bytes], resolve: Mapping[str, str], image: str) -> dict[str, str]:
    with client(anchors, resolve) as http:
        try:
            status = http.get(f"https://{host}/v2/").status_code
        except httpx.HTTPError as error:
            return {"api": words(error)}
        steps = {"api": OK if status in (200, 401) else f"/v2/ answers {status}: not a registry"}
        if image and steps["api"] == OK:
            found = probe_manifest(host, *split_image(image), client=http)
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


def _transport(verify: ssl.SSLContext, resolve: Mapping[str, str]) -> httpx.HTTPTransport:
    """An httpx transport over a keep-alive pool that honours `resolve`."""
    made = httpx.HTTPTransport(verify=verify, retries=0, trust_env=False)
    made._pool = httpcore.ConnectionPool(
        ssl_context=verify,
        max_connections=8,
        max_keepalive_connections=8,
        keepalive_expiry=30.0,
        http1=True,
        http2=False,
        network_backend=ResolvingBackend(resolve),
    )
    return made
