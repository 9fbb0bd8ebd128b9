"""How a node's container runtime pulls: its own trust, a real handshake, and its own words when it fails.

Trust is looked up as the runtimes do [moby:daemon/pkg/registry/registry.go] [ctd:core/remotes/docker/config/hosts.go]:
docker reads /etc/docker/certs.d/HOST/*.crt beside the OS store; containerd /etc/containerd/certs.d/HOST (or HOST_PORT_)
with `ca` of hosts.toml, else bare *.crt; CRI-O /etc/containers/certs.d and /etc/docker/certs.d.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from runbook.rehearsal.pki import go_words

OS_STORE = "etc/ssl/certs/ca-certificates.crt"
TIMEOUT = 10.0  # real seconds; everything here is on loopback


class PullError(Exception):
    """A pull that failed, in the runtime's words."""


class ImageReference:
    """`host/repository:tag` or `@digest`, as docker resolves it: docker.io when the first part names no host."""

    def __init__(self, text: str) -> None:
        name, _, self.digest = text.partition("@")
        head, slash, rest = name.partition("/")
        if slash and ("." in head or ":" in head or head == "localhost"):
            self.host, path = head, rest
        else:
            self.host, path = "docker.io", name if slash else f"library/{name}"
        repository, colon, tag = path.rpartition(":")
        self.repository, self.tag = (repository, tag) if colon else (path, "latest")
        self.reference = self.digest or self.tag
        self.text = text


Resolve = Callable[[str], tuple[str, int] | None]


async def pull(reference: ImageReference, *, runtime: str, root: Path, resolve: Resolve) -> str:
    """Pull and return the manifest's digest. Raises PullError."""
    address = resolve(reference.host)
    server = "registry-1.docker.io" if reference.host == "docker.io" else reference.host
    if address is None:
        name = server.rpartition(":")[0] or server
        raise PullError(_unreachable(runtime, reference, server, f"dial tcp: lookup {name}: no such host"))
    context = _context(root, runtime, reference.host)
    hostname = reference.host.rpartition(":")[0] or reference.host
    try:
        status, found = await asyncio.wait_for(_manifest(reference, address, context, hostname), TIMEOUT)
    except ssl.SSLCertVerificationError as error:
        words = f"tls: failed to verify certificate: {go_words(error, reference.host)}"
        raise PullError(_unreachable(runtime, reference, server, words)) from None
    except ssl.SSLError as error:
        raise PullError(_unreachable(runtime, reference, server, f"tls: {error.reason}")) from None
    except (OSError, TimeoutError):
        words = f"dial tcp {server}: connect: connection refused"
        raise PullError(_unreachable(runtime, reference, server, words)) from None
    if status != 200:
        raise PullError(_not_found(runtime, reference))
    return found


def _context(root: Path, runtime: str, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for pem in anchors(root, runtime, host):
        context.load_verify_locations(cadata=pem)
    return context


def anchors(root: Path, runtime: str, host: str) -> Iterable[str]:
    """The PEM texts this runtime trusts for this host."""
    for path in [*_certs_d(root, runtime, host), root / OS_STORE]:
        if path.is_file() and "BEGIN CERTIFICATE" in (text := path.read_text(errors="replace")):
            yield text


def _certs_d(root: Path, runtime: str, host: str) -> list[Path]:
    if runtime == "docker":
        return sorted((root / "etc/docker/certs.d" / host).glob("*.crt"))
    if runtime == "cri-o":
        for base in ("etc/containers/certs.d", "etc/docker/certs.d"):
            if (folder := root / base / host).is_dir():
                return sorted(folder.glob("*.crt"))
        return []
    for name in (re.sub(r":(\d+)$", r"_\1_", host), host, "_default"):
        folder = root / "etc/containerd/certs.d" / name
        if folder.is_dir():
            return _hosts_toml(root, folder) or sorted(folder.glob("*.crt"))
    return []


def _hosts_toml(root: Path, folder: Path) -> list[Path]:
    path = folder / "hosts.toml"
    if not path.is_file():
        return []
    try:
        parsed = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError:
        return []  # a broken hosts.toml is as none: bare *.crt files are used
    named = [parsed.get("ca"), *(entry.get("ca") for entry in parsed.get("host", {}).values())]
    flat = [one for value in named if value for one in (value if isinstance(value, list) else [value])]
    return [root / str(ca).lstrip("/") if str(ca).startswith("/") else folder / str(ca) for ca in flat]


async def _manifest(
    reference: ImageReference, address: tuple[str, int], context: ssl.SSLContext, hostname: str
) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=hostname)
    try:
        path = f"/v2/{reference.repository}/manifests/{reference.reference}"
        accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
        writer.write(
            f"HEAD {path} HTTP/1.1\r\nHost: {reference.host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        head = (await reader.read(8192)).decode(errors="replace").split("\r\n")
    finally:
        writer.close()
    status = int(head[0].split()[1])
    found = next((line.split(": ", 1)[1] for line in head if line.lower().startswith("docker-content-digest")), "")
    return status, found


def _unreachable(runtime: str, reference: ImageReference, server: str, words: str) -> str:
    """The error of each runtime, before the kubelet wraps it (semantics 3.3)."""
    if runtime == "docker":
        return f'Error response from daemon: Get "https://{server}/v2/": {words}'
    if runtime == "cri-o":
        return (
            f"initializing source docker://{reference.text}: pinging container registry {reference.host}: "
            f'Get "https://{server}/v2/": {words}'
        )
    url = f"https://{server}/v2/{reference.repository}/manifests/{reference.reference}"
    return (
        f'failed to pull and unpack image "{reference.text}": failed to resolve reference "{reference.text}": '
        f'failed to do request: Head "{url}": {words}'
    )


def _not_found(runtime: str, reference: ImageReference) -> str:
    if runtime == "docker":
        return (
            f"Error response from daemon: manifest for {reference.text} not found: manifest unknown: manifest unknown"
        )
    if runtime == "cri-o":
        return (
            f"initializing source docker://{reference.text}: reading manifest {reference.reference} in "
            f"{reference.host}/{reference.repository}: manifest unknown"
        )
    return (
        f'failed to pull and unpack image "{reference.text}": failed to resolve reference "{reference.text}": '
        f"{reference.text}: not found"
    )
