"""Manifests of a registry over HTTP: is the tag or digest there, and of which platforms; what a refusal says.

Imported only where a registry is asked: httpx takes as long to import as a stage's other clients together.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence

import httpcore
import httpx
import msgspec

from runbook.clients.handshake import LATE, TIMEOUT, context_of
from runbook.clients.resolving import ResolvingBackend
from runbook.clients.tlscause import tls_words
from runbook.domain.legible import decoded
from runbook.domain.probes import ManifestProbe

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


def refused_api(host: str, *, client: httpx.Client) -> str:
    """Why `/v2/` does not answer as a registry's; empty when it does (200, or 401 with a login to come)."""
    try:
        status = client.get(f"https://{host}/v2/").status_code
    except httpx.HTTPError as error:
        return words(error)
    return "" if status in (200, 401) else f"/v2/ answers {status}: not a registry"


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


def words(error: httpx.HTTPError) -> str:
    """An httpx error in one line, with OpenSSL's own reason where there is one."""
    if reason := tls_words(error):
        return reason
    if isinstance(error, httpx.TimeoutException):
        return LATE
    return " ".join(str(error).split())[:200] or type(error).__name__


def _children(http: httpx.Client, url: str) -> tuple[str, ...]:
    try:
        index = decoded(http.get(url, headers={"Accept": ACCEPT}).content, _Index)
    except (msgspec.DecodeError, httpx.HTTPError):
        return ()  # a platform's digest is a convenience for comparing; the index's own is there
    return tuple(d.digest for d in index.manifests or () if d.digest)


def _refusal(response: httpx.Response) -> str:
    try:
        first = decoded(response.content)["errors"][0]
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
