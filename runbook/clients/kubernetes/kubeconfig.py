"""Kubeconfig and credentials: plain ones read at once, all others through the `kubernetes` library, which knows exec plugins.

The library is imported here only, and only when a cluster is really asked in a way that is not plain. Whatever is wrong with the file or its
credentials becomes one KubeconfigError with the field's path, before any request.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runbook.clients.kubernetes.kubetls import HINT, sentence, tls_of
from runbook.clients.kubernetes.plainconfig import plain
from runbook.errors import KubeconfigError

IN_CLUSTER = "in-cluster"
FRESH = 1.0  # seconds for which the headers of a request serve the next ones too


@dataclass(frozen=True)
class Access:
    """How to reach an API server: its URL, TLS, and headers made anew every second (tokens are refreshed).

    `verify` is None where the server speaks plain HTTP. `server_name` is the kubeconfig's tls-server-name: what the certificate must name instead of the URL's host.
    """

    server: str
    context: str
    user: str
    verify: ssl.SSLContext | None
    headers: Callable[[], dict[str, str]]
    server_name: str = ""


def access(kubeconfig: str | None, context: str | None) -> Access:
    """Read `--kubeconfig`, else KUBECONFIG, else ~/.kube/config. Raises KubeconfigError."""
    if kubeconfig == IN_CLUSTER:
        return _in_cluster()
    where = _locate(kubeconfig)
    with tempfile.TemporaryDirectory(prefix="runbook-") as folder:  # private, and gone when the keys are loaded
        found = plain(where, context, Path(folder))
        if found is not None:
            bearer = {"Authorization": f"Bearer {found.token}"} if found.token else {}
            verify, server = tls_of(found, where), _server(found.host, where)
            return Access(server, found.context, found.user, verify, lambda: bearer, found.tls_server_name)
    return _by_library(where, context)


def _by_library(where: str, context: str | None) -> Access:
    from kubernetes.client import Configuration
    from kubernetes.config import list_kube_config_contexts, load_kube_config
    from kubernetes.config.config_exception import ConfigException

    configuration = Configuration()
    try:
        contexts, current = list_kube_config_contexts(config_file=where)  # type: ignore[no-untyped-call]
        chosen = _choose(contexts, current, context, where)
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=where, context=chosen["name"], client_configuration=configuration, persist_config=False
        )
    except ConfigException as error:
        raise KubeconfigError(sentence(error), field=where, hint=HINT) from error
    except (ValueError, TypeError, AttributeError, KeyError, OSError) as error:
        raise KubeconfigError(f"cannot be read: {sentence(error)}", field=where, hint=HINT) from error
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            raise KubeconfigError(f"is not YAML: {sentence(error)}", field=where, hint=HINT) from error
        raise
    entry = chosen.get("context") or {}
    _check_token(configuration, where, entry)
    _check_unsupported(configuration, where, entry)
    return Access(
        server=_server(configuration.host, where),
        context=str(chosen["name"]),
        user=str(entry.get("user", "")),
        verify=tls_of(configuration, where),
        headers=_headers(configuration),
        server_name=str(configuration.tls_server_name or ""),
    )


def _locate(kubeconfig: str | None) -> str:
    named = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    paths = [Path(p).expanduser() for p in named.split(os.pathsep) if p]
    if not any(p.is_file() for p in paths):
        raise KubeconfigError("there is no such file", field=named, hint=HINT)
    return os.pathsep.join(str(p) for p in paths if p.is_file())


def _choose(contexts: Any, current: Any, wanted: str | None, where: str) -> dict[str, Any]:
    if wanted is None:
        if not current:
            raise KubeconfigError("names no current context", field=f"{where}: current-context", hint=HINT)
        return dict(current)
    found = next((c for c in contexts if c["name"] == wanted), None)
    if found is None:
        names = ", ".join(sorted(str(c["name"]) for c in contexts)) or "none"
        raise KubeconfigError(
            f"there is no context {wanted!r}; there are: {names}", field=f"{where}: contexts", hint=HINT
        )
    return dict(found)


def _server(host: object, where: str) -> str:
    server = str(host or "").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise KubeconfigError(
            f"the server {server!r} is not an http(s) URL", field=f"{where}: clusters[].cluster.server"
        )
    try:
        has_host = bool(urlsplit(server).hostname) and urlsplit(server).port != 0
    except ValueError:  # a port that is none, or an address in half a bracket
        has_host = False
    if not has_host:
        raise KubeconfigError(
            f"the server {server!r} has no host or port to ask", field=f"{where}: clusters[].cluster.server"
        )
    return server


def _check_unsupported(configuration: Any, where: str, entry: dict[str, Any]) -> None:
    """What would be silently ignored otherwise, and so ask another way, or as somebody else, than the file says."""
    if configuration.proxy:
        raise KubeconfigError(
            "a proxy to the API server is not supported yet",
            field=f"{where}: clusters[{entry.get('cluster')}].cluster.proxy-url",
            hint="Use a context that reaches the server directly, or a tunnel and `resolve` in the inventory.",
        )
    if any(key in _user(where, entry) for key in ("as", "as-groups", "as-uid")):
        raise KubeconfigError(
            "impersonation is not supported yet: it would be asked as another identity than meant",
            field=f"{where}: users[{entry.get('user')}].user.as",
            hint=HINT,
        )


def _user(where: str, entry: dict[str, Any]) -> dict[str, Any]:
    found = next((u for u in _users(where) if u.get("name") == entry.get("user")), {})
    return found.get("user") or {}


def _check_token(configuration: Any, where: str, entry: dict[str, Any]) -> None:
    """An exec plugin that failed or printed garbage leaves the library with a warning and no credential at all."""
    plugin = _user(where, entry).get("exec")
    if plugin and not (configuration.api_key or configuration.cert_file):
        command = str(plugin.get("command", ""))
        raise KubeconfigError(
            f"the exec plugin {command!r} gave no credential: it is missing, failed, or printed no ExecCredential",
            field=f"{where}: users[{entry.get('user')}].user.exec",
            hint=f"Run {command!r} by hand and read what it says.",
        )


def _users(where: str) -> list[dict[str, Any]]:
    from ruamel.yaml import YAML

    found: list[dict[str, Any]] = []
    for path in where.split(os.pathsep):
        found += (YAML(typ="safe").load(Path(path).read_text(encoding="utf-8")) or {}).get("users") or []
    return found


def _headers(configuration: Any) -> Callable[[], dict[str, str]]:
    """The headers of a request. The library is asked for a fresh token once a second: it costs as much as a request."""
    kept: tuple[float, dict[str, str]] | None = None

    def headers() -> dict[str, str]:
        nonlocal kept
        now = time.monotonic()
        if kept is None or now - kept[0] >= FRESH:
            kept = now, asked()
        return kept[1]

    def asked() -> dict[str, str]:
        value = configuration.get_api_key_with_prefix("BearerToken") or configuration.get_api_key_with_prefix(
            "authorization"
        )
        if not value:
            return {}
        text = str(value)
        return {"Authorization": text if " " in text else f"Bearer {text}"}

    return headers


def _in_cluster() -> Access:
    from kubernetes.client import Configuration
    from kubernetes.config import load_incluster_config
    from kubernetes.config.config_exception import ConfigException

    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except ConfigException as error:
        raise KubeconfigError(sentence(error), field="--kubeconfig in-cluster") from error
    return Access(
        _server(configuration.host, IN_CLUSTER),
        IN_CLUSTER,
        "service account",
        tls_of(configuration, IN_CLUSTER),
        _headers(configuration),
    )
