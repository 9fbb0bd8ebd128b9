"""A watch against a server that stalls, expires, closes, breaks and repeats itself: no change is lost, none is told twice."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from apiserver import PODS, FakeApi, Step, line, pod, status, until

from runbook.clients.kubernetes import KubeClient, WatchEvent, bodies, watching
from runbook.errors import MalformedError, UnreachableError

RESET: list[Step] = [0.1, None]  # what was sent before has arrived then
GONE = {"kind": "Status", "code": 410, "message": "too old resource version: 100 (200)"}


def watch(client: KubeClient, number: int, *, silence: float = 5.0, seconds: float = 10.0) -> list[WatchEvent]:
    """The first `number` events, or as many as come."""
    found: list[WatchEvent] = []
    for event in client.watch("Pod", "100", until=until(seconds), silence=silence):
        found.append(event)
        if len(found) >= number:
            break
    return found


def told(events: list[WatchEvent]) -> list[str]:
    """`name@version` of each change; a list anew with all that is in it."""
    return [
        named(e.object) if e.object is not None else f"list of {' '.join(named(o) for o in e.relisted.items)}"
        for e in events
        if e.object is not None or e.relisted is not None
    ]


def named(obj: Any) -> str:
    return f"{obj.metadata.name}@{obj.metadata.resource_version}"


def asked(api: FakeApi) -> list[str]:
    """The revision of each watch, in their order."""
    return [q["resourceVersion"] for _, q in api.asked if "watch" in q]


def bookmark(version: int) -> bytes:
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


class TestBrokenOff:
    @pytest.mark.parametrize("cut", [1, 20, -1], ids=["first byte", "middle", "only the line feed is missing"])
    @pytest.mark.parametrize("end", [[], RESET], ids=["closed", "reset"])
    def test_half_a_line_is_no_event_and_what_it_was_of_is_asked_for_again(
        self, api: FakeApi, client: KubeClient, cut: int, end: list[Step]
    ) -> None:
        second = line("MODIFIED", pod("b", 102))
        api.watches = [
            [line("ADDED", pod("a", 101)), second[:cut], *end],
            [line("ADDED", pod("a", 101)), second, line("ADDED", pod("c", 103))],
        ]
        assert told(watch(client, 3)) == ["a@101", "b@102", "c@103"]
        assert asked(api) == ["100", "100"]
        assert api.times(PODS) == 0

    def test_an_answer_that_ends_before_its_length_is_asked_for_again(self, api: FakeApi, client: KubeClient) -> None:
        api.cut_watches, api.watches = 1, [[line("ADDED", pod("a", 101))], [line("ADDED", pod("b", 102))]]
        assert told(watch(client, 2)) == ["a@101", "b@102"]
        assert api.times(PODS) == 0

    def test_one_that_breaks_off_twice_without_a_word_is_listed_anew(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.version = [pod("missed", 150)], "150"
        api.cut_watches, api.watches = 2, [[], [], [line("ADDED", pod("b", 151))]]
        assert told(watch(client, 2)) == ["list of missed@150", "b@151"]
        assert asked(api) == ["100", "100", "150"]

    def test_what_cannot_be_listed_anew_is_an_error(self, api: FakeApi, client: KubeClient) -> None:
        client.discover()
        client.transport._wire._port = 1  # where lists go; nothing listens there
        api.cut_watches, api.watches = 2, [[], []]
        with pytest.raises(UnreachableError):
            watch(client, 1)

    def test_what_ends_with_news_is_opened_again_at_once(
        self, api: FakeApi, client: KubeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching, "PAUSE", 40.0)
        api.watches = [[line("ADDED", pod(f"p{n}", 101 + n))] for n in range(8)]
        began = time.monotonic()
        assert len(watch(client, 8)) == 8
        assert time.monotonic() - began < 5.0

    def test_what_ends_without_news_is_not_asked_without_pause(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[] for _ in range(100)]
        watch(client, 1, seconds=1.0)
        assert 3 <= len(asked(api)) <= 7


class TestSplit:
    def test_an_event_may_be_split_at_any_byte(self, api: FakeApi, client: KubeClient) -> None:
        whole = json.dumps({"type": "ADDED", "object": pod("ä€𝄞", 101)}, ensure_ascii=False).encode() + b"\n"
        last = line("ADDED", pod("end", 102))
        for at in range(1, len(whole), 3):
            api.watches = [[whole[:at], 0.001, whole[at:] + last[:at], 0.001, last[at:]]]
            assert told(watch(client, 2)) == ["ä€𝄞@101", "end@102"]

    def test_many_events_in_one_piece_are_many(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[b"".join(line("ADDED", pod(f"p{n}", 101 + n)) for n in range(500))]]
        assert told(watch(client, 500)) == [f"p{n}@{101 + n}" for n in range(500)]

    @pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85", "\x7f"])
    def test_only_a_line_feed_ends_a_line(self, api: FakeApi, client: KubeClient, letter: str) -> None:
        """JSON allows these within a string, and text readers break lines at them."""
        event = {"type": "ADDED", "object": pod("a", 101, status={"message": f"one{letter}two"})}
        api.watches = [[json.dumps(event, ensure_ascii=False).encode() + b"\n"]]
        assert told(watch(client, 1)) == ["a@101"]

    def test_a_line_without_an_end_is_not_kept_for_ever(
        self, api: FakeApi, client: KubeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bodies, "LONGEST_LINE", 10_000)
        api.watches = [[b'{"type": "' + b"x" * 6_000, b"x" * 6_000, 5.0]]
        with pytest.raises(MalformedError, match="a line of more than 10,000 bytes"):
            watch(client, 1)


class TestSilent:
    def test_what_was_missed_in_a_stall_is_asked_for_first_and_not_listed(
        self, api: FakeApi, client: KubeClient
    ) -> None:
        api.watches = [[line("ADDED", pod("a", 101)), 20.0], [line("MODIFIED", pod("a", 102))]]
        assert told(watch(client, 2, silence=0.3)) == ["a@101", "a@102"]
        assert (asked(api), api.times(PODS)) == (["100", "100"], 0)

    def test_a_second_stall_in_a_row_is_listed_anew(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.version = [pod("missed", 150)], "150"
        api.watches = [[20.0], [20.0], [line("ADDED", pod("b", 151))]]
        assert told(watch(client, 2, silence=0.3)) == ["list of missed@150", "b@151"]

    def test_a_watch_is_long_as_long_as_there_is_news_and_short_after_a_silence(
        self, api: FakeApi, client: KubeClient
    ) -> None:
        """One that is closed in time by the server was quiet; only one that is not may have stalled."""
        api.watches = [[20.0], [line("ADDED", pod("a", 101))], [line("ADDED", pod("b", 102))]]
        watch(client, 2, silence=2.0)
        assert [q["timeoutSeconds"] for _, q in api.asked if "watch" in q] == [str(watching.LONGEST), "1", "300"]

    def test_bytes_of_any_kind_are_no_silence(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[bookmark(110), 0.25, bookmark(120), 0.25, bookmark(130), 0.25, line("ADDED", pod("a", 131))]]
        assert told(watch(client, 1, silence=0.5)) == ["a@131"]
        assert asked(api) == ["100"]


class TestExpired:
    def test_410_in_the_stream_after_news(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.version = [pod("a", 180), pod("b", 190)], "200"
        api.watches = [[line("ADDED", pod("a", 101)), line("ERROR", GONE)], [line("MODIFIED", pod("a", 201))]]
        assert told(watch(client, 3)) == ["a@101", "list of a@180 b@190", "a@201"]
        assert asked(api) == ["100", "200"]

    def test_410_as_the_answer_itself(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.version, api.refuse_watches = [pod("a", 180)], "200", 1
        api.watches = [[line("MODIFIED", pod("a", 201))]]
        assert told(watch(client, 2)) == ["list of a@180", "a@201"]
        assert asked(api) == ["100", "200"]

    def test_410_for_what_came_with_a_bookmark(self, api: FakeApi, client: KubeClient) -> None:
        """The list's revision counts then, and no longer the bookmark's."""
        api.version = "200"
        api.watches = [[bookmark(150), line("ERROR", GONE)], [], [line("ADDED", pod("b", 201))]]
        assert told(watch(client, 2)) == ["list of ", "b@201"]
        assert asked(api) == ["100", "200", "200"]

    def test_any_other_error_in_the_stream_is_listed_anew_too(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[line("ERROR", {"kind": "Status", "code": 500, "message": "etcd is away"})]]
        assert told(watch(client, 1)) == ["list of "]

    def test_a_server_too_busy_to_watch_is_listed_anew(self, api: FakeApi, client: KubeClient) -> None:
        api.refuse_watches, api.refusal = 1, status(503, "too many requests")
        assert told(watch(client, 1)) == ["list of "]


class TestRepeated:
    def test_what_was_told_before_is_not_told_again_in_an_older_version(self, api: FakeApi, client: KubeClient) -> None:
        """A watch that is resumed from an old revision repeats the whole way to now, and the past is no news."""
        way: list[Step] = [line("ADDED", pod("a", v)) for v in (101, 102, 103)]
        api.watches = [way, [*way, line("MODIFIED", pod("a", 104))]]
        assert told(watch(client, 4)) == ["a@101", "a@102", "a@103", "a@104"]

    def test_a_deletion_is_told_once_and_is_not_the_last_change(self, api: FakeApi, client: KubeClient) -> None:
        way: list[Step] = [line("MODIFIED", pod("a", 101)), line("DELETED", pod("a", 101))]
        api.watches = [way, [*way, line("ADDED", pod("b", 102))]]
        assert [(e.type, named(e.object)) for e in watch(client, 3)] == [
            ("MODIFIED", "a@101"),
            ("DELETED", "a@101"),
            ("ADDED", "b@102"),
        ]

    def test_one_that_was_made_anew_is_another(self, api: FakeApi, client: KubeClient) -> None:
        anew = pod("a", 103)
        anew["metadata"]["uid"] = "uid-anew"
        way: list[Step] = [line("ADDED", pod("a", 101)), line("DELETED", pod("a", 102)), line("ADDED", anew)]
        api.watches = [
            way,
            [*way, line("MODIFIED", {**anew, "metadata": {**anew["metadata"], "resourceVersion": "104"}})],
        ]
        assert told(watch(client, 4)) == ["a@101", "a@102", "a@103", "a@104"]

    def test_more_than_can_be_remembered_is_listed_anew(
        self, api: FakeApi, client: KubeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching, "REMEMBERED", 2)
        api.pods, api.version = [pod("a", 103)], "103"
        way: list[Step] = [line("ADDED", pod("a", v)) for v in (101, 102, 103)]
        api.watches = [way, [line("MODIFIED", pod("a", 104))]]
        assert told(watch(client, 5)) == ["a@101", "a@102", "a@103", "list of a@103", "a@104"]

    def test_a_bookmark_lets_go_of_what_came_before_it(
        self, api: FakeApi, client: KubeClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching, "REMEMBERED", 2)
        way: list[Step] = [
            line("ADDED", pod("a", 101)),
            line("ADDED", pod("a", 102)),
            bookmark(102),
            line("ADDED", pod("a", 103)),
        ]
        api.watches = [way, [line("ADDED", pod("a", 103)), line("MODIFIED", pod("a", 104))]]
        assert told(watch(client, 4)) == ["a@101", "a@102", "a@103", "a@104"]
        assert asked(api) == ["100", "102"]


class TestUnreadable:
    def test_one_object_that_does_not_decode_is_named_and_the_others_are_told(
        self, api: FakeApi, client: KubeClient
    ) -> None:
        broken = {**pod("b", 102), "spec": "none"}
        api.watches = [[line("ADDED", pod("a", 101)), line("MODIFIED", broken), line("ADDED", pod("c", 103))]]
        events = watch(client, 3)
        assert told(events) == ["a@101", "c@103"]
        (unreadable,) = [e.unreadable for e in events if e.unreadable is not None]
        assert (unreadable.ref.name, unreadable.uid) == ("b", pod("b", 102)["metadata"]["uid"])
        assert "expected `object`" in unreadable.why.lower()
        assert asked(api) == ["100"]

    @pytest.mark.parametrize("kind", ["MODIFIED", "BOOKMARK"])
    def test_one_without_metadata_ends_the_watch(self, api: FakeApi, client: KubeClient, kind: str) -> None:
        api.watches = [[line(kind, {"metadata": {"resourceVersion": 7}})]]
        with pytest.raises(MalformedError, match="Expected `str`"):
            watch(client, 1)
