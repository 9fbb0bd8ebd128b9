"""Lists from servers that are slow, wordy, endless or confused: the right list, or an error with a name, in bounded memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from apiserver import PODS, FakeApi, kubeconfig, ok, pod, serving, status

from runbook.clients.kubernetes import KubeClient, bodies, connect
from runbook.clients.observe import observe
from runbook.errors import MalformedError, TimedOutError
from runbook.inventory.model import Inventory
from runbook.stage.identity import utc_now

Send = Callable[[Any], None]


def page(*pods: dict[str, Any], token: str = "", left: int = 0) -> Any:
    metadata = {"resourceVersion": "9", **({"continue": token, "remainingItemCount": left} if token else {})}
    return {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": list(pods)}


@contextmanager
def sending(folder: Path, send: Send) -> Iterator[KubeClient]:
    """A client of a server whose list of pods is written to the connection by `send`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known = {"/api": {"versions": ["v1"]}, "/apis": {"groups": []}}
            try:
                if self.path.startswith(PODS):
                    send(self)
                    return
                body = json.dumps(known.get(self.path, {})).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client had enough: what some of these tests are about

        def log_message(self, *_args: object) -> None:
            """Be quiet."""

    (folder / "ca.crt").write_text("")
    with serving(Handler) as port:
        server = f"http://127.0.0.1:{port}"
        client = connect(kubeconfig=str(kubeconfig(folder, server, cluster={"server": server})), timeout=1.0)
        yield client
        client.close()


def chunked(to: Any, parts: Iterator[bytes], **headers: str) -> None:
    to.send_response(200)
    for key, value in {"Transfer-Encoding": "chunked", **headers}.items():
        to.send_header(key.replace("_", "-"), value)
    to.end_headers()
    for part in parts:
        to.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        to.wfile.flush()
    to.wfile.write(b"0\r\n\r\n")


def whole(to: Any, body: bytes, encoding: str) -> None:
    to.send_response(200)
    to.send_header("Content-Length", str(len(body)))
    to.send_header("Content-Encoding", encoding)
    to.end_headers()
    to.wfile.write(body)


def cut(body: bytes, size: int) -> Iterator[bytes]:
    yield from (body[at : at + size] for at in range(0, len(body), size))


_HELD = """
import sys
from runbook.clients.kubernetes import bodies, connect
from runbook.errors import ObservationError
bodies.LARGEST = int(sys.argv[2])
client = connect(kubeconfig=sys.argv[1], timeout=5.0)
client.discover()
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
before = peak()
try:
    print(len(client.list("Pod", as_served=sys.argv[3] == "True").items))
except ObservationError as error:
    print(error.why)
print(peak() - before)
"""


