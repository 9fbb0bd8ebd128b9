"""Waiting for answers by one list and one watch: gone, made anew, relisted after a gap; a watch that ends is no answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from acting_objects import NOW, ref, release, snapshot

from runbook.acting.awaiting import Request, answers
from runbook.clients.kubernetes import WatchEvent
from runbook.clients.kubernetes.listing import Listing
from runbook.domain.helm import HelmRelease
from runbook.domain.requests import Reply
from runbook.errors import ObservationError, UnreachableError

TOKEN = "2025-10-17T11:15:58.000000000Z-0f3a9c"
READY = {"status": {"lastHandledReconcileAt": TOKEN}}


def backend(*, uid: str = "u-backend", **more: Any) -> HelmRelease:
    raw = release("backend", "True", "InstallSucceeded", "installed", **more)
    raw["metadata"]["uid"] = uid
    (found,) = snapshot(HelmRelease=[raw]).seen(HelmRelease)
    return found


class Server:
    """Lists some releases, then tells of changes, then is silent, or fails."""

    def __init__(self, first: list[HelmRelease], *events: WatchEvent | ObservationError) -> None:
        self.first, self.events = first, events

    def list(self, _kind: str, **_rest: Any) -> Listing:
        return listing(*self.first)

    def watch(self, _kind: str, _version: str, *, until: Callable[[], bool], **_rest: Any) -> Iterator[WatchEvent]:
        for event in self.events:
            if isinstance(event, ObservationError):
                raise event
            yield event
        while not until():
            time.sleep(0.01)


def listing(*items: HelmRelease) -> Listing:
    return Listing("HelmRelease", items, (), "7")


def answer(server: Server, token: str = TOKEN, limit: float = 60.0) -> Reply:
    ticks = iter(range(100_000))
    request = Request(ref("backend"), "u-backend", token)
    client: Any = server
    found = answers(
        client,
        {request.object: request},
        limit=limit,
        now=lambda: NOW + timedelta(seconds=10 * next(ticks)),
        progress=lambda *_: None,
    )
    return found[request.object]


def test_an_answer_in_the_list_needs_no_watch() -> None:
    assert answer(Server([backend(**READY)])) == Reply("ready", "installed")


def test_an_answer_that_comes_by_watch() -> None:
    assert answer(Server([backend()], WatchEvent("MODIFIED", backend(**READY)))).word == "ready"


@pytest.mark.parametrize("token", [TOKEN, ""])
def test_one_that_was_made_anew_is_another_however_green(token: str) -> None:
    anew = backend(uid="u-anew", **READY)
    said = Reply("gone", "another object of that name took its place")
    assert answer(Server([anew]), token) == said
    assert answer(Server([backend(status={"observedGeneration": 0})], WatchEvent("ADDED", anew)), token) == said


@pytest.mark.parametrize(
    "server",
    [
        Server([]),
        Server([backend()], WatchEvent("DELETED", backend())),
        Server([backend()], WatchEvent("RELISTED", None, listing())),
    ],
    ids=["not listed", "deleted", "missing when it was listed anew"],
)
def test_one_that_was_deleted(server: Server) -> None:
    assert answer(server) == Reply("gone", "it was deleted")


def test_what_was_missed_while_the_api_was_away_is_in_the_new_list() -> None:
    assert answer(Server([backend()], WatchEvent("RELISTED", None, listing(backend(**READY))))).word == "ready"


def test_an_answer_stays_what_it_was() -> None:
    """A release that is ready and then gone within one wait was ready: its end is not written over."""
    server = Server([backend(**READY)], WatchEvent("DELETED", backend(**READY)))
    assert answer(server).word == "ready"


def test_without_an_answer_in_time_it_waits_still() -> None:
    assert answer(Server([backend()]), limit=0.0).word == "waiting"


def test_a_watch_that_cannot_be_had_is_an_error_and_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook.acting.awaiting.AWAY", 0.0)
    failed = UnreachableError("watch of HelmRelease", "refused")
    with pytest.raises(UnreachableError):
        answer(Server([backend()], failed))


def test_others_of_the_kind_are_not_spoken_of() -> None:
    (other,) = snapshot(HelmRelease=[release("frontend", "True", **READY)]).seen(HelmRelease)
    assert answer(Server([backend(), other]), limit=0.0).word == "waiting"
