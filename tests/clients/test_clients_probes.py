"""Trust, manifests, endpoints and node files, against real sockets and real certificates."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from apiserver import serving

from runbook.clients import nodes, registry
from runbook.clients.http import MAX_BODY, probe_endpoint
from runbook.clients.resolving import target
from runbook.errors import ObservationError
from runbook.inventory.model import Endpoint, NodeEntry, Transport
from runbook.rehearsal import pki
from runbook.rehearsal.registry import Registry

NAME, IP = "registry.example:5000", "10.9.9.9:5000"
IMAGES = {"team/app": ["1.0.0"]}
CA = pki.authority("the registry's CA")
OTHER = pki.authority("another CA")


@contextmanager
def tls_registry(folder: Path, sans: tuple[str, ...], *, days: int = 365) -> Iterator[int]:
    """A real registry in a loop of its own; its port."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    held: dict[str, Any] = {}

    async def start() -> None:
        context = pki.server_context(CA, sans, folder, "registry", days=days)
        held["runner"], held["port"] = await Registry(IMAGES).start(context)
        started.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(held["runner"].cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield held["port"]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def trust(host: str, port: int, *pems: bytes, image: str = "team/app:1.0.0", now: datetime | None = None) -> Any:
    resolve = {NAME: f"127.0.0.1:{port}", IP: f"127.0.0.1:{port}"}
    return registry.probe_trust(
        host,
        anchors=pems,
        resolve=resolve,
        vantage="n1",
        runtime="docker",
        now=now or datetime.now(UTC),
        image=image,
    )


def steps(cell: Any) -> dict[str, str]:
    return {s: getattr(cell, s) for s in ("resolve", "connect", "chain", "name", "expiry", "api", "manifest")}


GREEN = dict.fromkeys(("resolve", "connect", "chain", "name", "expiry", "api", "manifest"), "ok")


class TestTrust:
    def test_all_steps_are_ok_for_a_trusted_registry(self, tmp_path: Path) -> None:
        with tls_registry(tmp_path, ("registry.example", "10.9.9.9")) as port:
            assert steps(trust(NAME, port, CA.pem)) == GREEN
            assert steps(trust(IP, port, CA.pem)) == GREEN
            gone = trust(NAME, port, CA.pem, image="team/app:9.9.9")
        assert gone.api == "ok"
        assert "404 MANIFEST_UNKNOWN" in gone.manifest

    def test_ip_san_missing_reddens_the_ip_form_only(self, tmp_path: Path) -> None:
        with tls_registry(tmp_path, ("registry.example",)) as port:
            dns, ip = trust(NAME, port, CA.pem), trust(IP, port, CA.pem)
        assert steps(dns) == GREEN
        assert ip.name == "x509: cannot validate certificate for 10.9.9.9 because it doesn't contain any IP SANs"
        assert (ip.chain, ip.expiry, ip.api, ip.manifest) == ("ok", "ok", "", "")

    def test_unknown_authority_is_the_chain_and_nothing_is_trusted_for_being_served(self, tmp_path: Path) -> None:
        with tls_registry(tmp_path, ("registry.example",)) as port:
            for anchors in ((), (OTHER.pem,)):
                cell = trust(NAME, port, *anchors)
                assert cell.chain.startswith("x509: certificate signed by unknown authority")
                assert "the registry's CA" in cell.chain
                assert (cell.name, cell.expiry, cell.api, cell.manifest) == ("ok", "ok", "", "")
                assert cell.served[0].dns_names == ("registry.example",)

    def test_expired_is_expiry_not_chain(self, tmp_path: Path) -> None:
        with tls_registry(tmp_path, ("registry.example",), days=-2) as port:
            cell = trust(NAME, port, CA.pem)
        assert (cell.chain, cell.name) == ("ok", "ok")
        assert "certificate has expired" in cell.expiry
        assert cell.api == ""

    def test_name_mismatch_names_what_it_is_valid_for(self, tmp_path: Path) -> None:
        with tls_registry(tmp_path, ("old.example", "10.1.1.1")) as port:
            dns, ip = trust(NAME, port, CA.pem), trust(IP, port, CA.pem)
        assert dns.name == "x509: certificate is valid for old.example, not registry.example"
        assert ip.name == "x509: certificate is valid for 10.1.1.1, not 10.9.9.9"
        assert (dns.chain, ip.chain, dns.api, ip.api) == ("ok", "ok", "", "")

    def test_plain_http_is_told_from_an_unknown_authority(self) -> None:
        with serving(Page) as port:
            cell = trust(NAME, port, CA.pem)
        assert cell.connect == "ok"
        assert cell.chain == "http: server gave HTTP response to HTTPS client"

    def test_refused_and_no_such_host(self) -> None:
        cell = trust(NAME, free_port(), CA.pem)
        assert (cell.resolve, cell.chain) == ("ok", "")
        assert "refused" in cell.connect
        missing = registry.probe_trust(
            "no-such.invalid:5000", anchors=(), resolve={}, vantage="n1", runtime="docker", now=datetime.now(UTC)
        )
        assert missing.resolve.startswith("no such host")
        assert (missing.connect, missing.chain) == ("", "")


class TestTrustPerNameForm:
    def test_ca_installed_for_the_dns_form_greens_only_that_column(self, tmp_path: Path) -> None:
        node = NodeEntry(name="n1", runtime="docker", transport=Transport(kind="local", root=str(tmp_path / "n1")))
        put(tmp_path / f"n1/etc/docker/certs.d/{NAME}/ca.crt", CA.pem)
        with tls_registry(tmp_path, ("registry.example", "10.9.9.9")) as port:
            cells = {h: trust(h, port, *nodes.anchors(node, h, tmp_path).pems) for h in (NAME, IP)}
        assert steps(cells[NAME]) == GREEN
        assert cells[IP].chain.startswith("x509: certificate signed by unknown authority")
        assert cells[IP].api == ""


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class TestNodeAnchors:
    @pytest.mark.parametrize(
        ("runtime", "file"),
        [
            ("docker", f"etc/docker/certs.d/{NAME}/ca.crt"),
            ("containerd", f"etc/containerd/certs.d/{NAME}/ca.crt"),
            ("containerd", "etc/containerd/certs.d/registry.example_5000_/ca.crt"),
            ("containerd", "etc/containerd/certs.d/_default/ca.crt"),
            ("cri-o", f"etc/containers/certs.d/{NAME}/ca.crt"),
            ("cri-o", f"etc/docker/certs.d/{NAME}/ca.crt"),
            ("docker", "etc/ssl/certs/ca-certificates.crt"),
            ("containerd", "etc/pki/tls/certs/ca-bundle.crt"),
        ],
    )
    def test_each_runtime(self, tmp_path: Path, runtime: Any, file: str) -> None:
        node = NodeEntry(name="n1", runtime=runtime, transport=Transport(kind="local", root="root"))
        put(tmp_path / "root" / file, CA.pem)
        found = nodes.anchors(node, NAME, tmp_path)
        assert (found.pems, found.files) == ((CA.pem,), (f"/{file}",))

    def test_hosts_toml_of_containerd(self, tmp_path: Path) -> None:
        node = NodeEntry(name="n1", runtime="containerd", transport=Transport(kind="local", root="root"))
        folder = tmp_path / f"root/etc/containerd/certs.d/{NAME}"
        put(folder / "hosts.toml", b'[host."https://x"]\nca = ["/etc/ca/x.pem"]\n')
        put(tmp_path / "root/etc/ca/x.pem", CA.pem)
        put(folder / "ignored.crt", OTHER.pem)
        assert nodes.anchors(node, NAME, tmp_path).pems == (CA.pem,)
        (folder / "hosts.toml").write_text("broken = [")
        assert nodes.anchors(node, NAME, tmp_path).pems == (OTHER.pem,)

    def test_a_link_out_of_the_root_is_not_followed(self, tmp_path: Path) -> None:
        node = NodeEntry(name="n1", runtime="docker", transport=Transport(kind="local", root="root"))
        put(tmp_path / "outside.crt", CA.pem)
        folder = tmp_path / f"root/etc/docker/certs.d/{NAME}"
        folder.mkdir(parents=True)
        (folder / "ca.crt").symlink_to(tmp_path / "outside.crt")
        (folder / "up.crt").symlink_to("../../../../../outside.crt")
        assert nodes.anchors(node, NAME, tmp_path).pems == ()
        toml = NodeEntry(name="n1", runtime="containerd", transport=Transport(kind="local", root="root"))
        put(tmp_path / f"root/etc/containerd/certs.d/{NAME}/hosts.toml", b'ca = "../../../../../outside.crt"\n')
        assert nodes.anchors(toml, NAME, tmp_path).pems == ()

    def test_a_ca_copied_but_never_bundled_is_no_trust(self, tmp_path: Path) -> None:
        node = NodeEntry(name="n1", runtime="docker", transport=Transport(kind="local", root="root"))
        put(tmp_path / "root/usr/local/share/ca-certificates/registry.crt", CA.pem)
        put(tmp_path / "root/etc/ssl/certs/ca-certificates.crt", OTHER.pem)
        found = nodes.anchors(node, NAME, tmp_path)
        assert found.pems == (OTHER.pem,)
        assert found.unread_sources == ("/usr/local/share/ca-certificates/registry.crt",)
        put(tmp_path / "root/etc/ssl/certs/ca-certificates.crt", OTHER.pem + CA.pem)
        assert nodes.anchors(node, NAME, tmp_path).unread_sources == ()

    @pytest.mark.parametrize(
        ("transport", "words"),
        [(Transport(), "no transport"), (Transport(kind="local", root="gone"), "is not a folder")],
    )
    def test_a_node_that_cannot_be_read_is_an_error(self, tmp_path: Path, transport: Transport, words: str) -> None:
        with pytest.raises(ObservationError, match=words):
            nodes.anchors(NodeEntry(name="n1", runtime="docker", transport=transport), NAME, tmp_path)


class Page(BaseHTTPRequestHandler):
    """An application."""

    answers: dict[str, tuple[int, bytes, dict[str, str]]] = {
        "/health": (200, b'{"status": "healthy", "version": "1.0.0"}', {}),
        "/moved": (302, b"", {"Location": "/health"}),
        "/huge": (200, b"x" * 3 * MAX_BODY, {}),
        "/down": (503, b"<html>down</html>", {}),
    }
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        code, body, headers = self.answers[self.path]
        try:
            self.send_response(code)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client had enough of a huge body

    def log_message(self, *_args: object) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("https")
    with ExitStack() as stack:
        yield stack.enter_context(serving(Page, pki.server_context(CA, ("app.example",), folder, "app")))


class TestEndpoints:
    @pytest.fixture
    def probe(self, https: int, tmp_path: Path) -> Callable[..., Any]:
        (tmp_path / "ca.crt").write_bytes(CA.pem)
        (tmp_path / "other.crt").write_bytes(OTHER.pem)

        def ask(path: str, host: str = "app.example", **more: Any) -> Any:
            endpoint = Endpoint(name="app", url=f"https://{host}{path}", **{"ca": "ca.crt", **more})
            resolve = {"app.example:443": f"127.0.0.1:{https}", "other.example:443": f"127.0.0.1:{https}"}
            return probe_endpoint(endpoint, resolve=resolve, base=tmp_path)

        return ask

    def test_an_answer(self, probe: Any) -> None:
        found = probe("/health")
        assert (found.status, found.layer, found.tls, found.error) == (200, "body", "verified", "")
        assert (found.body_status, found.body_version) == ("healthy", "1.0.0")

    def test_a_bad_status_is_an_answer_too(self, probe: Any) -> None:
        found = probe("/down")
        assert (found.status, found.body, found.body_status) == (503, "<html>down</html>", "")

    @pytest.mark.parametrize("more", [{"ca": "other.crt"}, {"host": "other.example"}])
    def test_tls_that_is_not_accepted_stops_at_tls(self, probe: Any, more: dict[str, str]) -> None:
        found = probe("/health", **more)
        assert (found.status, found.layer, found.body) == (0, "tls", "")
        assert found.error.startswith("TLS: ")

    def test_unverified_is_recorded(self, probe: Any) -> None:
        found = probe("/health", ca="other.crt", tls="unverified")
        assert (found.status, found.tls) == (200, "unverified")

    def test_redirects_are_not_followed(self, probe: Any) -> None:
        Page.asked.clear()
        assert probe("/moved").status == 302
        assert Page.asked == ["/moved"]

    def test_a_huge_body_is_capped(self, probe: Any) -> None:
        assert len(probe("/huge").body) == MAX_BODY

    def test_layers_below(self, tmp_path: Path) -> None:
        def ask(url: str) -> Any:
            return probe_endpoint(Endpoint(name="x", url=url), resolve={}, base=tmp_path)

        refused, nowhere = ask(f"http://127.0.0.1:{free_port()}/"), ask("https://no-such.invalid/")
        assert (refused.layer, refused.tls, refused.status) == ("tcp", "none", 0)
        assert (nowhere.layer, nowhere.tls, nowhere.status) == ("dns", "verified", 0)

    def test_a_ca_file_that_is_not_there(self, probe: Any) -> None:
        with pytest.raises(ObservationError, match=r"CA file gone.crt is not there"):
            probe("/health", ca="gone.crt")


@pytest.mark.parametrize(
    ("host", "port", "wanted"),
    [
        ("a.example", 443, ("127.0.0.1", 9)),
        ("A.Example", 443, ("127.0.0.1", 9)),
        ("a.example", 444, ("a.example", 444)),
        ("b.example", 443, ("::1", 7)),
    ],
)
def test_resolve_means_what_curl_means(host: str, port: int, wanted: tuple[str, int]) -> None:
    assert target({"a.example:443": "127.0.0.1:9", "b.example:443": "[::1]:7"}, host, port) == wanted
