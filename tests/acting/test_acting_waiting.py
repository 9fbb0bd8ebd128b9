"""Waiting for 300 releases while the server stalls, forgets, closes, breaks off and goes away: every end is noticed, none is made up."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from acting_objects import ref
from test_acting_answers import READY, backend
from test_acting_answers import TOKEN as ASKED

from benchmarks.changing import FAULTS, Changing, serve
from benchmarks.releases import REQUEST
from runbook.acting import awaiting
from runbook.acting.awaiting import Request, answers
from runbook.clients.kubernetes import KubeClient, Listing, WatchEvent, connect
from runbook.clients.kubernetes.watching import Unreadable
from runbook.domain.requests import Reply
from runbook.errors import DeniedError, UnreachableError
from runbook.model import ObjectRef

RELEASES = 300


@contextmanager
def serving(changing: Changing) -> Iterator[str]:
    """The server in a loop of its own; its address."""
    held: dict[str, Any] = {}
    started = threading.Event()

    def told(port: int) -> None:
        held["port"], held["task"], held["loop"] = port, asyncio.current_task(), asyncio.get_running_loop()
        started.set()

    async def run() -> None:
        try:
            await serve(changing, told)
        except asyncio.CancelledError:
            return

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield f"http://127.0.0.1:{held['port']}"
    finally:
        held["loop"].call_soon_threadsafe(held["task"].cancel)
        thread.join(10)


@contextmanager
def connected(folder: Path, address: str) -> Iterator[KubeClient]:
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {}}],
            "clusters": [{"name": "c", "cluster": {"server": address}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        })
    )  # fmt: skip
    client = connect(kubeconfig=str(path))
    try:
        yield client
    finally:
        client.close()


def requests(count: int) -> dict[ObjectRef, Request]:
    refs = [ObjectRef("HelmRelease", f"team-{n % 20}", f"app-{n:04}") for n in range(count)]
    return {r: Request(r, f"uid-{n}", REQUEST) for n, r in enumerate(refs)}


def wait(
    client: KubeClient,
    wanted: dict[ObjectRef, Request],
    *,
    limit: float = 30.0,
    known: Any = None,
    silence: float = 0.5,
) -> Any:
    told: list[float] = [] if known is None else known

    def progress(done: int, _total: int, _what: str) -> None:
        told.extend([time.monotonic()] * (done - len(told)))

    return answers(client, wanted, limit=limit, now=lambda: datetime.now(UTC), progress=progress, silence=silence)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_end_is_noticed_and_none_before_it_came(fault: str, tmp_path: Path) -> None:
    """Among them releases that fail, and some that look ready and have not handled the request."""
    changing, known = Changing(RELEASES, gap=0.002, fault=fault, traps=True), list[float]()
    with serving(changing) as address, connected(tmp_path, address) as client:
        found = wait(client, requests(RELEASES), known=known)
    words = {"True": "ready", "False": "failed"}
    assert {r.name: a.word for r, a in found.items()} == {n: words[ready] for n, ready in changing.ends.items()}
    assert changing.asked["watch"] > 1 or fault == "split"
    assert len(known) == len(changing.sent) == RELEASES
    assert all(told >= sent for told, sent in zip(known, changing.sent.values(), strict=True))


def test_one_list_and_one_watch_when_nothing_is_wrong(tmp_path: Path) -> None:
    changing = Changing(RELEASES, gap=0.002)
    with serving(changing) as address, connected(tmp_path, address) as client:
        wait(client, requests(RELEASES), silence=20.0)
    assert (changing.asked["list"], changing.asked["watch"], changing.asked["get"]) == (1, 1, 0)


class Server:
    """Lists what it is given, one list after another, the last for ever; a watch brings its script's events or error."""

    def __init__(self, lists: list[Listing | Exception], *watches: list[WatchEvent | Exception]) -> None:
        self.lists, self.watches = lists, list(watches)
        self.listed = 0

    def list(self, _kind: str, **_rest: Any) -> Listing:
        self.listed += 1
        found = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(found, Exception):
            raise found
        return found

    def watch(self, _kind: str, _version: str, *, until: Any, **_rest: Any) -> Iterator[WatchEvent]:
        for step in self.watches.pop(0) if self.watches else []:
            if isinstance(step, Exception):
                raise step
            yield step
        while not until():
            time.sleep(0.01)