def held(folder: Path, largest: int, as_served: bool) -> tuple[str, int]:
    """What a list gave, or why not, and by how many kB it raised the peak of a process in which nothing was before it."""
    given = [sys.executable, "-c", _HELD, str(folder / "kubeconfig"), str(largest), str(as_served)]
    said = subprocess.run(given, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
    return said[0], int(said[1])


MANY = [pod(f"p{n}") for n in range(300)]
WORDY = json.dumps(page(*MANY)).encode()
NAMES = [f"p{n}" for n in range(300)]


def names(client: KubeClient, **options: Any) -> list[str]:
    return [o.metadata.name for o in client.list("Pod", **options).items]


@pytest.mark.parametrize("as_served", [False, True])
class TestSlowAndWordy:
    def test_64_kilobytes_a_second_is_slow_and_right_although_it_takes_longer_than_the_timeout(
        self, tmp_path: Path, as_served: bool
    ) -> None:
        body = json.dumps(page(*(pod(f"p{n}") for n in range(700)))).encode()

        def send(to: Any) -> None:
            to.send_response(200)
            to.send_header("Content-Length", str(len(body)))
            to.end_headers()
            for part in cut(body, 6_400):
                to.wfile.write(part)
                time.sleep(0.1)

        began = time.monotonic()
        with sending(tmp_path, send) as client:
            assert len(names(client, as_served=as_served)) == 700
        assert time.monotonic() - began > 1.0

    @pytest.mark.parametrize("size", [1, 4_096])
    def test_chunks_of_any_size_are_one_list(self, tmp_path: Path, as_served: bool, size: int) -> None:
        body = WORDY if size > 1 else json.dumps(page(pod("a"))).encode()
        with sending(tmp_path, lambda to: chunked(to, cut(body, size))) as client:
            assert names(client, as_served=as_served) == (NAMES if size > 1 else ["a"])

    def test_a_packed_list_in_chunks_is_unpacked(self, tmp_path: Path, as_served: bool) -> None:
        packed = gzip.compress(WORDY)
        with sending(tmp_path, lambda to: chunked(to, cut(packed, 512), Content_Encoding="gzip")) as client:
            assert names(client, as_served=as_served) == NAMES

    def test_silence_in_the_middle_is_no_list(self, tmp_path: Path, as_served: bool) -> None:
        def send(to: Any) -> None:
            to.send_response(200)
            to.send_header("Content-Length", str(len(WORDY)))
            to.end_headers()
            to.wfile.write(WORDY[:1000])
            to.wfile.flush()
            time.sleep(1.6)

        with sending(tmp_path, send) as client, pytest.raises(TimedOutError, match="pods in all namespaces"):
            client.list("Pod", as_served=as_served)

    def test_a_list_without_an_end_is_refused_before_it_fills_the_memory(
        self, tmp_path: Path, as_served: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bodies, "LARGEST", 8_000_000)
        item, sent = json.dumps(pod("x" * 60)).encode() + b",", [0]

        def endless() -> Iterator[bytes]:
            yield WORDY[:-2] + b","
            while True:  # a gigabyte and more
                sent[0] += 500 * len(item)
                yield item * 500

        refused = pytest.raises(MalformedError, match="larger than 8 MB: it was not kept")
        with sending(tmp_path, lambda to: chunked(to, endless())) as client:
            with refused:
                client.list("Pod", as_served=as_served)
            assert sent[0] < 40_000_000  # what the buffers between the two still took
            why, kilobytes = held(tmp_path, 8_000_000, as_served)
        assert "larger than 8 MB: it was not kept" in why
        assert kilobytes < 60_000

    def test_which_is_a_measure_that_shows_what_is_held(self, tmp_path: Path, as_served: bool) -> None:
        body = json.dumps(page(*(pod(f"p{n}", status={"unread": "x" * 60_000}) for n in range(500)))).encode()
        with sending(tmp_path, lambda to: chunked(to, cut(body, 1_000_000))):
            count, kilobytes = held(tmp_path, 256_000_000, as_served)
        assert count == "500"
        assert kilobytes > 30_000

    def test_nor_is_a_bomb_unpacked(self, tmp_path: Path, as_served: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bodies, "LARGEST", 8_000_000)
        bomb = gzip.compress(b" " * 64_000_000)
        refused = pytest.raises(MalformedError, match="larger than 8 MB")
        with sending(tmp_path, lambda to: chunked(to, cut(bomb, 4_096), Content_Encoding="gzip")) as client, refused:
            client.list("Pod", as_served=as_served)

    def test_nor_one_of_a_length_that_is_known(
        self, tmp_path: Path, as_served: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bodies, "LARGEST", 8_000_000)
        once = gzip.compress(b" " * 64_000_000)
        for bomb, encoding in ((once, "gzip"), (gzip.compress(once), "gzip, gzip")):
            refused = pytest.raises(MalformedError, match="larger than 8 MB")
            with sending(tmp_path, lambda to, b=bomb, e=encoding: whole(to, b, e)) as client, refused:
                client.list("Pod", as_served=as_served)


@pytest.mark.parametrize("as_served", [False, True])
class TestConfusedPages:
    def test_truncated_json_in_page_seven_is_an_error_and_not_six_pages(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        api.queue[PODS] = [ok(page(pod(f"p{n}"), token=str(n + 1), left=9 - n)) for n in range(6)]
        code, body, headers = ok(page(pod("p6"), token="7", left=1))
        api.queue[PODS].append((code, body[: len(body) // 2], headers))
        with pytest.raises(MalformedError, match="the list cannot be read"):
            client.list("Pod", as_served=as_served)
        assert api.times(PODS) == 7

    def test_pages_that_overlap_are_each_object_once_and_the_later_copy(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        api.queue[PODS] = [
            ok(page(pod("a", 1), pod("b", 1), token="1", left=2)),
            ok(page(pod("b", 2), pod("c", 1), token="2", left=1)),
            ok(page(pod("c", 3))),
        ]
        found = client.list("Pod", as_served=as_served)
        assert [(o.metadata.name, o.metadata.resource_version) for o in found.items] == [
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
        ]
        kept = [json.loads(raw)["metadata"]["resourceVersion"] for raw in found.raw]
        assert kept == (["1", "2", "3"] if as_served else [])

    def test_one_object_twice_in_a_page_is_one(self, api: FakeApi, client: KubeClient, as_served: bool) -> None:
        api.pods = [pod("a", 1), pod("b", 1), pod("a", 2)]
        assert names(client, as_served=as_served) == ["a", "b"]

    def test_the_same_name_in_two_namespaces_is_two_and_the_nameless_are_each_their_own(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        there = pod("a", metadata={"name": "a", "namespace": "other"})
        api.pods = [pod("a"), there, pod("", metadata={}), pod("", metadata={})]
        assert len(names(client, as_served=as_served)) == 4

    def test_a_token_that_expires_in_page_three_starts_again_and_the_stage_is_told(
        self, api: FakeApi, client: KubeClient, as_served: bool, tmp_path: Path
    ) -> None:
        api.pods, api.page, api.expire_tokens = [pod(f"p{n}") for n in range(5)], 2, 1
        inventory = Inventory.model_validate({"schema": "runbook/inventory/v1", "cluster": {"name": "here"}})
        if as_served:
            seen = observe(client, inventory, wants=["Pod"], base=tmp_path, now=utc_now)
            assert len(seen.snapshot.objects["Pod"]) == len(seen.raw["Pod"]) == 5
            assert seen.notes == (
                "the list of pods in all namespaces was begun again: 410 The provided continue parameter is too old",
            )
        else:
            assert names(client) == [f"p{n}" for n in range(5)]

    def test_a_status_in_place_of_a_later_page_is_no_end(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        api.queue[PODS] = [ok(page(pod("a"), token="1", left=1)), (200, status(500, "no")[1], {})]
        with pytest.raises(MalformedError, match="is a Status, not a list"):
            client.list("Pod", as_served=as_served)
