"""Watches: resume, initial events, bookmarks, selectors, expiry, and clients that go away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import pytest
from api_server import MERGE, TABLE, Served, pod, seen, serving

PODS = "/api/v1/namespaces/ffl/pods"
INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


@pytest.fixture
def cluster() -> Iterator[Served]:
    with serving(bookmark_seconds=0.3) as served:
        yield served


def label(cluster: Served, name: str, **labels: str | None) -> None:
    status, body = cluster.ask("PATCH", f"{PODS}/{name}", {"metadata": {"labels": labels}}, content_type=MERGE)
    assert status == 200, body


def revision(cluster: Served) -> str:
    return cluster.get(f"{PODS}?limit=1")["metadata"]["resourceVersion"]


def test_a_watch_without_a_revision_begins_with_what_there_is(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    with cluster.watching(f"{PODS}?watch=1") as events:
        assert seen(next(events)) == ("ADDED", "a")
        cluster.post(PODS, pod("b"))
        assert seen(next(events)) == ("ADDED", "b")


def test_a_watch_resumes_after_a_revision_without_gap_or_repetition(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    rv = revision(cluster)
    label(cluster, "a", x="1")
    cluster.post("/api/v1/namespaces/triager/pods", pod("elsewhere"))
    label(cluster, "a", x="2")
    with cluster.watching(f"{PODS}?watch=true&resourceVersion={rv}") as events:
        first, second = islice(events, 2)
        label(cluster, "a", x="3")
        third = next(events)
    assert [event["object"]["metadata"]["labels"]["x"] for event in (first, second, third)] == ["1", "2", "3"]
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in (first, second, third)]
    assert revisions == sorted(set(revisions))


def test_a_deletion_carries_the_last_state_and_a_revision_of_its_own(cluster: Served) -> None:
    cluster.post(PODS, pod("a", labels={"app": "x"}))
    rv = revision(cluster)
    cluster.ask("DELETE", f"{PODS}/a")
    with cluster.watching(f"{PODS}?watch=1&resourceVersion={rv}") as events:
        gone = next(events)
    assert seen(gone) == ("DELETED", "a")
    assert gone["object"]["metadata"]["labels"] == {"app": "x"}
    assert int(gone["object"]["metadata"]["resourceVersion"]) > int(rv)


def test_an_object_that_enters_a_selector_is_added_and_one_that_leaves_it_deleted(cluster: Served) -> None:
    cluster.post(PODS, pod("a", labels={"app": "no"}))
    with cluster.watching(f"{PODS}?watch=1&labelSelector=app%3Dyes&resourceVersion={revision(cluster)}") as events:
        label(cluster, "a", other="1")  # outside before and after: not seen
        label(cluster, "a", app="yes")
        label(cluster, "a", other="2")
        label(cluster, "a", app="no")
        cluster.ask("DELETE", f"{PODS}/a")  # outside: not seen
        cluster.post(PODS, pod("b", labels={"app": "yes"}))
        got = [seen(event) for event in islice(events, 4)]
    assert got == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "b")]


def test_a_field_selector_holds_in_a_watch(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    status = {"status": {"phase": "Running"}}
    with cluster.watching(f"{PODS}?watch=1&fieldSelector=status.phase%3DRunning") as events:
        assert cluster.ask("PATCH", f"{PODS}/a/status", status, content_type=MERGE)[0] == 200
        assert seen(next(events)) == ("ADDED", "a")
        cluster.ask("PATCH", f"{PODS}/a/status", {"status": {"phase": "Failed"}}, content_type=MERGE)
        left = next(events)
    assert seen(left) == ("DELETED", "a")


def test_initial_events_end_with_a_marked_bookmark(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    cluster.post(PODS, pod("b"))
    with cluster.watching(f"{PODS}?watch=1&{INITIAL}") as events:
        got = list(islice(events, 3))
    assert [event["type"] for event in got] == ["ADDED", "ADDED", "BOOKMARK"]
    metadata = got[2]["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert metadata["resourceVersion"] == revision(cluster)


def test_bookmarks_carry_a_revision_that_resumes(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    path = f"{PODS}?watch=1&allowWatchBookmarks=true&resourceVersion={revision(cluster)}"
    with cluster.watching(path) as events:
        cluster.post("/api/v1/namespaces/triager/pods", pod("elsewhere"))
        mark = next(events)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["kind"] == "Pod"
    label(cluster, "a", x="1")
    rv = mark["object"]["metadata"]["resourceVersion"]
    with cluster.watching(f"{PODS}?watch=1&resourceVersion={rv}") as events:
        assert seen(next(events)) == ("MODIFIED", "a")


def test_a_watch_ends_when_its_time_is_over(cluster: Served) -> None:
    started = time.monotonic()
    with cluster.watching(f"{PODS}?watch=1&timeoutSeconds=1&resourceVersion={revision(cluster)}") as events:
        assert list(events) == []
    assert 0.5 < time.monotonic() - started < 5


def test_a_revision_that_the_log_no_longer_reaches_is_an_error_event_410() -> None:
    with serving(history=10) as served:
        served.post(PODS, pod("a"))
        rv = revision(served)
        for number in range(12):
            label(served, "a", x=str(number))
        with served.watching(f"{PODS}?watch=1&resourceVersion={rv}") as events:
            (error,) = events
        assert error["type"] == "ERROR"
        assert (error["object"]["code"], error["object"]["reason"]) == (410, "Expired")
        with served.watching(f"{PODS}?watch=1&resourceVersion={revision(served)}") as events:
            label(served, "a", x="again")
            assert seen(next(events)) == ("MODIFIED", "a")


def test_the_edge_of_the_log_is_exact() -> None:
    with serving(history=5) as served:
        store = served.store
        kind = store.kinds["v1", "pods"]
        for number in range(8):
            served.call(store.create, kind, "ffl", pod(f"p{number}"))
        last_reachable = store.rv - 5
        assert len(served.call(store.changes.since, kind, last_reachable)) == 5
        with served.watching(f"{PODS}?watch=1&resourceVersion={last_reachable - 1}") as events:
            assert next(events)["object"]["code"] == 410


@pytest.mark.parametrize("query", ["sendInitialEvents=true", "resourceVersionMatch=NotOlderThan", "resourceVersion=x"])
def test_a_malformed_watch_is_refused_before_it_streams(cluster: Served, query: str) -> None:
    status, body = cluster.ask("GET", f"{PODS}?watch=1&{query}")
    assert status in ((500,) if query == "resourceVersion=x" else (400, 422))
    assert body["kind"] == "Status"


def test_a_revision_of_the_future_is_an_error(cluster: Served) -> None:
    with cluster.watching(f"{PODS}?watch=1&resourceVersion=99999999") as events:
        (error,) = events
    assert error["object"]["code"] == 504


def test_a_watch_as_table_streams_rows(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    with cluster.watching(f"{PODS}?watch=1", accept=TABLE) as events:
        row = next(events)
    assert row["object"]["kind"] == "Table"
    assert row["object"]["rows"][0]["cells"][:3] == ["a", "0/1", "Pending"]


def test_one_object_can_be_watched_by_its_name(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    cluster.post(PODS, pod("b"))
    with cluster.watching(f"{PODS}/b?watch=1") as events:
        assert seen(next(events)) == ("ADDED", "b")
        label(cluster, "a", x="1")
        label(cluster, "b", x="1")
        assert seen(next(events)) == ("MODIFIED", "b")


def test_closed_watches_leave_nothing_behind(cluster: Served) -> None:
    kind = cluster.store.kinds["v1", "pods"]
    for _ in range(5):
        with cluster.watching(f"{PODS}?watch=1&{INITIAL}") as events:
            next(events)
            assert cluster.store.changes.subscriptions(kind) >= 1
    deadline = time.monotonic() + 5
    while cluster.store.changes.subscriptions(kind) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert cluster.store.changes.subscriptions(kind) == 0


def test_a_slow_reader_misses_nothing(cluster: Served) -> None:
    store = cluster.store
    made = cluster.post(PODS, pod("a"))
    path = f"{PODS}?watch=1&resourceVersion={made['metadata']['resourceVersion']}"

    def burst() -> None:
        for number in range(300):
            store.status(made, message=str(number))

    with cluster.watching(path) as events:
        cluster.call(burst)
        got = [event["object"]["status"]["message"] for event in islice(events, 300)]
    assert got == [str(number) for number in range(300)]
