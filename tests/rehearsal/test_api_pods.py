"""Logs and the service proxy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_server import MERGE, Served, pod, serving

from runbook.rehearsal.messages import Request, Response

PODS = "/api/v1/namespaces/ffl/pods"
START = datetime(2025, 10, 17, 10, 59, 0, tzinfo=UTC)
LINES: dict[tuple[str, str, bool], list[tuple[datetime, str]]] = {}


def lines(obj: Mapping[str, Any], container: str, previous: bool) -> list[tuple[datetime, str]]:
    return LINES.get((obj["metadata"]["name"], container, previous), [])


async def echo(request: Request) -> Response:
    words = f"{request.method} {request.path} {dict(request.query)} {request.body.decode()}"
    return Response(202, f"{words} {'authorization' in request.headers}".encode(), "text/x-echo")


@pytest.fixture
def cluster() -> Iterator[Served]:
    LINES.clear()
    with serving(logs=lines, backends={("ffl", "web"): echo}) as served:
        yield served


def running(cluster: Served, name: str, **state: Any) -> None:
    cluster.post(PODS, pod(name, spec={"nodeName": "n"}))
    status = {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {}}, **state}
    change = {"status": {"phase": "Running", "containerStatuses": [status]}}
    assert cluster.ask("PATCH", f"{PODS}/{name}/status", change, content_type=MERGE)[0] == 200


def text(cluster: Served, name: str, query: str = "") -> str:
    answer = cluster.raw("GET", f"{PODS}/{name}/log{query}", accept="*/*")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.text


def refusal(cluster: Served, name: str, query: str = "") -> str:
    status, body = cluster.ask("GET", f"{PODS}/{name}/log{query}")
    assert (status, body["reason"]) == (400, "BadRequest")
    return body["message"]


def test_tail_since_and_timestamps(cluster: Served) -> None:
    running(cluster, "a")
    LINES["a", "main", False] = [(START + timedelta(seconds=20 * n), f"line {n}") for n in range(4)]
    assert text(cluster, "a") == "line 0\nline 1\nline 2\nline 3\n"
    assert text(cluster, "a", "?tailLines=2") == "line 2\nline 3\n"
    assert text(cluster, "a", "?tailLines=0") == ""
    assert text(cluster, "a", "?tailLines=99").count("\n") == 4
    assert text(cluster, "a", "?sinceSeconds=25") == "line 2\nline 3\n"
    assert text(cluster, "a", "?sinceTime=2025-10-17T10:59:40Z&tailLines=1") == "line 3\n"
    assert text(cluster, "a", "?tailLines=1&timestamps=true") == "2025-10-17T11:00:00.000000000Z line 3\n"
    for query in (
        "?sinceSeconds=0",
        "?tailLines=-1",
        "?sinceSeconds=1&sinceTime=2025-10-17T10:59:40Z",
        "?sinceTime=noon",
    ):
        refusal(cluster, "a", query)


def test_the_previous_container_is_another_log(cluster: Served) -> None:
    running(cluster, "a")
    LINES["a", "main", False] = [(START, "now")]
    LINES["a", "main", True] = [(START, "then")]
    assert refusal(cluster, "a", "?previous=true") == 'previous terminated container "main" in pod "a" not found'
    running(cluster, "b", restartCount=1, lastState={"terminated": {"exitCode": 1}})
    LINES["b", "main", True] = [(START, "then")]
    assert text(cluster, "b", "?previous=true") == "then\n"


def test_a_container_that_never_ran_has_no_log(cluster: Served) -> None:
    running(cluster, "a", state={"waiting": {"reason": "ImagePullBackOff"}})
    assert refusal(cluster, "a") == (
        'container "main" in pod "a" is waiting to start: trying and failing to pull image'
    )
    running(cluster, "b", state={"waiting": {"reason": "CreateContainerConfigError"}})
    assert refusal(cluster, "b").endswith("is waiting to start: CreateContainerConfigError")
    crashed = {"waiting": {"reason": "CrashLoopBackOff"}}
    running(cluster, "c", state=crashed, restartCount=3, lastState={"terminated": {"exitCode": 1}})
    LINES["c", "main", False] = [(START, "boom")]
    assert text(cluster, "c") == "boom\n"
    cluster.post(PODS, pod("unscheduled"))
    assert refusal(cluster, "unscheduled") == "pod unscheduled does not have a host assigned"
    assert cluster.ask("GET", f"{PODS}/nobody/log")[0] == 404


def test_one_of_several_containers_must_be_named(cluster: Served) -> None:
    spec = {
        "nodeName": "n",
        "containers": [{"name": "x", "image": "i"}, {"name": "y", "image": "i"}],
        "initContainers": [{"name": "z", "image": "i"}],
    }
    cluster.post(PODS, pod("a", spec=spec))
    assert refusal(cluster, "a") == (
        "a container name must be specified for pod a, choose one of: [x y] or one of the init containers: [z]"
    )
    assert refusal(cluster, "a", "?container=q") == "container q is not valid for pod a"
    LINES["a", "z", False] = [(START, "init")]
    assert text(cluster, "a", "?container=z") == "init\n"


def test_a_followed_log_ends_with_its_pod(cluster: Served) -> None:
    running(cluster, "a")
    log = LINES["a", "main", False] = [(START, "one")]
    got: list[str] = []
    arrived = threading.Event()

    def read() -> None:
        headers = {"Authorization": "Bearer admin-token"}
        with cluster.client.stream("GET", f"{PODS}/a/log?follow=true", headers=headers) as answer:
            for line in answer.iter_lines():
                got.append(line)
                arrived.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert arrived.wait(5)
    log.append((START, "two"))
    deadline = time.monotonic() + 5
    while len(got) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    cluster.call(cluster.store.delete, cluster.store.kinds["v1", "pods"], "ffl", "a", {"gracePeriodSeconds": 0})
    reader.join(5)
    assert not reader.is_alive()
    assert got == ["one", "two"]


def test_a_followed_log_ends_when_its_container_stops(cluster: Served) -> None:
    running(cluster, "a")
    LINES["a", "main", False] = [(START, "one")]
    headers = {"Authorization": "Bearer admin-token"}
    with cluster.client.stream("GET", f"{PODS}/a/log?follow=true", headers=headers) as answer:
        got = answer.iter_lines()
        assert next(got) == "one"
        stopped = {"name": "main", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
        change = {"status": {"phase": "Succeeded", "containerStatuses": [stopped]}}
        assert cluster.ask("PATCH", f"{PODS}/a/status", change, content_type=MERGE)[0] == 200
        assert list(got) == []


def service(cluster: Served, name: str) -> None:
    spec = {"ports": [{"name": "http", "port": 80}]}
    cluster.post(
        "/api/v1/namespaces/ffl/services",
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec},
    )


@pytest.mark.parametrize("target", ["web", "web:http", "web:80", "http:web:80", "https:web:", "http:web"])
def test_the_proxy_passes_a_request_on_without_the_callers_token(cluster: Served, target: str) -> None:
    service(cluster, "web")
    path = f"/api/v1/namespaces/ffl/services/{target}/proxy/v1/verify?x=1"
    answer = cluster.raw("POST", path, b"payload", content_type="text/plain", accept="*/*")
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "text/x-echo"
    assert answer.text == "POST /v1/verify {'x': '1'} payload False"


def test_a_service_without_backend_port_or_existence_is_refused(cluster: Served) -> None:
    services = "/api/v1/namespaces/ffl/services"
    assert cluster.ask("GET", f"{services}/web/proxy/")[0] == 404
    service(cluster, "web")
    service(cluster, "dead")
    status, body = cluster.ask("GET", f"{services}/dead/proxy/")
    assert (status, body["message"]) == (503, 'no endpoints available for service "dead"')
    assert cluster.ask("GET", f"{services}/web:8080/proxy/")[0] == 503
    assert cluster.ask("GET", f"{services}/a:b:c:d/proxy/")[0] == 400
    status, body = cluster.ask("POST", f"{services}/web/proxy/v1/verify", {}, token="viewer-token")
    assert (status, 'cannot create resource "services/proxy"' in body["message"]) == (403, True)
