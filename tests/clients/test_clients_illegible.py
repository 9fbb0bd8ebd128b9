"""One object that cannot be read as JSON, in a list or a watch: it has a name or a place, and nothing else is lost by it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from apiserver import PODS, FakeApi, line, ok, pod, status, until

from runbook.clients.kubernetes import KubeClient
from runbook.clients.observe import observe
from runbook.errors import MalformedError, MissingError, ObservationError
from runbook.evidence import load_snapshot
from runbook.evidence.observations import store
from runbook.inventory.model import Inventory
from runbook.stage.identity import utc_now

INVENTORY = Inventory.model_validate({"schema": "runbook/inventory/v1", "cluster": {"name": "here"}})
DEEP = b"[" * 200_000 + b"]" * 200_000
REFUSED = ("byte", "name", "unread byte", "managed byte", "deep", "deep metadata", "half a pair", "half a pair unread")
NAMED = [name for name in REFUSED if name != "name"]


def spoiled(how: str) -> bytes:
    """The pod `a/bad`, which is no JSON that can be read."""
    made = json.dumps(
        pod("bad", 101, status={"phase": "Running", "unread": "U"})
        | {"metadata": {"managedFields": [{"m": "M"}], **pod("bad", 101)["metadata"]}}
    ).encode()
    return {
        "byte": made.replace(b"Running", b"Run\xffning"),
        "name": made.replace(b'"bad"', b'"b\xffad"'),
        "unread byte": made.replace(b'"U"', b'"\xff"'),
        "managed byte": made.replace(b'"M"', b'"\xff"'),
        "deep": made.replace(b'"U"', DEEP),
        "deep metadata": made.replace(b'"M"', DEEP),
        "half a pair": made.replace(b"Running", b"Run\\ud83dning"),
        "half a pair unread": made.replace(b'"U"', b'"\\ude00"'),
    }[how]


def served(*items: bytes, token: str = "", kind: str = "PodList") -> tuple[int, bytes, dict[str, str]]:
    head = json.dumps({"resourceVersion": "100", **({"continue": token} if token else {})}).encode()
    return 200, b'{"kind":"%b","metadata":%b,"items":[%b]}' % (kind.encode(), head, b",".join(items)), {}


def whole(name: str, version: int = 1) -> bytes:
    return json.dumps(pod(name, version)).encode()


@pytest.mark.parametrize("as_served", [False, True])
class TestLists:
    @pytest.mark.parametrize("how", REFUSED)
    def test_it_is_named_and_the_rest_is_there(
        self, api: FakeApi, client: KubeClient, how: str, as_served: bool
    ) -> None:
        api.queue[PODS] = [served(whole("a"), spoiled(how), whole("c"), token="1"), served(whole("d"))]
        found = client.list("Pod", as_served=as_served)
        assert [o.metadata.name for o in found.items] == ["a", "c", "d"]
        ((ref, why),) = found.malformed
        assert str(ref) == ("Pod/a/b\N{REPLACEMENT CHARACTER}ad" if how == "name" else "Pod/a/bad")
        assert any(words in why for words in ("UTF-8", "nested deeper than 100 levels", "surrogate"))
        assert [json.loads(raw)["metadata"]["name"] for raw in found.raw] == (["a", "c", "d"] if as_served else [])

    def test_one_without_a_name_is_told_by_its_place(self, api: FakeApi, client: KubeClient, as_served: bool) -> None:
        odd = (b"5", b'{"metadata": {"labels": 5}}', b'"\xff"')
        api.queue[PODS] = [served(whole("a"), token="1"), served(whole("b"), *odd)]
        found = client.list("Pod", as_served=as_served)
        assert [o.metadata.name for o in found.items] == ["a", "b"]
        assert [ref.name for ref, _ in found.malformed] == [
            "(unreadable, item 2 of page 2)",
            "(unnamed, item 3 of page 2)",
            "(unreadable, item 4 of page 2)",
        ]

    def test_one_that_comes_twice_is_named_once(self, api: FakeApi, client: KubeClient, as_served: bool) -> None:
        api.queue[PODS] = [served(spoiled("byte"), token="1"), served(spoiled("deep"), whole("z"))]
        ((ref, _),) = client.list("Pod", as_served=as_served).malformed
        assert str(ref) == "Pod/a/bad"

    @pytest.mark.parametrize("good_first", [False, True])
    def test_nor_is_it_malformed_where_a_good_copy_was_read(
        self, api: FakeApi, client: KubeClient, as_served: bool, good_first: bool
    ) -> None:
        pages = [whole("bad", 2), spoiled("byte")] if good_first else [spoiled("byte"), whole("bad", 2)]
        api.queue[PODS] = [served(pages[0], token="1"), served(pages[1])]
        found = client.list("Pod", as_served=as_served)
        assert [o.metadata.name for o in found.items] == ["bad"]
        assert found.malformed == ()

    def test_a_page_that_is_broken_between_its_objects_is_no_list(
        self, api: FakeApi, client: KubeClient, as_served: bool
    ) -> None:
        code, body, headers = served(whole("a"), spoiled("deep"))
        for broken in (body[:-3], body.replace(b'"items":[', b'"items":[,'), b"[" * 300_000):
            api.queue[PODS] = [(code, broken, dict(headers))]
            with pytest.raises(MalformedError, match="the list cannot be read"):
                client.list("Pod", as_served=as_served)


class TestKept:
    @pytest.mark.parametrize("how", REFUSED)
    def test_what_is_malformed_is_stored_as_such_and_read_back(
        self, api: FakeApi, client: KubeClient, tmp_path: Path, how: str
    ) -> None:
        api.queue[PODS] = [served(whole("a"), spoiled(how), whole("c"))]
        seen = observe(client, INVENTORY, wants=["Pod"], base=tmp_path, now=utc_now)
        store(tmp_path / "run" / "observations", seen)
        snapshot = load_snapshot(tmp_path / "run")
        assert [o.metadata.name for o in snapshot.objects["Pod"]] == ["a", "c"]
        assert [ref.kind for ref, _ in snapshot.malformed] == ["Pod"]

    def test_managed_fields_are_left_out_at_once_and_nothing_else(self, api: FakeApi, client: KubeClient) -> None:
        heavy = {"managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}], **pod("a")["metadata"]}
        api.pods = [
            pod("a", metadata=heavy, status={"unread": 1}),
            pod("b", spec={"managedFields": 1, "containers": []}),
        ]
        both = {"spec": {"managedFields": [1], "containers": []}, "metadata": {**heavy, "name": "c"}}
        api.pods.append(both)
        a, b, c = (json.loads(raw) for raw in client.list("Pod", as_served=True).raw)
        assert c == both
        assert a == pod("a", status={"unread": 1}, metadata={**pod("a")["metadata"], "managedFields": []})
        assert b == pod("b", spec={"managedFields": 1, "containers": []})

    @pytest.mark.parametrize("unread", [json.loads("[" * 101 + "]" * 101), float("inf")])
    def test_what_could_not_be_read_back_whole_is_malformed(
        self, api: FakeApi, client: KubeClient, unread: Any
    ) -> None:
        api.queue[PODS] = [
            served(whole("a"), json.dumps(pod("b", unread=unread)).replace("Infinity", "1e999").encode())
        ]
        ((ref, why),) = client.list("Pod", as_served=True).malformed
        assert str(ref) == "Pod/a/b"
        assert "deeper than 100" in why or "out of range" in why


class TestWatches:
    @pytest.mark.parametrize("how", REFUSED)
    def test_it_is_named_and_the_watch_goes_on(self, api: FakeApi, client: KubeClient, how: str) -> None:
        api.watches = [[line("ADDED", pod("a", 100)), b'{"type":"MODIFIED","object":%b}\n' % spoiled(how), line("ADDED", pod("c", 102))]]  # fmt: skip
        events = []
        for event in client.watch("Pod", "99", until=until(6), silence=2.0):
            events.append(event)
            if len(events) == 3:
                break
        assert [e.object.metadata.name if e.object else "" for e in events] == ["a", "", "c"]
        unreadable = events[1].unreadable
        assert unreadable is not None
        assert str(unreadable.ref) == ("Pod/a/b\N{REPLACEMENT CHARACTER}ad" if how == "name" else "Pod/a/bad")
        assert unreadable.uid.startswith("uid-b")
        assert api.times(PODS) == 0


ONE = f"{PODS.replace('pods', 'namespaces/a/pods')}/bad"


class TestSingleObjects:
    @pytest.mark.parametrize("how", NAMED)
    def test_one_that_cannot_be_read_is_an_error_with_a_name(self, api: FakeApi, client: KubeClient, how: str) -> None:
        api.always[ONE] = (200, spoiled(how), {})
        with pytest.raises(MalformedError, match=r"Pod/a/bad: the answer cannot be read"):
            client.get("Pod", "a", "bad")

    @pytest.mark.parametrize("body", [b"<html>", b"[]", b"5", b""])
    def test_nor_is_what_is_no_object(self, api: FakeApi, client: KubeClient, body: bytes) -> None:
        api.always[ONE] = (200, body, {})
        api.always["/api/v1/namespaces/a/events"] = (200, body, {})
        for ask in (lambda: client.get("Pod", "a", "bad"), lambda: client.events_of("a", "uid-bad")):
            with pytest.raises(MalformedError, match="the answer cannot be read"):
                ask()


@pytest.mark.parametrize("body", [b'{"message": "\xff"}', b'{"message": ' + DEEP + b"}", b'{"message": "\\ud83d"}'])
@pytest.mark.parametrize(("code", "error"), [(404, MissingError), (400, ObservationError)])
def test_a_refusal_that_cannot_be_read_is_still_one(
    api: FakeApi, client: KubeClient, body: bytes, code: int, error: type[ObservationError]
) -> None:
    api.always[PODS] = (code, body, {})
    with pytest.raises(error, match=f"pods in all namespaces: {code}"):
        client.list("Pod")


@pytest.mark.parametrize("path", ["/apis", "/apis/apps/v1"])
@pytest.mark.parametrize("body", [b'{"groups": "\xff"}', DEEP])
def test_discovery_that_cannot_be_read_is_an_error_with_a_name(
    api: FakeApi, client: KubeClient, path: str, body: bytes
) -> None:
    api.always[path] = (200, body, {})
    with (
        pytest.raises(MalformedError, match="API discovery")
        if body is DEEP or path == "/apis"
        else pytest.raises(MissingError)
    ):
        client.list("Deployment")


def test_a_packed_refusal_and_a_packed_list_are_read(api: FakeApi, client: KubeClient) -> None:
    code, body, _ = status(403, "no")
    api.queue[PODS] = [
        (code, gzip.compress(body), {"Content-Encoding": "gzip"}),
        ok({"kind": "PodList", "items": None}),
    ]
    with pytest.raises(ObservationError, match="403 no"):
        client.list("Pod")
    assert client.list("Pod").items == ()
