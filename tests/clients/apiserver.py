"""A small HTTPS server that speaks as much Kubernetes as a read client needs, and misbehaves as it is told."""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TOKEN = "let-me-read"
PODS = "/api/v1/pods"
GROUPS = {"helm.toolkit.fluxcd.io": ("v2", ["helmreleases"]), "apps": ("v1", ["deployments"])}
Step = bytes | float | None  # of a watch: what to send, seconds to say nothing, a reset
Answer = tuple[int, bytes, dict[str, str]]


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(*, days: int = 30, common: str = "server", ip: str = "127.0.0.1") -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, PEM. `days` below zero: expired so long ago."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name(common)).issuer_name(name(common))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=days))
    san = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ip))])
    made = builder.add_extension(san, critical=False).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), pem


@cache
def shared_certificate() -> tuple[bytes, bytes]:
    """Keys are slow to make; one is enough for the servers of a test run."""
    return certificate()


def status(code: int, message: str) -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return code, json.dumps(body).encode(), {}


def pod(name: str, version: int = 1, **over: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "a", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "x"}]}, **over}


def line(type_: str, obj: Any) -> bytes:
    return json.dumps({"type": type_, "object": obj}).encode() + b"\n"


class FakeApi:
    """What the server holds and how it misbehaves. `asked` is every request, path and query."""

    def __init__(self) -> None:
        self.server = ""
        self.pods: list[dict[str, Any]] = []
        self.version = "100"
        self.page = 500
        self.queue: dict[str, list[Answer]] = {}  # answers to give first, by path
        self.always: dict[str, Answer] = {}
        self.watches: list[list[Step]] = []
        self.expire_tokens = 0
        self.refuse_watches = 0
        self.cut_watches = 0  # end this many watches in the middle of a line
        self.posted: list[bytes] = []
        self.refusal = status(410, "too old resource version")
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ending = threading.Event()

    def times(self, path: str) -> int:
        return sum(1 for p, q in self.asked if p == path and "watch" not in q)

    def answer(self, path: str, query: dict[str, str], token: str) -> Answer:
        if token != f"Bearer {TOKEN}":
            return status(401, "Unauthorized")
        if self.queue.get(path):
            return self.queue[path].pop(0)
        if path in self.always:
            return self.always[path]
        if path == PODS:
            return self.listed(query)
        found = self.known(path)
        return status(404, "the server could not find the requested resource") if found is None else ok(found)

    def known(self, path: str) -> Any:
        if path == "/version":
            return {"gitVersion": "v1.34.2"}
        if path == "/readyz":
            return "ok"
        if path == "/api/v1/namespaces/kube-system":
            return {"metadata": {"name": "kube-system", "uid": "the-uid"}}
        if path == "/apis":
            versions = {g: [{"version": v}] for g, (v, _) in GROUPS.items()}
            groups = [{"name": g, "versions": v, "preferredVersion": v[0]} for g, v in versions.items()]
            return {"kind": "APIGroupList", "groups": groups}
        for group, (version, plurals) in GROUPS.items():
            if path == f"/apis/{group}/{version}":
                return {"kind": "APIResourceList", "resources": [{"name": p} for p in plurals]}
        return None

    def listed(self, query: dict[str, str]) -> Answer:
        start = int(query.get("continue", "0"))
        if start and self.expire_tokens:
            self.expire_tokens -= 1
            return status(410, "The provided continue parameter is too old")
        page = self.pods[start : start + self.page]
        left = len(self.pods) - start - len(page)
        metadata: dict[str, Any] = {"resourceVersion": self.version}
        if left:
            metadata |= {"continue": str(start + len(page)), "remainingItemCount": left}
        return ok({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": page})


def ok(body: Any) -> Answer:
    return 200, json.dumps(body).encode(), {}


def handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            query = dict(parse_qsl(split.query))
            api.asked.append((split.path, query))
            try:
                if "watch" in query and api.refuse_watches:
                    api.refuse_watches -= 1
                    self.send(*api.refusal)
                elif "watch" in query:
                    self.watch()
                else:
                    self.send(*api.answer(split.path, query, self.headers.get("Authorization", "")))
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                self.close_connection = True  # a client that no longer listens is what some tests are about

        def do_POST(self) -> None:
            api.asked.append((self.path, {}))
            api.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send(*api.answer(self.path, {}, self.headers.get("Authorization", "")))

        def send(self, code: int, body: bytes, headers: dict[str, str]) -> None:
            delay = float(headers.pop("X-Delay", "0")) if "X-Delay" in headers else 0.0
            api.ending.wait(delay)
            self.send_response(code)
            for key, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def watch(self) -> None:
            script = api.watches.pop(0) if api.watches else [30.0]
            self.send_response(200)
            self.send_header("Connection", "close")
            if api.cut_watches:
                api.cut_watches -= 1
                self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.close_connection = True
            for step in script:
                if step is None:
                    reset(self.connection)
                    break
                if isinstance(step, float):
                    api.ending.wait(step)
                else:
                    self.wfile.write(step)
                    self.wfile.flush()

        def log_message(self, *_args: object) -> None:
            """Be quiet."""

    return Handler


def reset(connection: socket.socket) -> None:
    """End it as a machine that went away does: RST, no FIN and no closing alert."""
    with socket.socket(fileno=connection.detach()) as bare:
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class QuietServer(ThreadingHTTPServer):
    """Handshakes happen in the request's thread: one that is refused must not hold the others up or be printed."""

    daemon_threads = True
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is not None:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                request.close()
                return
        try:
            super().finish_request(request, client_address)
        finally:
            request.close()


@contextmanager
def serving(handle: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Any handler on a free loopback port."""
    server = QuietServer(("127.0.0.1", 0), handle)
    server.context = context
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def running(folder: Path, pair: tuple[bytes, bytes] | None = None) -> Iterator[FakeApi]:
    """The server, on a free loopback port, with `ca.crt` in the folder."""
    pem, key = pair or shared_certificate()
    (folder / "ca.crt").write_bytes(pem)
    (folder / "key").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.crt", folder / "key")
    api = FakeApi()
    with serving(handler(api), context) as port:
        api.server = f"https://127.0.0.1:{port}"
        try:
            yield api
        finally:
            api.ending.set()


def kubeconfig(folder: Path, server: str, *, user: Any = None, cluster: Any = None, current: str = "here") -> Path:
    """A kubeconfig with one context, `here`."""
    entry = {"server": server, "certificate-authority": str(folder / "ca.crt")} if cluster is None else cluster
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server, **entry}}],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }
    if current:
        content["current-context"] = current
    path = folder / "kubeconfig"
    path.write_text(json.dumps(content))
    return path


def until(seconds: float, done: Any = lambda: False) -> Any:
    """A stop condition: something has happened, or so many seconds are over."""
    ends = time.monotonic() + seconds
    return lambda: done() or time.monotonic() > ends
