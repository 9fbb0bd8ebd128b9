"""Lists that go round in circles, drip or do not stop, answers that are another list: an error with a name, in bounded memory."""

from __future__ import annotations

import gzip
import json
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apiserver import PODS, FakeApi, ok, pod, status
from test_clients_bad_lists import chunked, cut, page, sending

from runbook.clients.kubernetes import KubeClient, bodies, listing
from runbook.clients.kubernetes.bodies import TooSlowError, paced
from runbook.errors import MalformedError, ObservationError, TimedOutError

BOTH = pytest.mark.parametrize("as_served", [False, True])


class Clock:
    """Time passes only while something is waited for."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pieces(self, size: int, seconds: float, times: int) -> Iterator[bytes]:
        for _ in range(times):
            self.now += seconds
            yield b"x" * size


class TestPace:
    def test_a_list_of_100_mb_at_64_kilobytes_a_second_is_waited_for(self) -> None:
        clock = Clock()
        assert sum(map(len, paced(clock.pieces(64_000, 1.0, 1_600), clock))) == 102_400_000
        assert clock.now > 1_000

    def test_nor_is_a_silence_too_slow_that_a_burst_follows(self) -> None:
        clock = Clock()
        assert sum(map(len, paced(clock.pieces(960_000, 14.0, 50), clock))) == 48_000_000

    @pytest.mark.parametrize(("size", "seconds"), [(1, 1.0), (1, 14.0), (4_000, 1.0), (100_000, 14.9)])
    def test_a_drip_has_an_end(self, size: int, seconds: float) -> None:
        clock = Clock()
        with pytest.raises(TooSlowError, match=r"too slowly: [\d,]+ bytes in \d\d s"):
            list(paced(clock.pieces(size, seconds, 10_000), clock))
        assert clock.now <= 2 * bodies.SPELL

    def test_one_that_began_well_has_an_end_too(self) -> None:
        clock = Clock()
        pieces = (p for part in (clock.pieces(64_000, 1.0, 100), clock.pieces(1, 1.0, 1_000)) for p in part)
        with pytest.raises(TooSlowError):
            list(paced(pieces, clock))
        assert clock.now < 200

    def test_what_the_reader_needs_for_it_is_no_waiting(self) -> None:
        clock = Clock()
        for _ in paced(clock.pieces(10, 0.0, 100), clock):
            clock.now += 60.0


@BOTH
@pytest.mark.parametrize("packed", [False, True])
def test_a_list_that_drips_is_an_error_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_served: bool, packed: bool
) -> None:
    monkeypatch.setattr(bodies, "SPELL", 0.05)
    body = json.dumps(page(*(pod(f"p{n}") for n in range(50)))).encode()
    sent, headers = (gzip.compress(body), {"Content_Encoding": "gzip"}) if packed else (body, {})

    def dripping() -> Iterator[bytes]:
        for part in cut(sent, 1):
            time.sleep(0.02)
            yield part

    slow = pytest.raises(TimedOutError, match=r"pods in all namespaces: the answer comes too slowly")
    with sending(tmp_path, lambda to: chunked(to, dripping(), **headers)) as client, slow:
        client.list("Pod", as_served=as_served)


def test_a_log_that_drips_is_one_too(api: FakeApi, client: KubeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SPELL", 0.0)
    monkeypatch.setattr(bodies, "SLOWEST", 10**12)
    api.always["/api/v1/namespaces/a/pods/p/log"] = (200, b"one\ntwo\n", {})
    with pytest.raises(TimedOutError, match=r"log of pod a/p: the answer comes too slowly"):
        list(client.logs("a", "p"))


@BOTH
class TestCircles:
    @pytest.mark.parametrize("length", [1, 2, 7])
    def test_a_token_that_comes_again_is_no_end(
        self, api: FakeApi, client: KubeClient, as_served: bool, length: int
    ) -> None:
        circle = [ok(page(pod(f"p{n}"), token=str(n % length + 1), left=9)) for n in range(100)]
        api.queue[PODS] = circle
        with pytest.raises(MalformedError, match="it has no end"):
            client.list("Pod", as_served=as_served)
        assert api.times(PODS) == length + 1

    def test_a_server_that_always_has_one_page_more_is_not_believed(
        self, api: FakeApi, client: KubeClient, as_served: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "MOST_PAGES", 20)
        api.queue[PODS] = [ok(page(token=str(n + 1), left=1)) for n in range(100)]
        with pytest.raises(MalformedError, match="more than 20 pages: it has no end"):
            client.list("Pod", as_served=as_served)
        assert api.times(PODS) == 21

    def test_pages_that_are_too_many_bytes_are_not_kept_and_what_to_do_is_said(
        self, api: FakeApi, client: KubeClient, as_served: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "LARGEST", 20_000)
        api.pods, api.page = [pod(f"p{n}") for n in range(1_000)], 10
        with pytest.raises(MalformedError, match=r"pods in all namespaces: the list is larger than 0 MB.*--from"):
            client.list("Pod", as_served=as_served)
        assert api.times(PODS) < 15

    def test_what_is_kept_beside_has_a_bound_of_its_own(
        self, api: FakeApi, client: KubeClient, as_served: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "LARGEST_KEPT", 50_000)
        api.pods = [pod(f"p{n}", status={"unread": "x" * 100}) for n in range(300)]
        if not as_served:
            assert len(client.list("Pod").items) == 300
            return
        with pytest.raises(MalformedError, match="it was not kept"):
            client.list("Pod", as_served=True)
        managed = {"managedFields": [{"fieldsV1": {"f": "x" * 1_000}}]}
        api.pods = [{"metadata": {"name": f"p{n}", **managed}, "spec": {"containers": []}} for n in range(300)]
        assert len(client.list("Pod", as_served=True).raw) == 300


def test_the_bounds_let_a_large_cluster_through_and_no_more() -> None:
    pods = 50_000 * 8_000  # bytes of the pods of a large cluster
    assert pods <= listing.LARGEST_KEPT <= listing.LARGEST <= 3 * pods
    assert 500 * 8_000 * 25 <= bodies.LARGEST <= 500_000_000  # a server that knows no pages sends 100 MB at once
    assert 1_500_000 < bodies.LONGEST_LINE <= 100_000_000  # the largest object of etcd is a line of a watch
    assert 2_000 <= listing.MOST_PAGES * listing.PAGE / 500 <= 100_000
    assert 1_000 <= bodies.SLOWEST <= 64_000 / 4
    assert bodies.SPELL >= 20.0  # longer than the silence that is allowed within it


@BOTH
class TestOtherLists:
    @pytest.mark.parametrize("kind", ["DeploymentList", "List", "PodTemplateList", "PartialObjectMetadataList"])
    def test_a_list_of_something_else_is_not_read_as_pods(
        self, api: FakeApi, client: KubeClient, as_served: bool, kind: str
    ) -> None:
        api.always[PODS] = ok({**page(pod("a")), "kind": kind})
        with pytest.raises(MalformedError, match=f"the answer is a {kind}, not a PodList"):
            client.list("Pod", as_served=as_served)

    def test_nor_is_a_table(self, api: FakeApi, client: KubeClient, as_served: bool) -> None:
        api.always[PODS] = ok({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": []})
        with pytest.raises(MalformedError, match="is a Table, not a list"):
            client.list("Pod", as_served=as_served)

    def test_a_list_without_items_is_not_empty_and_one_of_null_is(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        head = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}}
        api.always[PODS] = ok(head)
        with pytest.raises(MalformedError, match="a PodList without items"):
            client.list("Pod", as_served=as_served)
        nothing: tuple[Any, ...] = (None, [])
        for empty in nothing:
            api.always[PODS] = ok({**head, "items": empty})
            assert client.list("Pod", as_served=as_served).items == ()

    def test_fewer_objects_than_were_announced_are_said_and_no_error(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        api.queue[PODS] = [ok(page(pod("a"), token="1", left=4)), ok(page(pod("b"), token="2", left=3)), ok(page())]
        found = client.list("Pod", as_served=as_served)
        assert [o.metadata.name for o in found.items] == ["a", "b"]
        said = "the list of pods in all namespaces may lack objects: 3 more were announced, 0 came"
        assert found.notes == (said,)

    @pytest.mark.parametrize("left", [0, 1, 2])
    def test_as_many_or_more_are_nothing_to_say(
        self, api: FakeApi, client: KubeClient, as_served: bool, left: int
    ) -> None:
        api.queue[PODS] = [ok(page(pod("a"), token="1", left=left)), ok(page(pod("b"), {"metadata": 5}))]
        found = client.list("Pod", as_served=as_served)
        assert (found.notes, len(found.malformed)) == ((), 1)


@BOTH
class TestBegunAgain:
    def test_a_second_expiry_says_that_it_had_been_begun_again(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        api.pods, api.page, api.expire_tokens = [pod(f"p{n}") for n in range(5)], 2, 2
        with pytest.raises(ObservationError, match=r"too old, also after the list had been begun again") as error:
            client.list("Pod", as_served=as_served)
        assert error.value.why.startswith("410")

    def test_another_error_the_second_time_is_that_error(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        api.queue[PODS] = [status(410, "too old"), status(403, "no longer")]
        with pytest.raises(ObservationError, match="403 no longer"):
            client.list("Pod", as_served=as_served)

    def test_the_pages_of_the_first_try_are_let_go_first(
        self, api: FakeApi, client: KubeClient, as_served: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[weakref.ref[Any]] = []
        alive: list[int] = []

        class Gathered(listing._Gathered):
            def __init__(self, *given: Any) -> None:
                alive.append(sum(ref() is not None for ref in made))
                super().__init__(*given)
                made.append(weakref.ref(self))

        monkeypatch.setattr(listing, "_Gathered", Gathered)
        api.pods, api.page, api.expire_tokens = [pod(f"p{n}") for n in range(5)], 2, 1
        assert client.list("Pod", as_served=as_served).restarted
        assert alive == [0, 0]


def test_lists_are_asked_for_packed_and_by_a_client_for_whom_nothing_is_spread_over_lines(tmp_path: Path) -> None:
    """A real API server indents JSON for curl, wget and browsers, and packs only what is asked for so."""
    heads: list[dict[str, str]] = []

    def send(to: Any) -> None:
        heads.append(dict(to.headers))
        chunked(to, iter([json.dumps(page()).encode()]))

    with sending(tmp_path, send) as client:
        client.list("Pod")
    (head,) = heads
    assert head["Accept-Encoding"] == "gzip"
    assert head["Accept"] == "application/json"
    assert head["User-Agent"].startswith("runbook")
