"""An API server that only copies prepared pages of every kind, and endpoints over TLS: what clients make of them is measured.

It runs in threads of the benchmark's own process, which waits meanwhile. The embedded cluster would itself be the
bottleneck: it makes every answer anew, in Python.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from runbook.domain.kinds import KINDS
from runbook.rehearsal.pki import authority, server_context

PAGE = 500
WARNINGS = "?fieldSelector=type=Warning"  # what people ask of events
_VERSIONS = {"source.toolkit.fluxcd.io": "v1", "kustomize.toolkit.fluxcd.io": "v1", "helm.toolkit.fluxcd.io": "v2", "bitnami.com": "v1alpha1"}  # fmt: skip
_HEALTHY = b'{"status":"healthy","version":"1.0"}'
_SHUT = b"no key could decrypt secret"


@contextmanager
def serving(objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Serve these objects on loopback; gives the address."""
    found: dict[str, list[bytes]] = {}
    singles: dict[str, bytes] = {}
    for obj in objects:
        data = json.dumps(obj, separators=(",", ":")).encode()
        path = _path(obj["kind"])
        found.setdefault(path, []).append(data)
        if obj["kind"] == "Event" and obj["type"] == "Warning":
            found.setdefault(path + WARNINGS, []).append(data)
        if obj["kind"] == "Namespace":
            singles[f"{path}/{obj['metadata']['name']}"] = data
    lists = {p: tuple(_pages(p, items, PAGE)) for p, items in found.items()}
    whole = {p: next(_pages(p, items, len(items))) for p, items in found.items()}
    handler = type("Handler", (_Api,), {"lists": lists, "whole": whole, "singles": {**_discovery(), **singles}})
    with _running(_Server(("127.0.0.1", 0), handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def endpoints(folder: Path, domain: str) -> Iterator[int]:
    """Every host below a domain answers `/health` over TLS; the CA is `folder/ca.crt`. Gives the port."""
    issuer = authority("large-ca")
    (folder / "ca.crt").write_bytes(issuer.pem)
    server = _Server(("127.0.0.1", 0), _Health)
    context = server_context(issuer, (f"*.{domain}",), folder, "endpoints")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with _running(server) as port:
        yield port


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has what it wants may hang up."""


@contextmanager
def _running(server: _Server) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self, body: bytes, *, status: int = 200, type_: str = "application/json") -> None:
        """One whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", type_)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Nothing: a benchmark's own server."""


class _Health(_Quiet):
    def do_GET(self) -> None:
        """Every path is healthy."""
        self.answer(_HEALTHY)


class _Api(_Quiet):
    lists: Mapping[str, tuple[bytes, ...]] = {}
    whole: Mapping[str, bytes] = {}
    singles: Mapping[str, bytes] = {}

    def do_GET(self) -> None:
        """A page by its number, a whole list without a limit, one object, what discovery asks, or a log."""
        asked = urlsplit(self.path)
        query = parse_qs(asked.query)
        path = asked.path + (WARNINGS if query.get("fieldSelector") == ["type=Warning"] else "")
        if path in self.lists and "limit" in query:
            self.answer(self.lists[path][int(query.get("continue", ["0"])[0])])
        elif path in self.lists:
            self.answer(self.whole[path])
        elif asked.path in self.singles:
            self.answer(self.singles[asked.path])
        elif asked.path in _PATHS:
            self.answer(next(_pages(asked.path, [], 1)))
        elif asked.path.endswith("/log"):
            self.answer(b'2025-10-17T11:15:00Z {"level":"info","msg":"starting manager"}\n', type_="text/plain")
        else:
            self.answer(b'{"kind":"Status","code":404,"reason":"NotFound"}', status=404)

    def do_POST(self) -> None:
        """A SealedSecret that opens with no key."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(_SHUT, status=409, type_="text/plain")


def _path(kind: str) -> str:
    entry = KINDS[kind]
    version = entry.fallback or _VERSIONS.get(entry.group, "v1")
    return f"/apis/{entry.group}/{version}/{entry.plural}" if entry.group else f"/api/{version}/{entry.plural}"


_SERVED = [k for k in KINDS.values() if not k.optional]
_PATHS = frozenset(_path(k.kind) for k in _SERVED)


def _pages(path: str, items: list[bytes], size: int) -> Iterator[bytes]:
    """The list in pages of so many, as an API server sends it; a page's token is its number."""
    kind = next(k for k in KINDS.values() if _path(k.kind) == path.removesuffix(WARNINGS))
    version = _path(kind.kind).split("/", 2)[2].rpartition("/")[0].removeprefix("/")
    count = max(1, -(-len(items) // size))
    for number in range(count):
        last = number == count - 1
        more = "" if last else f',"continue":"{number + 1}","remainingItemCount":{len(items) - (number + 1) * size}'
        head = (
            f'{{"kind":"{kind.kind}List","apiVersion":"{version}","metadata":{{"resourceVersion":"9"{more}}},"items":['
        )
        yield head.encode() + b",".join(items[number * size : (number + 1) * size]) + b"]}"


def _discovery() -> dict[str, bytes]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in _SERVED:
        version = entry.fallback or _VERSIONS.get(entry.group, "v1")
        groups.setdefault((entry.group, version), []).append(
            {"name": entry.plural, "kind": entry.kind, "namespaced": entry.namespaced, "verbs": ["get", "list"]}
        )
    found: dict[str, Any] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.2"},
        "/apis": {"kind": "APIGroupList", "groups": [
            {"name": g, "versions": [{"groupVersion": f"{g}/{v}", "version": v}], "preferredVersion": {"groupVersion": f"{g}/{v}", "version": v}}
            for g, v in groups if g]},
    }  # fmt: skip
    for (group, version), resources in groups.items():
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        found[path] = {
            "kind": "APIResourceList",
            "groupVersion": f"{group}/{version}".lstrip("/"),
            "resources": resources,
        }
    return {path: json.dumps(body).encode() for path, body in found.items()}
