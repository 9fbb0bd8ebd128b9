"""A node's files, through a transport: which CA its container runtime would use for a registry's host.

Lookup rules: docker [moby:daemon/pkg/registry/registry.go], containerd [ctd:docs/hosts.md], CRI-O
[cimg:docs/containers-certs.d.5.md], the OS store [go:src/crypto/x509/root_linux.go]. `local` is a directory that is the
node's root; nothing outside it is ever read. What cannot be read is an error, never an absence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook.clients.containerd import host_folder
from runbook.clients.noderoot import NodeRoot
from runbook.domain.certificates import split_pem
from runbook.errors import ObservationError
from runbook.inventory.model import NodeEntry

# Go takes the first bundle that is there, and every file of these folders besides
OS_STORES = (
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/pki/tls/cacert.pem",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/cert.pem",
)
OS_FOLDERS = ("etc/ssl/certs", "etc/pki/tls/certs")
OS_SOURCES = ("usr/local/share/ca-certificates", "etc/pki/ca-trust/source/anchors")


@dataclass(frozen=True)
class Anchors:
    """PEM texts a node's runtime trusts for one host, and the files they came from, as the node names them.

    `unread_sources` are CA files in the OS store's source folder that its bundle does not hold: copied, but
    `update-ca-certificates` was never run.
    """

    pems: tuple[bytes, ...]
    files: tuple[str, ...]
    unread_sources: tuple[str, ...] = ()


def anchors(node: NodeEntry, host: str, base: Path, *, version: str = "") -> Anchors:
    """What the node trusts for a host. Raises ObservationError when the node cannot be read.

    `version` is the runtime's (`containerd://2.1.4`), where it is known: it decides whether containerd reads certs.d
    without being told to.
    """
    what = f"trust folders of node {node.name}"
    if node.transport.kind == "none":
        raise ObservationError(what, "no transport: a node's trust can only be read on the node, or proved by a pull")
    root = NodeRoot((base / node.transport.root).resolve(), what)
    bundle = next((p for p in OS_STORES if _certificates(root.read(p))), None)
    held = set(_certificates(root.read(bundle) if bundle else None))
    named = [*_certs_d(root, node.runtime, host, version), *([bundle] if bundle else []), *_loose(root, held)]
    texts = [(path, root.read(path)) for path in dict.fromkeys(named)]
    found = [(path, text) for path, text in texts if text is not None and _certificates(text)]
    unread = tuple(f"/{p}" for p in _crt_files(root, OS_SOURCES) if set(_certificates(root.read(p))) - held)
    return Anchors(tuple(text for _, text in found), tuple(f"/{path}" for path, _ in found), unread)


def _certs_d(root: NodeRoot, runtime: str, host: str, version: str) -> list[str]:
    if runtime == "docker":
        return list(_crt_files(root, [f"etc/docker/certs.d/{host}"]))
    if runtime == "cri-o":
        bases = ("etc/containers/certs.d", "etc/docker/certs.d")
        folder = next((f"{b}/{host}" for b in bases if root.is_folder(f"{b}/{host}")), "")
    else:
        folder = host_folder(root, host, version)
        if folder and (named := list(_hosts_toml(root, folder))):
            return named
    return list(_crt_files(root, [folder])) if folder else []


def _hosts_toml(root: NodeRoot, folder: str) -> Iterator[str]:
    """The CAs a hosts.toml names. A broken one is as none, as containerd has it: bare *.crt files are used."""
    text = root.read(f"{folder}/hosts.toml")
    try:
        parsed = tomllib.loads((text or b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return
    hosts = parsed.get("host")
    entries = [parsed, *(hosts.values() if isinstance(hosts, dict) else ())]
    for value in (e.get("ca") for e in entries if isinstance(e, dict)):
        for one in value if isinstance(value, list) else [value] if value else []:
            yield str(one).lstrip("/") if str(one).startswith("/") else f"{folder}/{one}"


def _loose(root: NodeRoot, held: set[bytes]) -> Iterator[str]:
    """Files of the OS store's folders that hold what the bundle does not."""
    for folder in OS_FOLDERS:
        for name in root.names(folder):
            if set(_certificates(root.read(f"{folder}/{name}"))) - held:
                yield f"{folder}/{name}"


def _crt_files(root: NodeRoot, folders: Iterable[str]) -> Iterator[str]:
    return (f"{folder}/{name}" for folder in folders for name in root.names(folder) if name.endswith(".crt"))


def _certificates(text: bytes | None) -> tuple[bytes, ...]:
    """The PEM blocks of a file, without white space, so that they can be compared."""
    return tuple(b"".join(block.split()) for block in split_pem(text or b""))
