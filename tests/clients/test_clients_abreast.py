"""Many endpoints asked at once: those that hang, lie or break off cost the others nothing, and each says where it ended."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from runbook.clients import abreast
from runbook.clients.handshake import LATE
from runbook.clients.http import probe_endpoints
from runbook.inventory.model import Endpoint
from runbook.rehearsal import pki

CA, OTHER = pki.authority("the endpoints' CA"), pki.authority("another CA")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
GREEN = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"status":"UP"}'
TIMEOUT = 0.5
Behaviour = Callable[[socket.socket], None]


class Server:
    """A port that treats each connection as it is told; `heads` is what was asked, `connections` how many came."""

    def __init__(self, behaviour: Behaviour, context: ssl.SSLContext | None) -> None:
        self.behaviour, self.context = behaviour, context
        self.connections, self.ended = 0, threading.Event()
        self.heads: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self) -> None:
        while not self.ended.is_set():
            taken, _ = self.socket.accept()
            if self.ended.is_set():
                taken.close()
                return
            self.connections += 1
            threading.Thread(target=self.treat, args=(taken,), daemon=True).start()

    def treat(self, taken: socket.socket) -> None:
        with ExitStack() as held:
            held.callback(taken.close)
            try:
                if self.context is not None:
                    taken = held.enter_context(self.context.wrap_socket(taken, server_side=True))
                if self.behaviour is not hang:
                    self.heads.append(taken.recv(65_536))
                self.behaviour(taken)
            except OSError:
                return  # the client let go, or refused the certificate

    def close(self) -> None:
        self.ended.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.thread.join(5)
        self.socket.close()


def says(*pieces: bytes | float) -> Behaviour:
    """Send this, wait so many seconds, close."""

    def behaviour(taken: socket.socket) -> None:
        for piece in pieces:
            if isinstance(piece, float):
                time.sleep(piece)
            else:
                taken.sendall(piece)

    return behaviour


def hang(taken: socket.socket) -> None:
    """Say nothing until the client goes."""
    while taken.recv(1000):
        pass


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    names = ("127.0.0.1", "app.example", "10.9.9.9")
    return pki.server_context(CA, names, tmp_path_factory.mktemp("abreast"), "app")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_bytes(CA.pem)
    (tmp_path / "other.crt").write_bytes(OTHER.pem)
    return tmp_path


@contextmanager
def serving(*behaviours: Behaviour, context: ssl.SSLContext | None) -> Iterator[list[Server]]:
    servers = [Server(b, context) for b in behaviours]
    try:
        yield servers
    finally:
        for server in servers:
            server.close()


def https(port: int, **more: Any) -> Endpoint:
    return Endpoint(name=f"port {port}", url=f"https://127.0.0.1:{port}/health", **{"ca": "ca.crt", **more})


def ask(base: Path, *endpoints: Endpoint, timeout: float = TIMEOUT, **resolve: str) -> tuple[Any, ...]:
    return probe_endpoints(endpoints, resolve=resolve, base=base, timeout=timeout)


class TestHanging:
    @pytest.mark.parametrize("places", [(0, 1, 2), (30, 31, 32), (0, 16, 32)], ids=["first", "last", "between"])
    def test_three_that_never_answer_cost_one_timeout_together_and_the_others_nothing(
        self, base: Path, tls: ssl.SSLContext, places: tuple[int, ...]
    ) -> None:
        with ExitStack() as stack:
            (good,) = stack.enter_context(serving(says(GREEN), context=tls))
            (silent,) = stack.enter_context(serving(hang, context=None))
            ports = [silent.port if n in places else good.port for n in range(33)]
            began = time.monotonic()
            found = ask(base, *map(https, ports), timeout=1.0)
            took = time.monotonic() - began
        assert took < 1.5
        assert [n for n, p in enumerate(found) if p.status != 200] == list(places)
        assert {(found[n].error, found[n].layer, found[n].status) for n in places} == {(LATE, "tcp", 0)}
        assert all(found[n].seconds >= 1.0 for n in places)
        assert good.connections == 30

    def test_one_that_hangs_after_its_handshake_is_of_http(self, base: Path, tls: ssl.SSLContext) -> None:
        with serving(hang, context=tls) as (server,):
            (found,) = ask(base, https(server.port))
        assert (found.status, found.layer, found.error) == (0, "http", LATE)

    @pytest.mark.parametrize(
        ("begun", "come"),
        [(b"HTTP/1.1 200 OK\r\n", ""), (GREEN[:-5], ": its head (HTTP 200) and 10 B of its body had come")],
        ids=["in its head", "in its body"],
    )
    def test_one_that_stops_in_the_middle_is_no_answer(
        self, base: Path, tls: ssl.SSLContext, begun: bytes, come: str
    ) -> None:
        with serving(says(begun, 5.0), context=tls) as (server,):
            (found,) = ask(base, https(server.port))
        assert (found.status, found.body, found.layer, found.error) == (0, "", "http", LATE + come)
        assert found.seconds < 2 * TIMEOUT + 0.4

    @pytest.mark.parametrize("secure", [True, False], ids=["https", "http"])
    @pytest.mark.parametrize(
        ("head", "come"),
        [
            ([1.0, HEAD, b'{"status":'], ": its head (HTTP 200) and 10 B"),
            ([part for n in range(200) for part in (HEAD[n : n + 1] or b"x", 0.05)], ""),
            ([HEAD, *[b"x", 0.05] * 200], ": its head (HTTP 200) and "),
        ],
        ids=["a late head, then silence", "a head that drips", "a body that drips"],
    )
    def test_the_timeout_bounds_the_whole_of_one_that_says_a_little(
        self, base: Path, tls: ssl.SSLContext, secure: bool, head: list[bytes | float], come: str
    ) -> None:
        """Bounds between two of its words would be met: the server says what it says within each of them."""
        with serving(says(*head, 10.0), context=tls if secure else None) as (server,):
            url = f"{'https' if secure else 'http'}://127.0.0.1:{server.port}/"
            began = time.monotonic()
            (found,) = ask(base, Endpoint(name="a", url=url, ca="ca.crt" if secure else ""), timeout=2.0)
            took = time.monotonic() - began
        assert (found.status, found.body, found.layer) == (0, "", "http")
        assert found.error.startswith(LATE + come)
        assert found.seconds < took < 2.8

    def test_a_handshake_that_drips_is_bounded_too(self, base: Path) -> None:
        def drip(taken: socket.socket) -> None:
            taken.sendall(b"\x16\x03\x03\x40\x00")  # the head of a long record, of which byte after byte comes
            says(*[b"\x02", 0.05] * 200)(taken)

        with serving(drip, context=None) as (server,):
            began = time.monotonic()
            (found,) = ask(base, https(server.port))
            took = time.monotonic() - began
        assert (found.status, found.layer, found.error) == (0, "tcp", LATE)
        assert took < TIMEOUT + 2.0

    def test_an_answer_that_is_slow_and_whole_in_time_is_an_answer(self, base: Path, tls: ssl.SSLContext) -> None:
        pieces = [part for n in range(len(GREEN)) for part in (GREEN[n : n + 1], 0.005)]
        with serving(says(*pieces), context=tls) as (server,):
            (found,) = ask(base, https(server.port), timeout=10.0)
        assert (found.status, found.body_status, found.error) == (200, "UP", "")

    def test_a_resolver_that_hangs_on_one_name_delays_no_other(
        self, base: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, over = socket.getaddrinfo, threading.Event()

        def slow(host: Any, *rest: Any, **more: Any) -> Any:
            if host == "slow.example":
                over.wait(10)
            return real("127.0.0.1" if host == "quick.example" else host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        with serving(says(GREEN), context=None) as (server,):
            urls = [f"http://{name}.example:{server.port}/" for name in ("slow", "quick")]
            began = time.monotonic()
            silent, quick = ask(base, *(Endpoint(name=u, url=u) for u in urls))
        took = time.monotonic() - began
        over.set()
        assert (silent.layer, silent.error, quick.status) == ("dns", LATE, 200)
        assert took < TIMEOUT + 0.5

    def test_more_than_may_be_open_at_once_take_turns_and_none_is_late_for_it(
        self, base: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(abreast, "MOST", 2)
        with serving(says(0.2, GREEN), context=None) as (server,):
            found = ask(base, *[Endpoint(name="a", url=f"http://127.0.0.1:{server.port}/") for _ in range(10)])
        assert [p.status for p in found] == [200] * 10
        assert all(p.seconds < TIMEOUT for p in found)


class TestBroken:
    @pytest.mark.parametrize(
        "said",
        [
            b"",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf",
            b"HTTP/1.1 two\r\n\r\n",
        ],
        ids=["nothing", "another protocol", "half a body", "no status"],
    )
    def test_what_is_no_whole_answer_is_of_http_and_has_no_status(
        self, base: Path, tls: ssl.SSLContext, said: bytes
    ) -> None:
        with serving(says(said), context=tls) as (server,):
            (found,) = ask(base, https(server.port))
        assert (found.status, found.body, found.layer) == (0, "", "http")
        assert found.error

    def test_plain_http_where_tls_is_asked_is_of_tls(self, base: Path) -> None:
        with serving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), context=None) as (server,):
            (found,) = ask(base, https(server.port))
        assert (found.layer, found.error[:5]) == ("tls", "TLS: ")

    def test_a_url_that_cannot_be_asked_leaves_the_others_their_answers_in_their_order(
        self, base: Path, tls: ssl.SSLContext
    ) -> None:
        with serving(says(GREEN), context=tls) as (server,):
            bad = [Endpoint(name=u, url=u) for u in ("https://[bad/", "ftp://x/", "https://x:99999999/")]
            found = ask(base, bad[0], https(server.port), bad[1], bad[2])
        assert [p.status for p in found] == [0, 200, 0, 0]
        assert [bool(p.error) for p in found] == [True, False, True, True]


class TestVerified:
    def test_each_by_its_own_ca_and_none_by_anothers_waiver(self, base: Path, tls: ssl.SSLContext) -> None:
        with serving(says(GREEN), context=tls) as (server,):
            ways: list[dict[str, Any]] = [{}, {"ca": "other.crt"}, {"ca": "other.crt", "tls": "unverified"}, {"ca": ""}]
            found = ask(base, *[https(server.port, **way) for way in ways * 2])
        assert [p.status for p in found] == [200, 0, 200, 0] * 2
        assert [p.tls for p in found[:3]] == ["verified", "verified", "unverified"]
        assert found[1].error == "TLS: self-signed certificate in certificate chain"

    def test_each_has_a_handshake_of_its_own(
        self, base: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A connection that was kept would hide that the next handshake fails."""
        monkeypatch.setattr(abreast, "MOST", 1)
        with serving(says(GREEN, 1.0), context=tls) as (server,):
            ask(base, *[https(server.port)] * 5)
        assert server.connections == 5

    @pytest.mark.parametrize("host", ["app.example", "10.9.9.9"])
    def test_resolve_changes_where_and_not_who(self, base: Path, tls: ssl.SSLContext, host: str) -> None:
        with serving(says(GREEN), context=tls) as (server,):
            where = {f"{host}:8443": f"127.0.0.1:{server.port}", "b.example:443": f"127.0.0.1:{server.port}"}
            ours, stranger = ask(
                base,
                Endpoint(name="a", url=f"https://{host}:8443/x?y=1", ca="ca.crt"),
                Endpoint(name="b", url="https://b.example/", ca="ca.crt"),
                **where,
            )
        assert (ours.status, ours.url) == (200, f"https://{host}:8443/x?y=1")
        assert (stranger.layer, "Hostname mismatch" in stranger.error) == ("tls", True)
        head = server.heads[0] if b"/x" in server.heads[0] else server.heads[1]
        assert head.startswith(b"GET /x?y=1 HTTP/1.1\r\n")
        assert f"\r\nHost: {host}:8443\r\n".encode() in head


