"""Lists and watches against a server that misbehaves: what fails has a name, and is never an empty list."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from apiserver import PODS, FakeApi, kubeconfig, line, pod, status, until

from runbook.clients.kubernetes import KubeClient, WatchEvent, connect
from runbook.domain.pods import Pod
from runbook.errors import (
    DeniedError,
    MalformedError,
    MissingError,
    ObservationError,
    TimedOutError,
    UnreachableError,
)


def names(items: Any) -> list[str]:
    return [i.metadata.name for i in items]


class TestIdentity:
    def test_says_who_it_is(self, client: KubeClient) -> None:
        found = client.identify()
        assert (found.version, found.uid, found.user, found.ready) == ("v1.34.2", "the-uid", "u", True)

    def test_discovers_the_version_that_is_served(self, client: KubeClient) -> None:
        served = client.discover()
        assert served["HelmRelease"].version == "v2"
        assert "Kustomization" not in served
        with pytest.raises(MissingError, match=r"kustomizations.kustomize.toolkit.fluxcd.io in all namespaces: 404"):
            client.list("Kustomization")


class TestLists:
    def test_all_pages(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.page = [pod(f"p{i}") for i in range(7)], 3
        told: list[tuple[str, int, int]] = []
        found = client.list("Pod", progress=lambda *step: told.append(step), as_served=True)
        assert names(found.items) == [f"p{i}" for i in range(7)]
        assert len(found.raw) == 7
        assert found.resource_version == "100"
        assert told == [("Pod", 3, 7), ("Pod", 6, 7), ("Pod", 7, 7)]
        assert all(q["limit"] == "500" for p, q in api.asked if p == PODS)

    def test_an_empty_list_is_an_answer(self, client: KubeClient) -> None:
        assert client.list("Pod").items == ()

    @pytest.mark.parametrize(
        "broken",
        [{"spec": {"containers": "many"}}, {"status": {"containerStatuses": [{"restartCount": "often"}]}}],
    )
    @pytest.mark.parametrize("as_served", [True, False])
    def test_one_malformed_object_is_named_and_nothing_else_lost(
        self, api: FakeApi, client: KubeClient, broken: dict[str, Any], as_served: bool
    ) -> None:
        api.pods, api.page = [pod("a"), pod("bad", **broken), pod("c"), pod("d")], 3
        found = client.list("Pod", as_served=as_served)
        assert names(found.items) == ["a", "c", "d"]
        assert len(found.raw) == (3 if as_served else 0)
        ((ref, why),) = found.malformed
        assert str(ref) == "Pod/a/bad"
        assert "containers" in why or "restartCount" in why

    def test_an_expired_continue_token_starts_the_list_again_once(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.page, api.expire_tokens = [pod(f"p{i}") for i in range(4)], 2, 1
        found = client.list("Pod")
        assert names(found.items) == ["p0", "p1", "p2", "p3"]
        assert found.restarted == (
            "the list of pods in all namespaces was begun again: 410 The provided continue parameter is too old"
        )
        assert api.times(PODS) == 4
        api.expire_tokens = 2
        with pytest.raises(ObservationError, match="410"):
            client.list("Pod")


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "error", "words"),
        [
            (
                status(403, 'pods is forbidden: User "u" cannot list resource "pods"'),
                DeniedError,
                "403 pods is forbidd",
            ),
            (status(401, "Unauthorized"), DeniedError, "401"),
            (status(404, "not here"), MissingError, "404 not here"),
            (status(504, "too slow"), TimedOutError, "504"),
            (status(400, "no"), ObservationError, "400 no"),
            ((200, b"<html>hello</html>", {}), MalformedError, "cannot be read"),
            ((200, b'{"kind": "PodList", "items": 5}', {}), MalformedError, "cannot be read"),
            ((200, b'{"kind": "Status"}', {}), MalformedError, "is a Status, not a list"),
            ((200, b"{}", {}), MalformedError, "nameless"),
            ((200, b'{"kind": "PodList", "ite', {}), MalformedError, "cannot be read"),
            ((200, b"", {}), MalformedError, "cannot be read"),
            ((200, b"not gzip", {"Content-Encoding": "gzip"}), MalformedError, "cannot be decoded"),
            ((200, b"{}", {"X-Delay": "3"}), TimedOutError, "no answer within"),
        ],
    )
    def test_each_has_its_name_and_is_no_empty_list(
        self, api: FakeApi, client: KubeClient, answer: Any, error: type[ObservationError], words: str
    ) -> None:
        api.always[PODS] = answer
        with pytest.raises(error, match=words) as raised:
            client.list("Pod")
        assert raised.value.what == "pods in all namespaces"

    def test_a_server_that_is_gone(self, client: KubeClient, api: FakeApi, tmp_path: Path) -> None:
        made = connect(kubeconfig=str(kubeconfig(tmp_path, "https://127.0.0.1:1")), timeout=1.0)
        with pytest.raises(UnreachableError, match="refused"):
            made.list("Pod")
        made.close()

    def test_a_failure_on_a_later_page_is_not_half_a_list(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.page = [pod("a"), pod("b")], 1
        first = api.listed({})
        api.queue[PODS] = [first, status(403, "no more")]
        with pytest.raises(DeniedError, match="no more"):
            client.list("Pod")

    @pytest.mark.parametrize("code", [500, 503, 429])
    def test_passing_faults_are_tried_again(self, api: FakeApi, client: KubeClient, code: int) -> None:
        api.pods, api.queue[PODS] = [pod("a")], [status(code, "later"), status(code, "later")]
        assert names(client.list("Pod").items) == ["a"]
        assert api.times(PODS) == 3

    def test_lasting_faults_are_told(self, api: FakeApi, client: KubeClient) -> None:
        api.always[PODS] = status(500, "etcd is gone")
        with pytest.raises(ObservationError, match="500 etcd is gone"):
            client.list("Pod")
        assert api.times(PODS) == 3

    def test_retry_after_is_obeyed(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.queue[PODS] = [pod("a")], [(429, b"{}", {"Retry-After": "1"})]
        began = time.monotonic()
        assert names(client.list("Pod").items) == ["a"]
        assert time.monotonic() - began >= 1.0

    def test_a_denial_is_not_tried_again(self, api: FakeApi, client: KubeClient) -> None:
        api.always[PODS] = status(403, "no")
        with pytest.raises(DeniedError):
            client.list("Pod")
        assert api.times(PODS) == 1


def watch(client: KubeClient, number: int, *, silence: float = 5.0) -> list[WatchEvent]:
    """This many events of a watch from 100, or what came within five seconds."""
    found: list[WatchEvent] = []
    for event in client.watch("Pod", "100", until=until(5, lambda: len(found) >= number), silence=silence):
        found.append(event)
        if len(found) >= number:
            break
    return found


def told(events: list[WatchEvent]) -> list[tuple[str, str]]:
    return [(e.type, e.object.metadata.name if e.object else "") for e in events]


class TestWatches:
    def test_events_come_once(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [
            [
                line("ADDED", pod("a", 101)),
                line("ADDED", pod("a", 101)),
                line("MODIFIED", pod("a", 101)),
                line("MODIFIED", pod("a", 102)),
                line("DELETED", pod("a", 102)),
            ]
        ]
        assert told(watch(client, 3)) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]

    def test_resumes_from_a_bookmark_only(self, api: FakeApi, client: KubeClient) -> None:
        mark = {"metadata": {"resourceVersion": "150"}}
        api.watches = [
            [line("ADDED", pod("a", 900))],
            [line("BOOKMARK", mark), line("ADDED", pod("b", 901))],
            [line("ADDED", pod("b", 901)), line("ADDED", pod("c", 902))],
        ]
        assert told(watch(client, 3)) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]
        asked = [q["resourceVersion"] for _, q in api.asked if "watch" in q]
        assert asked == ["100", "100", "150"]

    def test_410_lists_anew(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.version = [pod("new")], "200"
        gone = {"kind": "Status", "code": 410, "message": "too old resource version"}
        api.watches = [[line("ERROR", gone)], [line("ADDED", pod("b", 201))]]
        relisted, added = watch(client, 2)
        assert (relisted.type, names(relisted.relisted.items if relisted.relisted else ())) == ("RELISTED", ["new"])
        assert added.object is not None
        assert [q["resourceVersion"] for _, q in api.asked if "watch" in q] == ["100", "200"]

    def test_410_as_the_answer_itself_lists_anew(self, api: FakeApi, client: KubeClient) -> None:
        # some servers refuse an old revision with the status code instead of an ERROR event
        api.pods, api.refuse_watches = [pod("new")], 1
        assert told(watch(client, 1)) == [("RELISTED", "")]

    def test_another_refusal_of_a_watch_is_an_error(self, api: FakeApi, client: KubeClient) -> None:
        api.refuse_watches, api.refusal = 1, status(403, "may not watch")
        with pytest.raises(DeniedError, match="may not watch"):
            watch(client, 1)

    def test_a_frozen_watch_is_listed_anew(self, api: FakeApi, client: KubeClient) -> None:
        api.pods, api.watches = [pod("missed")], [[20.0]]
        began = time.monotonic()
        (event,) = watch(client, 1, silence=0.5)
        assert time.monotonic() - began < 3
        assert event.type == "RELISTED"
        assert names(event.relisted.items if event.relisted else ()) == ["missed"]

    def test_a_frozen_watch_whose_list_fails_is_an_error(self, api: FakeApi, client: KubeClient) -> None:
        api.watches, api.always[PODS] = [[20.0]], status(403, "no longer")
        with pytest.raises(DeniedError, match="no longer"):
            watch(client, 1, silence=0.5)

    def test_garbage_in_a_watch_is_an_error(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[b"<html>\n"]]
        with pytest.raises(MalformedError, match="no watch event"):
            watch(client, 1)

    def test_a_malformed_object_in_a_watch_is_named(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[line("MODIFIED", pod("bad", 101, spec={"containers": "many"}))]]
        (event,) = watch(client, 1)
        assert event.object is None
        assert event.unreadable is not None
        assert str(event.unreadable.ref) == "Pod/a/bad"


@pytest.mark.parametrize("as_served", [False, True])
def test_what_pods_of_a_template_have_alike_is_held_once(api: FakeApi, client: KubeClient, as_served: bool) -> None:
    api.page, api.pods = 1, [pod(f"p{n}") for n in range(3)]
    for one in api.pods:
        one["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web", "uid": "u-web", "controller": True}]
    items = [item for item in client.list("Pod", as_served=as_served).items if isinstance(item, Pod)]
    assert len(items) == 3
    assert len({id(item.spec.containers) for item in items}) == 1
