"""Is a registry trusted? Each step over verified TLS, one after another, from one place with its own anchors."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from datetime import datetime

from runbook.clients.handshake import OK, TIMEOUT, handshake, served_certificates
from runbook.clients.resolving import target
from runbook.domain.probes import CertificateFacts, RegistryTrust


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
    from runbook.clients import manifests

    with manifests.client(anchors, resolve) as client:
        if refused := manifests.refused_api(host, client=client):
            return {"api": refused}
        if not image:
            return {"api": OK}
        found = manifests.probe_manifest(host, *split_image(image), client=client)
        return {"api": OK, "manifest": OK if found.digest else found.error or "no digest"}
