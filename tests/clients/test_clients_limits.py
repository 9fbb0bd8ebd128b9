"""Where a read client could be led astray: Secrets served whole, endless lists, a silent group, watches that break, odd credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from apiserver import PODS, TOKEN, FakeApi, certificate, kubeconfig, line, ok, pod, status, until

from runbook.clients.kubernetes import KubeClient, connect, transport
from runbook.errors import ClusterIdentityError, KubeconfigError, MalformedError, ObservationError, TimedOutError
from runbook.inventory.model import SealedSecrets

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SECRETS = "/api/v1/namespaces/a/secrets"
HIDDEN = "c2VjcmV0LXZhbHVl"


class TestSecrets:
    @pytest.mark.parametrize("metadata_only", [True, False])
    def test_a_server_that_serves_them_whole_is_refused(
        self, api: FakeApi, client: KubeClient, metadata_only: bool
    ) -> None:
        item = {"metadata": {"name": "s", "namespace": "a"}, "data": {"k": HIDDEN}}
        api.always[SECRETS] = ok({"kind": "SecretList", "metadata": {}, "items": [item]})
        with pytest.raises(MalformedError, match="only metadata was asked for") as error:
            client.list("Secret", namespace="a", metadata_only=metadata_only)
        assert HIDDEN not in str(error.value)

    def test_metadata_is_an_answer(self, api: FakeApi, client: KubeClient) -> None:
        item = {"kind": "PartialObjectMetadata", "metadata": {"name": "s", "namespace": "a"}}
        api.always[SECRETS] = ok({"kind": "PartialObjectMetadataList", "metadata": {}, "items": [item]})
        assert [i.metadata.name for i in client.list("Secret", namespace="a").items] == ["s"]


class TestLists:
    def test_a_list_without_end_ends(self, api: FakeApi, client: KubeClient) -> None:
        api.always[PODS] = ok({"kind": "PodList", "metadata": {"continue": "same"}, "items": []})
        with pytest.raises(MalformedError, match="it has no end"):
            client.list("Pod")

    @pytest.mark.parametrize("item", [None, 5, [], {"metadata": []}, {"metadata": {"name": 5}}])
    def test_what_is_no_object_is_named_as_far_as_it_goes(self, api: FakeApi, client: KubeClient, item: Any) -> None:
        api.pods = [pod("a"), item, pod("c")]
        found = client.list("Pod")
        assert [i.metadata.name for i in found.items] == ["a", "c"]
        ((ref, why),) = found.malformed
        assert ref.kind == "Pod"
        assert why


class TestDiscovery:
    def test_a_silent_group_takes_no_other_with_it(self, api: FakeApi, client: KubeClient) -> None:
        api.always["/apis/apps/v1"] = status(503, "no endpoints")
        assert client.list("Pod").items == ()
        assert "HelmRelease" in client.discover()
        with pytest.raises(ObservationError, match="API discovery of apps: 503 no endpoints"):
            client.list("Deployment")

    def test_a_group_without_a_version_is_malformed(self, api: FakeApi, client: KubeClient) -> None:
        api.always["/apis"] = ok({"kind": "APIGroupList", "groups": [{"name": "apps"}]})
        with pytest.raises(MalformedError, match="it names no version"):
            client.list("Deployment")

    def test_silence_is_waited_for_once(self, api: FakeApi, client: KubeClient) -> None:
        api.always["/apis"] = (200, b"{}", {"X-Delay": "1.5"})
        for kind in ("Pod", "HelmRelease", "Deployment"):
            with pytest.raises(TimedOutError, match="API discovery"):
                client.list(kind)
        assert api.times("/apis") == 1


class TestQuestions:
    def test_a_review_is_read(self, api: FakeApi, client: KubeClient) -> None:
        api.always[REVIEWS] = ok({"status": {"allowed": True, "reason": "RBAC"}})
        found = client.review("get", "", "pods/log")
        assert (found.allowed, found.reason) == (True, "RBAC")
        asked = json.loads(api.posted[0])["spec"]["resourceAttributes"]
        assert asked == {"verb": "get", "resource": "pods", "subresource": "log"}

    @pytest.mark.parametrize(
        "answer", [{}, {"status": {"allowed": True, "denied": True}}, {"status": {"allowed": False}}]
    )
    def test_only_a_yes_is_a_yes(self, api: FakeApi, client: KubeClient, answer: Any) -> None:
        api.always[REVIEWS] = ok(answer)
        assert not client.review("list", "", "pods").allowed

    @pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"status": {"allowed": "yes"}}', b"null"])
    def test_garbage_is_malformed(self, api: FakeApi, client: KubeClient, body: bytes) -> None:
        api.always[REVIEWS] = (200, body, {})
        with pytest.raises(MalformedError):
            client.review("list", "", "pods")

    @pytest.mark.parametrize(
        "body", [b"<html>", b"[]", b"{}", b'{"now": 5, "scale": 1}', b'{"now": "2025-10-17T11:00:00Z"}']
    )
    def test_a_clock_that_is_none_is_malformed(self, api: FakeApi, client: KubeClient, body: bytes) -> None:
        api.always["/clock"] = (200, body, {})
        with pytest.raises(MalformedError, match="the server's clock"):
            client.clock()

    def test_a_question_is_put_again_only_when_told_to(self, api: FakeApi, client: KubeClient) -> None:
        api.queue[REVIEWS] = [status(503, "later")]
        with pytest.raises(ObservationError, match="503 later"):
            client.review("list", "", "pods")
        assert len(api.posted) == 1
        api.queue[REVIEWS] = [status(429, "slower"), ok({"status": {"allowed": True}})]
        assert client.review("list", "", "pods").allowed
        assert len(api.posted) == 3


VERIFY = "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:8080/proxy/v1/verify"


class TestVerify:
    @pytest.mark.parametrize(("code", "opens"), [(200, True), (409, False)])
    def test_opens_or_not(self, api: FakeApi, client: KubeClient, code: int, opens: bool) -> None:
        api.always[VERIFY] = (code, b"", {})
        found = client.verify_sealed(SealedSecrets(), "a", "s", b'{"kind":"SealedSecret"}')
        assert (found.opens, found.status, api.posted) == (opens, code, [b'{"kind":"SealedSecret"}'])

    def test_its_rate_limit_is_obeyed(self, api: FakeApi, client: KubeClient) -> None:
        api.queue[VERIFY] = [status(429, "limit"), status(429, "limit"), (409, b"", {})]
        assert not client.verify_sealed(SealedSecrets(), "a", "s", b"{}").opens

    @pytest.mark.parametrize("code", [400, 403, 404, 500, 503])
    def test_anything_else_is_no_answer(self, api: FakeApi, client: KubeClient, code: int) -> None:
        api.always[VERIFY] = status(code, "no")
        with pytest.raises(ObservationError, match=f"SealedSecret a/s: {code} no"):
            client.verify_sealed(SealedSecrets(), "a", "s", b"{}")


def events(client: KubeClient, number: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for event in client.watch("Pod", "100", until=until(6, lambda: len(found) >= number), silence=2.0):
        found.append((event.type, event.object.metadata.name if event.object else ""))
        if len(found) >= number:
            break
    return found


class TestWatches:
    def test_one_that_breaks_in_the_middle_goes_on_from_where_it_was_and_tells_nothing_twice(
        self, api: FakeApi, client: KubeClient
    ) -> None:
        again = [line("ADDED", pod("a", 101)), line("ADDED", pod("b", 201))]  # as a server does that is asked from 100
        api.cut_watches, api.watches = 1, [[line("ADDED", pod("a", 101))], again]
        assert events(client, 2) == [("ADDED", "a"), ("ADDED", "b")]
        assert [q["resourceVersion"] for p, q in api.asked if "watch" in q] == ["100", "100"]
        assert api.times(PODS) == 0

    @pytest.mark.parametrize("code", [429, 500, 503])
    def test_one_that_is_refused_for_now_lists_anew(self, api: FakeApi, client: KubeClient, code: int) -> None:
        api.refuse_watches, api.refusal = 1, status(code, "later")
        assert events(client, 1) == [("RELISTED", "")]

    @pytest.mark.parametrize("odd", [{"metadata": []}, {"metadata": {"uid": 5}}, 5, None])
    def test_an_object_that_is_none_is_an_error_and_no_crash(self, api: FakeApi, client: KubeClient, odd: Any) -> None:
        api.watches = [[line("MODIFIED", odd)]]
        with pytest.raises(MalformedError):
            events(client, 1)

    def test_an_error_event_of_any_shape_lists_anew(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[line("ERROR", "gone")]]
        assert events(client, 1) == [("RELISTED", "")]

    def test_one_that_always_ends_at_once_is_no_busy_loop(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[] for _ in range(500)]
        assert list(client.watch("Pod", "100", until=until(1.5), silence=2.0)) == []
        assert sum(1 for _, q in api.asked if "watch" in q) < 12

    def test_a_bookmark_without_a_revision_forgets_nothing(self, api: FakeApi, client: KubeClient) -> None:
        api.watches = [[line("BOOKMARK", {"metadata": {}})], [line("ADDED", pod("a", 101))]]
        assert events(client, 1) == [("ADDED", "a")]
        assert [q["resourceVersion"] for _, q in api.asked if "watch" in q] == ["100", "100"]


class TestConnections:
    def test_a_refused_connection_is_tried_again_briefly(
        self, api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[str] = []
        once = transport.Transport._once

        def counted(self: Any, request: Any) -> Any:
            seen.append(request.method)
            return once(self, request)

        monkeypatch.setattr(transport.Transport, "_once", counted)
        gone = connect(kubeconfig=str(kubeconfig(tmp_path, "https://127.0.0.1:1")), timeout=1.0)
        with pytest.raises(ObservationError, match="refused"):
            gone.list("Pod")
        assert seen == ["GET"] * 3
        gone.close()

    def test_tls_that_is_refused_is_not_tried_again(self, api: FakeApi, tmp_path: Path) -> None:
        path = kubeconfig(tmp_path, api.server)
        (tmp_path / "ca.crt").write_bytes(certificate()[0])
        client = connect(kubeconfig=str(path), timeout=1.0)
        with pytest.raises(ClusterIdentityError, match="TLS"):
            client.identify()
        client.close()
        assert api.asked == []


class TestKubeconfig:
    def cluster(self, folder: Path, **more: str) -> dict[str, str]:
        return {"certificate-authority": str(folder / "ca.crt"), **more}

    def test_tls_server_name_is_what_the_certificate_must_name(self, api: FakeApi, tmp_path: Path) -> None:
        right = self.cluster(tmp_path, **{"tls-server-name": "127.0.0.1"})
        wrong = self.cluster(tmp_path, **{"tls-server-name": "kube.example"})
        for entry, fine in ((right, True), (wrong, False)):
            client = connect(kubeconfig=str(kubeconfig(tmp_path, api.server, cluster=entry)), timeout=1.0)
            if fine:
                assert client.identify().uid == "the-uid"
            else:
                with pytest.raises(ClusterIdentityError, match=r"TLS: .*kube.example"):
                    client.identify()
            client.close()

    def test_a_proxy_is_refused_and_not_ignored(self, api: FakeApi, tmp_path: Path) -> None:
        entry = self.cluster(tmp_path, **{"proxy-url": "http://127.0.0.1:1"})
        with pytest.raises(KubeconfigError, match=r"a proxy .* is not supported yet") as error:
            connect(kubeconfig=str(kubeconfig(tmp_path, api.server, cluster=entry)))
        assert error.value.field.endswith("clusters[c].cluster.proxy-url")

    def test_impersonation_is_refused_and_not_ignored(self, api: FakeApi, tmp_path: Path) -> None:
        with pytest.raises(KubeconfigError, match="impersonation is not supported yet") as error:
            connect(kubeconfig=str(kubeconfig(tmp_path, api.server, user={"token": TOKEN, "as": "admin"})))
        assert error.value.field.endswith("users[u].user.as")


def test_decoding_is_of_needed_fields_only(api: FakeApi, client: KubeClient) -> None:
    api.pods = [pod("a", unknown={"deep": [1] * 10})]
    (item,) = client.list("Pod").items
    assert b"unknown" not in msgspec.json.encode(item)
