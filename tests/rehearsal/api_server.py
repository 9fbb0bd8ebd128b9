"""An Api over a store of its own on 127.0.0.1 with TLS, for tests that speak HTTP to it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runbook.rehearsal.api import Api
from runbook.rehearsal.serve import start
from runbook.rehearsal.store import Store

TOKENS = {
    "admin-token": ("admin", ["system:masters"]),
    "viewer-token": ("viewer", []),
    "robot-token": ("system:serviceaccount:ffl:robot", ["system:serviceaccounts"]),
}
MERGE, JSONP, STRATEGIC = (f"application/{n}+json" for n in ("merge-patch", "json-patch", "strategic-merge-patch"))
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class FixedClock:
    """Cluster time that moves only when a test says so."""

    scale = 60.0

    def __init__(self) -> None:
        self.moment = datetime(2025, 10, 17, 11, 0, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **amount: float) -> None:
        self.moment += timedelta(**amount)


def _certificate(name: str, issuer: tuple[x509.Name, Any] | None = None) -> tuple[x509.Certificate, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issued_by, signer = issuer or (subject, key)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if issuer is not None:
        alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(signer, hashes.SHA256()), key


@cache
def _pems() -> tuple[bytes, bytes, bytes]:
    ca, ca_key = _certificate("embedded CA")
    leaf, key = _certificate("127.0.0.1", (ca.subject, ca_key))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return ca.public_bytes(pem), leaf.public_bytes(pem), private


class Served:
    """A running server and ways to ask it."""

    def __init__(self, folder: Path, store: Store, api: Api, clock: FixedClock) -> None:
        self.folder, self.store, self.api, self.clock = folder, store, api, clock
        self.loop = asyncio.new_event_loop()
        ca, leaf, key = _pems()
        self.ca = folder / "ca.crt"
        self.ca.write_bytes(ca)
        (folder / "tls.crt").write_bytes(leaf)
        (folder / "tls.key").write_bytes(key)
        self._thread = threading.Thread(target=self._run, name="api-server")
        self._ready = threading.Event()
        self.port = 0

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "tls.crt", self.folder / "tls.key")
        runner, self.port = self.loop.run_until_complete(start(self.api, "127.0.0.1", 0, context))
        self._ready.set()
        self.loop.run_forever()
        self.loop.run_until_complete(runner.cleanup())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._ready.wait(10)
        self.url = f"https://127.0.0.1:{self.port}"
        trust = ssl.create_default_context(cafile=str(self.ca))
        self.client = httpx.Client(base_url=self.url, verify=trust, timeout=10)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.client.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run something in the server's loop, as a controller would."""

        async def inside() -> Any:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(inside(), self.loop).result(10)

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "admin-token",
        accept: str = "application/json",
        content_type: str = "application/json",
        **headers: str,
    ) -> httpx.Response:
        sent = {"Accept": accept, "Content-Type": content_type, **headers}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return self.client.request(method, path, content=content, headers=sent)

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        answer = self.raw(method, path, body, **options)
        text = answer.headers.get("Content-Type", "").startswith("text/plain")
        return answer.status_code, answer.text if text else answer.json()

    def get(self, path: str, **options: Any) -> Any:
        status, body = self.ask("GET", path, **options)
        assert status == 200, body
        return body

    def post(self, path: str, body: Any, **options: Any) -> Any:
        status, answer = self.ask("POST", path, body, **options)
        assert status == 201, answer
        return answer

    @contextmanager
    def watching(self, path: str, *, token: str = "admin-token", accept: str = "application/json") -> Iterator[Any]:
        """An iterator over a watch's events; it is read on demand."""
        headers = {"Authorization": f"Bearer {token}", "Accept": accept}
        with self.client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            yield (json.loads(line) for line in answer.iter_lines())


@contextmanager
def serving(history: int = 10_000, **options: Any) -> Iterator[Served]:
    """A server with the namespaces `ffl` and `triager`."""
    with TemporaryDirectory() as name:
        folder, clock = Path(name), FixedClock()
        store = Store(clock, history=history)
        namespaces = store.kinds["v1", "namespaces"]
        for namespace in ("ffl", "triager"):
            store.create(namespaces, None, {"metadata": {"name": namespace}})
        api = Api(store, tokens=TOKENS, request_log=folder / "requests.jsonl", **options)
        with Served(folder, store, api, clock) as served:
            yield served


def pod(name: str, **fields: Any) -> dict[str, Any]:
    """A small pod."""
    labels = fields.pop("labels", {})
    spec = {"containers": [{"name": "main", "image": "nginx:1"}], **fields.pop("spec", {})}
    metadata = {"name": name, "labels": labels, **fields.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, **fields}


def seen(event: dict[str, Any]) -> tuple[str, str]:
    """`(type, name)` of a watch event."""
    return event["type"], event["object"].get("metadata", {}).get("name", "")
