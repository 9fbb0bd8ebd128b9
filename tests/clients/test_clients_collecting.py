"""The collector is off while a list is read or an explanation made, whoever else does so, and afterwards as it was before."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from apiserver import PODS, FakeApi

from runbook.clients.kubernetes import KubeClient, listing
from runbook.diagnosis import explanation
from runbook.domain.collecting import held_back
from runbook.model import Snapshot


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_it_is_on_again_afterwards_even_after_an_error() -> None:
    def fail() -> None:
        with held_back():
            assert not gc.isenabled()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert gc.isenabled()


def test_one_that_was_off_stays_off() -> None:
    gc.disable()
    with held_back():
        pass
    assert not gc.isenabled()


def test_the_last_of_several_threads_turns_it_on() -> None:
    inside, leave, found = threading.Barrier(3), threading.Event(), list[bool]()

    def hold() -> None:
        with held_back():
            inside.wait(5)
            leave.wait(5)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(5)
    with held_back():
        pass
    found.append(gc.isenabled())
    leave.set()
    for thread in threads:
        thread.join(5)
    assert [*found, gc.isenabled()] == [False, True]


def test_a_list_is_decoded_without_it(api: FakeApi, client: KubeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    real = listing._typed
    monkeypatch.setattr(listing, "_typed", lambda *given: (seen.append(gc.isenabled()), real(*given))[1])
    client.list("Pod")
    assert (seen, gc.isenabled(), api.times(PODS)) == ([False], True, 1)


def test_an_explanation_is_made_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    real = explanation._explain
    monkeypatch.setattr(explanation, "_explain", lambda *given: (seen.append(gc.isenabled()), real(*given))[1])
    explanation.explain(Snapshot(datetime(2025, 10, 17, tzinfo=UTC), "empty", {}))
    assert (seen, gc.isenabled()) == ([False], True)
