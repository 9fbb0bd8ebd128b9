"""Where containerd looks for a registry's CA, which depends on its configuration and, without one, on its version.

`config_path` of the CRI plugin names the roots; without it containerd reads no certs.d up to 2.1, and both
/etc/containerd/certs.d and /etc/docker/certs.d since 2.2 [ctd:plugins/cri/images/plugin.go]. The first folder that
exists wins, in the order host_port_, host:port, _default [ctd:core/remotes/docker/config/config_unix.go].
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

from runbook.clients.noderoot import NodeRoot
from runbook.errors import ObservationError

CONFIG = "etc/containerd/config.toml"
DEFAULTS = ("etc/containerd/certs.d", "etc/docker/certs.d")
_PLUGINS = ("io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri")
_NUMBER = re.compile(r"(\d+)\.(\d+)")


def host_folder(root: NodeRoot, host: str, version: str) -> str:
    """The folder with this host's CA, or an empty string. Raises ObservationError when it cannot be told."""
    configured = next(_config_paths(root, CONFIG), "")
    if configured:
        return _first(root, [p.strip("/") for p in configured.split(":") if p.strip("/")], host)
    number = _NUMBER.search(version)
    if number is not None:
        return _first(root, DEFAULTS, host) if (int(number[1]), int(number[2])) >= (2, 2) else ""
    found = _first(root, DEFAULTS, host)
    if found and root.read(CONFIG) is not None:
        raise ObservationError(
            f"containerd's use of /{found}",
            f"/{CONFIG} sets no config_path and containerd's version is not known: up to 2.1 it does not read that",
        )
    return found  # no configuration at all: the defaults of 2.2


def _first(root: NodeRoot, bases: Sequence[str], host: str) -> str:
    names = (re.sub(r":(\d+)$", r"_\1_", host), host, "_default")
    return next((f"{b}/{n}" for b in bases for n in names if root.is_folder(f"{b}/{n}")), "")


def _config_paths(root: NodeRoot, path: str, *, imported: bool = False) -> Iterator[str]:
    """`config_path` as the imported files have it, the last one first, then as the file itself has it."""
    text = root.read(path)
    if text is None:
        return
    try:
        parsed: dict[str, Any] = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ObservationError(f"/{path}", f"it is not TOML: {error}"[:200]) from error
    imports = parsed.get("imports") if not imported else None
    for pattern in reversed(imports if isinstance(imports, list) else []):
        name = PurePosixPath(str(pattern))
        folder = str(name.parent).lstrip("/") if name.is_absolute() else f"{PurePosixPath(path).parent}/{name.parent}"
        for entry in reversed([n for n in root.names(folder) if fnmatch(n, name.name)]):
            yield from _config_paths(root, f"{folder}/{entry}", imported=True)
    for plugin in _PLUGINS:
        configured = _table(_table(_table(parsed, "plugins"), plugin), "registry").get("config_path")
        if configured:
            yield str(configured)


def _table(parsed: dict[str, Any], key: str) -> dict[str, Any]:
    found = parsed.get(key)
    return found if isinstance(found, dict) else {}
