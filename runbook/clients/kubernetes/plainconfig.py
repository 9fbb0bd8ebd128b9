"""What most kubeconfigs are, read at once: one file, a server with its CA, and a token or a client certificate.

The `kubernetes` library takes longer to import than a large list to read. Whatever is not plain, or not right, is left
to it: exec plugins, token files, several files, proxies, and every way to say what is wrong.
"""

from __future__ import annotations

import base64
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

# urllib.request, which knows these too, takes longer to import than all that is read here.
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


class _Cluster(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    server: str
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    tls_server_name: str = ""
    extensions: Any = None


class _User(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    token: str = ""
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    extensions: Any = None


class _Context(msgspec.Struct):
    cluster: str
    user: str


class _Named(msgspec.Struct):
    """An entry of one of the three lists: only the chosen ones need be plain."""

    name: str
    cluster: Any = None
    user: Any = None
    context: Any = None


class _Config(msgspec.Struct, rename="kebab"):
    clusters: list[_Named]
    users: list[_Named]
    contexts: list[_Named]
    current_context: str = ""


@dataclass(frozen=True, slots=True)
class Plain:
    """A context's server and credentials, in the words of the library's Configuration; files may lie in the given folder."""

    host: str
    context: str
    user: str
    token: str
    tls_server_name: str
    ssl_ca_cert: str
    cert_file: str
    key_file: str
    verify_ssl: bool = True


def plain(where: str, context: str | None, folder: Path) -> Plain | None:
    """Read the one file. `folder` is private, and holds what the file gives as data. None: not plain, so ask the library."""
    if os.pathsep in where or _is_behind_proxy():
        return None
    try:
        return _read(Path(where), context, folder)
    except (msgspec.MsgspecError, LookupError, OSError, ValueError):
        return None  # the library says what is wrong


def _is_behind_proxy() -> bool:
    """As the library would find one: of the environment, and where there are such, of the system's settings."""
    if sys.platform in ("darwin", "win32"):
        from urllib.request import getproxies

        return any(getproxies().get(scheme) for scheme in ("http", "https", "all"))
    return any(value and name.lower() in _PROXIES for name, value in os.environ.items())


def _read(path: Path, wanted: str | None, folder: Path) -> Plain | None:
    config = msgspec.yaml.decode(path.read_bytes(), type=_Config)
    name = config.current_context if wanted is None else wanted
    context = msgspec.convert(_only(config.contexts, name).context, _Context)
    cluster = msgspec.convert(_only(config.clusters, context.cluster).cluster, _Cluster)
    user = msgspec.convert(_only(config.users, context.user).user, _User)
    if not (
        cluster.server.startswith(("https://", "http://"))
        and (user.token or user.client_certificate_data or user.client_certificate)
    ):
        return None

    def file(data: str, named: str, name: str) -> str:
        return _file(data, named, path.parent.absolute(), folder / name)

    return Plain(
        host=cluster.server,
        context=name,
        user=context.user,
        token=user.token,
        tls_server_name=cluster.tls_server_name,
        ssl_ca_cert=file(cluster.certificate_authority_data, cluster.certificate_authority, "ca.crt"),
        cert_file=file(user.client_certificate_data, user.client_certificate, "client.crt"),
        key_file=file(user.client_key_data, user.client_key, "client.key"),
    )


def _only(entries: list[_Named], name: str) -> _Named:
    found = [e for e in entries if e.name == name]
    if len(found) != 1:
        raise LookupError(name)
    return found[0]


def _file(data: str, named: str, base: Path, place: Path) -> str:
    """The file that was named, or one with the data, which wins as it does for kubectl. Empty when there is neither."""
    if data:
        place.write_bytes(base64.b64decode(data, validate=True))
        return str(place)
    if named and not (base / named).is_file():
        raise FileNotFoundError(named)
    return str(base / named) if named else ""