def listing(*items: Any, malformed: tuple[tuple[ObjectRef, str], ...] = ()) -> Listing:
    return Listing("HelmRelease", items, (), "7", malformed)


def asked(server: Server, *, limit: float = 5.0) -> Reply:
    client: Any = server
    request = Request(ref("backend"), "u-backend", ASKED)
    return wait(client, {request.object: request}, limit=limit)[request.object]


class TestAway:
    @pytest.fixture(autouse=True)
    def hasty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(awaiting, "RETRY", 0.02)
        monkeypatch.setattr(awaiting, "AWAY", 0.3)

    def test_what_came_while_the_server_was_away_is_in_the_list_when_it_is_back(self) -> None:
        gone = UnreachableError("watch of HelmRelease", "refused")
        server = Server([listing(backend()), gone, gone, listing(backend(**READY))], [gone])
        assert asked(server).word == "ready"
        assert server.listed == 4

    def test_one_that_stays_away_is_an_error_and_no_answer(self) -> None:
        gone = UnreachableError("watch of HelmRelease", "refused")
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            asked(Server([listing(backend()), gone], [gone]))
        assert 0.3 <= time.monotonic() - began < 2.0

    def test_a_second_absence_is_counted_anew(self) -> None:
        gone = UnreachableError("watch of HelmRelease", "refused")
        waiting, ready = WatchEvent("MODIFIED", backend()), WatchEvent("MODIFIED", backend(**READY))
        absences: list[list[WatchEvent | Exception]] = [[waiting, gone] for _ in range(30)]
        assert asked(Server([listing(backend())], *absences, [ready])).word == "ready"

    def test_a_refusal_is_no_absence(self) -> None:
        server = Server([listing(backend())], [DeniedError("watch of HelmRelease", "403")])
        with pytest.raises(DeniedError):
            asked(server)
        assert server.listed == 1


class TestOfWhom:
    def test_what_cannot_be_read_was_not_deleted(self) -> None:
        server = Server([listing(malformed=((ref("backend"), "expected `str`"),))])
        found = asked(server, limit=0.5)
        assert (found.word, "cannot be read: expected `str`" in found.said) == ("waiting", True)

    @pytest.mark.parametrize("name", ["backend", "frontend"])
    def test_one_that_cannot_be_read_does_not_end_the_waiting(self, name: str) -> None:
        broken = WatchEvent("MODIFIED", None, unreadable=Unreadable(ref(name), f"u-{name}", "expected `str`"))
        server = Server([listing(backend())], [broken, WatchEvent("MODIFIED", backend(**READY))])
        assert asked(server).word == "ready"

    def test_an_answer_that_cannot_be_read_is_no_answer(self) -> None:
        broken = WatchEvent("MODIFIED", None, unreadable=Unreadable(ref("backend"), "u-backend", "expected `str`"))
        found = asked(Server([listing(backend())], [broken]), limit=0.5)
        assert (found.word, found.said) == ("waiting", "what the server says of it cannot be read: expected `str`")

    @pytest.mark.parametrize(("uid", "word"), [("u-backend", "gone"), ("u-before", "waiting")])
    def test_one_that_cannot_be_read_is_gone_when_it_is_the_same(self, uid: str, word: str) -> None:
        broken = WatchEvent("DELETED", None, unreadable=Unreadable(ref("backend"), uid, "expected `str`"))
        assert asked(Server([listing(backend())], [broken]), limit=0.5).word == word

    def test_a_deletion_of_its_predecessor_is_not_its_own(self) -> None:
        before = WatchEvent("DELETED", backend(uid="u-before"))
        assert asked(Server([listing(backend())], [before]), limit=0.5).word == "waiting"

    def test_a_successor_does_not_take_the_answer_back(self) -> None:
        ends = [WatchEvent("MODIFIED", backend(**READY)), WatchEvent("ADDED", backend(uid="u-anew"))]
        assert asked(Server([listing(backend())], [*ends])).word == "ready"

    def test_told_twice_is_told_once(self) -> None:
        ready = listing(backend(**READY))
        events: list[WatchEvent | Exception] = [
            WatchEvent("RELISTED", None, ready),
            WatchEvent("MODIFIED", backend()),
            WatchEvent("MODIFIED", backend(**READY)),
        ]
        assert asked(Server([listing(backend())], events)).word == "ready"
