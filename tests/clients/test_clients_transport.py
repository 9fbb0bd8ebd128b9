"""What goes over the wire: the server's own path, odd characters, and whose patience ends a silence."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiserver import FakeApi, kubeconfig, ok, running

from runbook.clients.kubernetes import KubeClient, bodies, connect
from runbook.clients.kubernetes.wire import Request, Wire
from runbook.errors import MalformedError, TimedOutError, UnreachableError


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with running(tmp_path) as found:
        yield found


def client(api: FakeApi, folder: Path, path: str = "") -> KubeClient:
    return connect(kubeconfig=str(kubeconfig(folder, f"{api.server}{path}")))


@pytest.mark.parametrize("path", ["/k8s/clusters/c-1", "/k8s/clusters/c-1/"])
def test_a_server_behind_a_gateway_is_asked_under_its_own_path(api: FakeApi, tmp_path: Path, path: str) -> None:
    api.always["/k8s/clusters/c-1/version"] = ok({"gitVersion": "v1.34.2"})
    found = client(api, tmp_path, path)
    try:
        assert found.transport.get("/version", "version").json() == {"gitVersion": "v1.34.2"}
    finally:
        found.close()
    assert api.asked == [("/k8s/clusters/c-1/version", {})]


def test_odd_characters_arrive_as_they_were_meant(api: FakeApi, tmp_path: Path) -> None:
    api.always["/a%20b/%C3%BC"] = ok({})
    found = client(api, tmp_path)
    try:
        found.transport.get("/a b/ü", "odd", labelSelector="a in (b, c),d=ü&e", limit=5)
    finally:
        found.close()
    assert api.asked == [("/a%20b/%C3%BC", {"labelSelector": "a in (b, c),d=ü&e", "limit": "5"})]


def test_a_stream_has_a_patience_of_its_own(api: FakeApi, tmp_path: Path) -> None:
    api.always["/slow"] = (200, b"{}", {"X-Delay": "20"})
    found = client(api, tmp_path)
    began = time.monotonic()
    try:
        with pytest.raises(TimedOutError), found.transport.stream("/slow", "slow", silence=0.3):
            pytest.fail("it answered")
    finally:
        found.close()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("server", "host"),
    [
        ("https://[fd00::1]:6443", b"[fd00::1]:6443"),
        ("https://[fd00::1]", b"[fd00::1]"),
        ("https://kube.example", b"kube.example"),
        ("https://Bücher.example:6443", b"xn--bcher-kva.example:6443"),
    ],
)
def test_the_host_is_named_as_http_wants_it(server: str, host: bytes) -> None:
    assert Wire(server, None, {})._named == host


def test_a_request_shows_no_credential() -> None:
    assert "let-me-read" not in repr(Request("GET", "/", {"Authorization": "Bearer let-me-read"}))


@pytest.mark.parametrize(
    ("body", "encoding", "why"),
    [
        (b"x", "br", "packed as 'br', which nobody asked for"),
        (b"x", "gzip, br", "packed as 'br', which nobody asked for"),
        (gzip.compress(b"{}" * 5000)[:-9], "gzip", "ends in the middle"),
    ],
    ids=["another packer", "one over the other", "torn"],
)
def test_what_cannot_be_unpacked_is_named(api: FakeApi, tmp_path: Path, body: bytes, encoding: str, why: str) -> None:
    api.always["/odd"] = (200, body, {"Content-Encoding": encoding})
    found = client(api, tmp_path)
    try:
        with pytest.raises(MalformedError, match=why):
            found.transport.get("/odd", "odd")
    finally:
        found.close()


def test_lines_of_a_log_are_split_at_line_feeds_only(api: FakeApi, tmp_path: Path) -> None:
    api.always["/log"] = (200, b"a\x0cb\r\nc\xe2\x80\xa8d\n\nlast \xff", {})
    found = client(api, tmp_path)
    try:
        with found.transport.stream("/log", "log", silence=1.0) as stream:
            assert list(stream.lines()) == ["a\x0cb", "c\u2028d", "", "last \ufffd"]
    finally:
        found.close()


def test_a_line_in_many_pieces_costs_what_one_in_few_does_and_one_without_end_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = time.monotonic()
    assert [len(line) for line in bodies.lines(b"x" * 1_000 for _ in range(40_000))] == [40_000_000]
    assert time.monotonic() - began < 5
    monkeypatch.setattr(bodies, "LONGEST_LINE", 10_000)
    with pytest.raises(bodies.TooLargeError, match="a line of more than 10,000 bytes"):
        list(bodies.lines(b"x" * 1_000 for _ in range(11)))


@pytest.mark.parametrize("hears", ["hangs up", "speaks no TLS"])
def test_who_hangs_up_in_the_handshake_is_asked_again_and_who_refuses_it_is_not(tmp_path: Path, hears: str) -> None:
    """A server that is overloaded or restarted, or a balancer without one behind it, ends the connection without a word."""
    met: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer() -> None:
            with contextlib.suppress(OSError):  # the door is shut
                while True:
                    line, _ = door.accept()
                    with line:
                        met.append(line.recv(4096))
                        if hears == "speaks no TLS":
                            line.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        cluster = {"server": f"https://127.0.0.1:{door.getsockname()[1]}"}
        config = {"clusters": [{"name": "a", "cluster": cluster}], "users": [{"name": "a", "user": {"token": "t"}}],
                  "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}], "current-context": "a"}  # fmt: skip
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(config))
        found = connect(kubeconfig=str(path))
        try:
            with pytest.raises(UnreachableError):
                found.transport.get("/version", "version")
        finally:
            found.close()
        assert len(met) == (3 if hears == "hangs up" else 1)
        door.shutdown(socket.SHUT_RDWR)
    thread.join(5)
