"""Servers that are silent, broken or something else: each is called what it is, and none is called plain HTTP for it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from apiserver import serving
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runbook.clients import handshake, http, registry
from runbook.clients.resolving import target
from runbook.errors import ObservationError
from runbook.inventory.model import Endpoint
from runbook.rehearsal import pki

HOST = "registry.example:5000"
CA = pki.authority("the CA")
REBUILT = pki.authority("the CA")
GARBAGE = b"-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that does one thing with each connection."""
    listener, over = socket.create_server(("127.0.0.1", 0)), threading.Event()
    listener.settimeout(0.05)

    def run() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                answer(connection)
        listener.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        thread.join(5)


def close(_connection: socket.socket) -> None:
    """Accept, say nothing, close."""


def silence(connection: socket.socket) -> None:
    """Say nothing until the client gives up."""
    connection.settimeout(3)
    try:
        while connection.recv(1000):
            pass
    except OSError:
        return


class Page(BaseHTTPRequestHandler):
    body = b'{"status": "ok"}'

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_args: object) -> None:
        """Be quiet."""


def trust(port: int, *pems: bytes, image: str = "") -> Any:
    return registry.probe_trust(
        HOST,
        anchors=pems,
        resolve={HOST: f"127.0.0.1:{port}"},
        vantage="n1",
        runtime="docker",
        now=datetime.now(UTC),
        image=image,
    )


class TestNoHandshake:
    def test_silence_is_not_plain_http(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handshake, "TIMEOUT", 0.5)
        with answering(silence) as port:
            cell = trust(port, CA.pem)
        assert (cell.connect, cell.chain, cell.name) == ("ok", "tls: no handshake within the time allowed", "")

    def test_a_closed_connection_is_not_plain_http(self) -> None:
        with answering(close) as port:
            cell = trust(port, CA.pem)
        assert cell.connect == "ok"
        assert cell.chain.startswith("tls: ")
        assert "HTTP" not in cell.chain

    def test_plain_http_still_is(self) -> None:
        with serving(Page) as port:
            assert trust(port, CA.pem).chain == "http: server gave HTTP response to HTTPS client"

    @pytest.mark.parametrize("name", ["a" * 70 + ".example", ".example"])
    def test_a_name_that_cannot_be_one_is_no_such_host(self, name: str) -> None:
        cell = registry.probe_trust(
            f"{name}:5000", anchors=(), resolve={}, vantage="n", runtime="docker", now=datetime.now(UTC)
        )
        assert cell.resolve.startswith("no such host")


def chained(folder: Path) -> tuple[ssl.SSLContext, bytes]:
    """A server behind an intermediate; its TLS context and the intermediate's PEM."""
    now, keys = datetime.now(UTC), [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]

    def signed(subject: str, issuer: x509.Name, key: Any, by: Any, *, ca: bool) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        builder = builder.not_valid_after(now + timedelta(days=30))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        if not ca:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("registry.example")]), False)
        return builder.sign(by, hashes.SHA256())

    middle = signed("middle", CA.certificate.subject, keys[0], CA.key, ca=True)
    leaf = signed("leaf", middle.subject, keys[1], keys[0], ca=False)
    pem = serialization.Encoding.PEM
    (folder / "chain").write_bytes(leaf.public_bytes(pem) + middle.public_bytes(pem))
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key").write_bytes(keys[1].private_bytes(pem, form, none))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain", folder / "key")
    return context, middle.public_bytes(pem)