class TestAsked:
    def test_as_whom_it_is_and_by_no_proxy(
        self, base: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        with serving(says(GREEN), context=tls) as (server,):
            (found,) = ask(base, https(server.port))
        assert found.status == 200
        assert b"\r\nUser-Agent: runbook\r\n" in server.heads[0]

    def test_within_a_loop_as_a_kernel_has_one(self, base: Path, tls: ssl.SSLContext) -> None:
        async def cell() -> Any:
            return ask(base, https(server.port))

        with serving(says(GREEN), context=tls) as (server,):
            (found,) = asyncio.run(cell())
        assert found.status == 200

    def test_a_compressed_body_is_read(self, base: Path, tls: ssl.SSLContext) -> None:
        body = gzip.compress(b'{"status": "UP", "version": "2"}')
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
        with serving(says(head + body), context=tls) as (server,):
            (found,) = ask(base, https(server.port))
        assert (found.body_status, found.body_version) == ("UP", "2")

    def test_a_login_pages_long_cookie_is_borne(self, base: Path, tls: ssl.SSLContext) -> None:
        head = b"HTTP/1.1 302 Found\r\nSet-Cookie: s=" + b"x" * 20_000 + b"\r\nContent-Length: 0\r\n\r\n"
        with serving(says(head), context=tls) as (server,):
            (found,) = ask(base, https(server.port))
        assert (found.status, found.error) == (302, "")

    def test_nobody_to_ask(self, base: Path) -> None:
        assert ask(base) == ()
