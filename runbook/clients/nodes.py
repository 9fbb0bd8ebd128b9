"""A node's files, through a transport: which CA its container runtime would use for a registry's host.

Lookup rules: docker [moby:daemon/pkg/registry/registry.go], containerd [ctd:docs/hosts.md], CRI-O
[cimg:docs/containers-certs.d.5.md]. `local` is a directory that is the node's root; nothing outside it is ever read.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import ObservationError
from runbook.inventory.model import NodeEntry

OS_STORES = ("etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt")
OS_SOURCES = ("usr/local/share/ca-certificates", "etc/pki/ca-trust/source/anchors")
MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Anchors:
    """PEM texts a node's runtime trusts for one host, and the files they came from, as the node names them.

    `unread_sources` are CA files in the OS store's source folder that its bundle does not hold: copied, but
    `update-ca-certificates` was never run.
    """

    pems: tuple[bytes, ...]
    files: tuple[str, ...]
    unread_sources: tuple[str, ...] = ()


def anchors(node: NodeEntry, host: str, base: Path) -> Anchors:
    """What the node trusts for a host. Raises ObservationError when the node cannot be read."""
    what = f"trust folders of node {node.name}"
    if node.transport.kind == "none":
        raise ObservationError(what, "no transport: a node's trust can only be read on the node, or proved by a pull")
    root = (base / node.transport.root).resolve()
    if not root.is_dir():
        raise ObservationError(what, f"{root} is not a folder")
    paths = [*_certs_d(root, node.runtime, host), *(root / store for store in OS_STORES)]
    pems, files = [], []
    for path in paths:
        text = _read(root, path)
        if text is not None and b"BEGIN CERTIFICATE" in text:
            pems.append(text)
            files.append("/" + path.relative_to(root).as_posix())
    bundle = b"".join(text for store in OS_STORES if (text := _read(root, root / store)))
    return Anchors(tuple(pems), tuple(files), _unread(root, bundle))


def _certs_d(root: Path, runtime: str, host: str) -> list[Path]:
    if runtime == "docker":
        return sorted((root / "etc/docker/certs.d" / host).glob("*.crt"))
    if runtime == "cri-o":
        bases = ("etc/containers/certs.d", "etc/docker/certs.d")
        folder = next((root / b / host for b in bases if (root / b / host).is_dir()), None)
        return sorted(folder.glob("*.crt")) if folder else []
    names = (re.sub(r":(\d+)$", r"_\1_", host), host, "_default")
    folder = next(
        (root / "etc/containerd/certs.d" / n for n in names if (root / "etc/containerd/certs.d" / n).is_dir()), None
    )
    return (_hosts_toml(root, folder) or sorted(folder.glob("*.crt"))) if folder else []


def _hosts_toml(root: Path, folder: Path) -> list[Path]:
    text = _read(root, folder / "hosts.toml")
    if text is None:
        return []
    try:
        parsed = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return []  # as containerd does: a broken hosts.toml is as none, bare *.crt files are used
    named = [parsed.get("ca"), *(entry.get("ca") for entry in (parsed.get("host") or {}).values())]
    flat = [str(one) for value in named if value for one in (value if isinstance(value, list) else [value])]
    return [root / ca.lstrip("/") if ca.startswith("/") else folder / ca for ca in flat]


def _unread(root: Path, bundle: bytes) -> tuple[str, ...]:
    found = []
    for folder in OS_SOURCES:
        for path in sorted((root / folder).glob("*.crt")):
            text = _read(root, path)
            if text is not None and b"".join(text.split()) not in b"".join(bundle.split()):
                found.append(f"/{folder}/{path.name}")
    return tuple(found)


def _read(root: Path, path: Path) -> bytes | None:
    """A file below the root, links followed only as far as the root; None when it is not there."""
    real = path.resolve()
    if not real.is_relative_to(root) or not real.is_file():
        return None
    try:
        if real.stat().st_size > MAX_BYTES:
            raise ObservationError(f"file {path.name}", f"it has more than {MAX_BYTES} bytes")
        return real.read_bytes()
    except OSError as error:
        raise ObservationError(f"file {path.name} of a node", error.strerror or str(error)) from error
