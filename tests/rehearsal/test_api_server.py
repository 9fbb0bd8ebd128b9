"""What the server says about itself, what it does not serve, its books, TLS, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from api_server import MERGE, TOKENS, FixedClock, Served, pod, serving

from runbook.rehearsal import bootstrap
from runbook.rehearsal.api import Api
from runbook.rehearsal.serve import start
from runbook.rehearsal.store import Store

PODS = "/api/v1/namespaces/ffl/pods"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Served]:
    with serving() as served:
        served.post(PODS, pod("a"))
        yield served


def test_version_and_health(cluster: Served) -> None:
    version = cluster.get("/version")
    assert (version["major"], version["minor"], version["gitVersion"]) == ("1", "34", "v1.34.2")
    verbose = cluster.raw("GET", "/readyz?verbose").text
    assert "[+]etcd ok" in verbose
    assert verbose.endswith("readyz check passed\n")
    assert cluster.raw("GET", "/livez").text == "ok"
    assert cluster.raw("GET", "/readyz/etcd").text == "ok"
    assert cluster.ask("GET", "/readyz/flux")[0] == 404


def test_the_clock_is_the_clusters(cluster: Served) -> None:
    assert cluster.get("/clock") == {"now": "2025-10-17T11:00:00.000000Z", "scale": 60.0}
    cluster.clock.forward(seconds=1.5)
    assert cluster.get("/clock")["now"] == "2025-10-17T11:00:01.500000Z"
    assert cluster.ask("POST", "/clock", {})[0] == 405


def test_openapi_names_every_group_version(cluster: Served) -> None:
    paths = cluster.get("/openapi/v3")["paths"]
    assert "apis/helm.toolkit.fluxcd.io/v2" in paths
    schemas = cluster.get(paths["apis/apps/v1"]["serverRelativeURL"])["components"]["schemas"]
    assert schemas["apps.v1.Deployment"]["x-kubernetes-preserve-unknown-fields"]
    assert cluster.ask("GET", "/openapi/v3/apis/nothing/v1")[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("POST", f"{PODS}/a/exec", "pods/exec"),
        ("GET", f"{PODS}/a/exec", "pods/exec"),
        ("POST", f"{PODS}/a/attach", "pods/attach"),
        ("POST", f"{PODS}/a/portforward", "pods/portforward"),
        ("POST", f"{PODS}/a/binding", "pods/binding"),
        ("GET", f"{PODS}/a/proxy/x", "pods/proxy"),
        ("POST", "/api/v1/namespaces/ffl/serviceaccounts/default/token", "serviceaccounts/token"),
        ("GET", "/api/v1/watch/pods", "/watch/"),
    ],
)
def test_what_is_not_served_answers_405_and_names_itself(cluster: Served, method: str, path: str, named: str) -> None:
    status, body = cluster.ask(method, path, {} if method == "POST" else None)
    assert (status, body["reason"], body["kind"]) == (405, "MethodNotAllowed", "Status")
    assert named in body["message"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/metrics", 404),
        ("GET", "/api/v1/pods/a", 404),
        ("GET", f"{PODS}/a/nonsense", 404),
        ("GET", f"{PODS}/a/status/more", 404),
        ("GET", "/api/v1/namespaces/ffl/nodes", 404),
        ("PUT", PODS, 405),
        ("PATCH", PODS, 405),
        ("OPTIONS", PODS, 405),
        ("POST", f"{PODS}/a/log", 405),
        ("DELETE", f"{PODS}/a/status", 405),
        ("POST", "/version", 405),
    ],
)
def test_paths_and_methods_that_mean_nothing(cluster: Served, method: str, path: str, code: int) -> None:
    body = {} if method in ("POST", "PUT", "PATCH") else None
    content_type = MERGE if method == "PATCH" else "application/json"
    status, answer = cluster.ask(method, path, body, content_type=content_type)
    if path == "/metrics":
        assert (status, answer) == (code, "404 page not found\n")
    else:
        assert (status, answer["kind"], answer["code"]) == (code, "Status", code)


def test_a_head_request_is_a_get_without_its_body(cluster: Served) -> None:
    answer = cluster.raw("HEAD", f"{PODS}/a")
    assert (answer.status_code, answer.content) == (200, b"")


def test_every_request_is_in_the_books(cluster: Served) -> None:
    cluster.raw("GET", f"{PODS}?limit=1", **{"User-Agent": "books/1"})
    cluster.raw("DELETE", f"{PODS}/missing?dryRun=All", token="viewer-token", **{"User-Agent": "books/1"})
    cluster.raw("GET", "/apis", token="nobody-token", **{"User-Agent": "books/1"})
    with cluster.watching(f"{PODS}?watch=1"):
        pass
    text = (cluster.folder / "requests.jsonl").read_text()
    assert "admin-token" not in text
    entries = [json.loads(line) for line in text.splitlines()]
    mine = [entry for entry in entries if entry["user_agent"] == "books/1"]
    expected = [
        ("admin", "list", "GET", PODS, 200),
        ("viewer", "delete", "DELETE", f"{PODS}/missing", 403),
        ("system:anonymous", "get", "GET", "/apis", 401),
    ]
    assert [tuple(e[k] for k in ("user", "verb", "method", "path", "status")) for e in mine] == expected
    assert (mine[1]["resource"], mine[1]["namespace"], mine[1]["name"]) == ("pods", "ffl", "missing")
    assert all(entry["time"].endswith("Z") for entry in entries)
    assert entries[-1]["verb"] == "watch"


def test_an_unexpected_failure_is_a_500_status_and_the_server_lives(
    cluster: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: Any) -> None:
        raise KeyError("planted")

    monkeypatch.setattr(cluster.api, "_verb", fail)
    status, body = cluster.ask("GET", f"{PODS}/a")
    assert (status, body["reason"]) == (500, "InternalError")
    assert any("Traceback" in (record.exc_text or "") for record in caplog.records)
    monkeypatch.undo()
    assert cluster.ask("GET", f"{PODS}/a")[0] == 200


@pytest.mark.parametrize(
    "spec",
    [{}, {"group": "x.example"}, {"group": 1, "names": [], "versions": {}}, {"names": {"plural": "x"}, "scope": "y"}],
)
def test_a_broken_definition_is_refused_and_registers_nothing(cluster: Served, spec: dict[str, Any]) -> None:
    kinds, before = dict(cluster.store.kinds), cluster.store.rv
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "x.x.example"},
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    status, answer = cluster.ask("POST", path, {**body, "spec": spec})
    assert (status, answer["reason"]) == (422, "Invalid")
    assert cluster.store.kinds == kinds
    assert cluster.store.rv == before


def test_a_certificate_that_is_not_trusted_is_refused_by_the_client(cluster: Served) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{cluster.url}/version", verify=ssl.create_default_context())


def test_the_connection_is_kept_alive(cluster: Served) -> None:
    answers = [cluster.raw("GET", f"{PODS}/a") for _ in range(3)]
    streams = {answer.extensions["network_stream"].get_extra_info("socket").getsockname() for answer in answers}
    assert len(streams) == 1


def test_names_and_paths_are_decoded_once(cluster: Served) -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Adiscovery"
    assert cluster.get(path)["metadata"]["name"] == "system:discovery"


def test_the_bootstrap_leaves_what_is_there() -> None:
    store = Store(FixedClock())
    own = {"metadata": {"name": "kube-system", "uid": "4d2e9a1c-0000-4000-8000-000000000000"}}
    store.create(store.kinds["v1", "namespaces"], None, own, trusted=True)
    bootstrap.ensure(store)
    before = store.rv
    bootstrap.ensure(store)
    assert store.rv == before
    assert store.get(store.kinds["v1", "namespaces"], None, "kube-system")["metadata"]["uid"].startswith("4d2e9a1c")


def test_a_server_ends_at_once_with_watches_open_and_its_port_is_free() -> None:
    async def live() -> float:
        api = Api(Store(FixedClock()), tokens=TOKENS)
        runner, port = await start(api, "127.0.0.1", 0, None)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-token\r\n\r\n")
        assert b"200 OK" in await reader.readline()
        started = time.monotonic()
        await runner.cleanup()
        took = time.monotonic() - started
        writer.close()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
        assert api.store.changes.subscriptions(api.store.kinds["v1", "pods"]) == 0
        return took

    assert asyncio.run(live()) < 3


def test_a_port_that_is_taken_is_an_error() -> None:
    async def twice() -> None:
        runner, port = await start(Api(Store(FixedClock()), tokens=TOKENS), "127.0.0.1", 0, None)
        try:
            with pytest.raises(OSError, match="address already in use"):
                await start(Api(Store(FixedClock()), tokens=TOKENS), "127.0.0.1", port, None)
        finally:
            await runner.cleanup()

    asyncio.run(twice())