class TestAnchors:
    def test_a_corrupt_ca_is_skipped_as_go_does(self, tmp_path: Path) -> None:
        with serving(Page, pki.server_context(CA, ("registry.example",), tmp_path, "r")) as port:
            assert trust(port, GARBAGE).chain.startswith("x509: certificate signed by unknown authority")
            assert trust(port, GARBAGE + CA.pem).chain == "ok"
            assert trust(port, GARBAGE, CA.pem).chain == "ok"

    def test_a_rebuilt_ca_of_the_same_name_is_an_unknown_authority(self, tmp_path: Path) -> None:
        with serving(Page, pki.server_context(REBUILT, ("registry.example",), tmp_path, "r")) as port:
            cell = trust(port, CA.pem)
        assert cell.chain.startswith("x509: certificate signed by unknown authority")
        assert (cell.api, cell.manifest) == ("", "")

    def test_an_intermediate_is_an_anchor_as_it_is_for_go(self, tmp_path: Path) -> None:
        context, middle = chained(tmp_path)
        with serving(Page, context) as port:
            assert trust(port, middle).chain == "ok"
            assert trust(port, CA.pem).chain == "ok"
            assert trust(port, REBUILT.pem).chain != "ok"


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("team/app:1.0", ("team/app", "1.0")),
        ("team/app", ("team/app", "latest")),
        ("team/app@sha256:ab", ("team/app", "sha256:ab")),
        ("team/app:1.0@sha256:ab", ("team/app", "sha256:ab")),
    ],
)
def test_an_image_is_split_where_oci_splits_it(image: str, parts: tuple[str, str]) -> None:
    assert registry.split_image(image) == parts


def test_ipv6_has_brackets_in_resolve() -> None:
    assert target({"[fd00::1]:443": "127.0.0.1:9"}, "fd00::1", 443) == ("127.0.0.1", 9)


class TestEndpoints:
    def ask(self, url: str, base: Path, **more: Any) -> Any:
        return http.probe_endpoint(Endpoint(name="x", url=url, **more), resolve={}, base=base)

    def test_a_named_ca_file_without_a_certificate_does_not_become_the_systems_store(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("hello")
        with pytest.raises(ObservationError, match=r"its CA file ca.pem holds no certificate"):
            self.ask("https://127.0.0.1:1/", tmp_path, ca="ca.pem")

    def test_what_is_not_built_is_not_asked_another_way(self, tmp_path: Path) -> None:
        with pytest.raises(ObservationError, match="via: service-proxy is not built yet"):
            self.ask("http://127.0.0.1:1/", tmp_path, via="service-proxy")

    def test_silence_after_the_connection_is_of_http(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "TIMEOUT", 0.5)
        with answering(silence) as port:
            found = self.ask(f"http://127.0.0.1:{port}/", tmp_path)
        assert (found.layer, found.error) == ("http", "no answer within the time allowed")

    def test_a_connection_that_is_closed_is_of_http(self, tmp_path: Path) -> None:
        with answering(close) as port:
            assert self.ask(f"http://127.0.0.1:{port}/", tmp_path).layer == "http"

    def test_a_body_that_drips_ends(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "TIMEOUT", 0.3)

        def drip(connection: socket.socket) -> None:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            try:
                for _ in range(40):
                    connection.sendall(b"x")
                    threading.Event().wait(0.05)
            except OSError:
                return

        with answering(drip) as port:
            found = self.ask(f"http://127.0.0.1:{port}/", tmp_path)
        assert (found.status, found.layer) == (0, "http")
        assert found.seconds < 1.5

    def test_control_characters_are_shown_not_obeyed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            Page, "body", b'{"version": "1\\u001b[2J", "status": "ok", "x": "\x7f\xc2\x9b"}\r\n\t.\x1b]0;'
        )
        with serving(Page) as port:
            found = self.ask(f"http://127.0.0.1:{port}/", tmp_path)
        kept = found.body + found.body_version
        assert not [c for c in kept if (ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160]

    @pytest.mark.parametrize("url", ["https://[bad/", "http://x:99999999/", "ftp://x/", "nothing"])
    def test_a_url_that_cannot_be_asked_is_an_answer_not_a_crash(self, tmp_path: Path, url: str) -> None:
        found = self.ask(url, tmp_path)
        assert found.status == 0
        assert found.error
