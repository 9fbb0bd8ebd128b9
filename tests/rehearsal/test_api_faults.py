"""Faults that a test or a rehearsal asks for through /faults: each seen by a plain client, and by kubectl where it retries."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import MERGE, Served, pod, serving

PODS = "/api/v1/namespaces/ffl/pods"
MAPS = "/api/v1/namespaces/ffl/configmaps"
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
LABEL = {"metadata": {"labels": {"touched": "yes"}}}


@pytest.fixture
def cluster() -> Iterator[Served]:
    with serving() as served:
        for name in ("a", "b"):
            served.post(PODS, pod(name))
        yield served


def fault(cluster: Served, name: str, /, **options: Any) -> None:
    status, body = cluster.ask("POST", "/faults", {"fault": name, **options})
    assert status == 200, body


def touch(cluster: Served, name: str = "a", **options: Any) -> tuple[int, Any]:
    return cluster.ask("PATCH", f"{PODS}/{name}", LABEL, content_type=MERGE, **options)


def touched(cluster: Served, name: str = "a") -> bool:
    return "touched" in cluster.get(f"{PODS}/{name}")["metadata"].get("labels", {})


def logged(cluster: Served) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (cluster.folder / "requests.jsonl").read_text().splitlines()]


def test_the_first_write_to_each_object_is_a_conflict(cluster: Served) -> None:
    fault(cluster, "conflict")
    for name in ("a", "b"):
        status, refusal = touch(cluster, name)
        assert (status, refusal["reason"]) == (409, "Conflict")
        assert refusal["message"] == f'Operation cannot be fulfilled on pods "{name}": {MODIFIED}'
        assert not touched(cluster, name)
        assert touch(cluster, name)[0] == 200
    assert cluster.ask("POST", PODS, pod("new"))[0] == 201, "a create has nothing to conflict with"
    assert [item["struck"] for item in cluster.get("/faults")["items"]] == [2]


def test_a_throttled_request_is_told_when_to_come_back(cluster: Served) -> None:
    fault(cluster, "throttled", seconds=7, times=2, methods=["GET"], path=f"^{PODS}/a$")
    for _ in range(2):
        answer = cluster.raw("GET", f"{PODS}/a")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.text == "Too many requests, please try again later.\n"
    assert cluster.ask("GET", f"{PODS}/b")[0] == 200
    assert cluster.ask("GET", f"{PODS}/a")[0] == 200


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_breaks_before_or_after_the_write(cluster: Served, done: bool) -> None:
    fault(cluster, "broken", done=done, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        touch(cluster)
    assert touched(cluster) is done
    entry = next(line for line in logged(cluster) if line.get("fault"))
    assert (entry["verb"], entry["status"]) == ("patch", 200 if done else 0)
    assert touch(cluster)[0] == 200


@pytest.mark.parametrize("done", [False, True])
def test_the_api_restarts_in_the_middle_and_keeps_what_it_stored(cluster: Served, done: bool) -> None:
    kept = cluster.get(f"{PODS}/b")
    fault(cluster, "restart", done=done, seconds=0.5, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        touch(cluster)
    began = time.monotonic()
    with pytest.raises(httpx.TransportError):
        cluster.ask("GET", f"{PODS}/a")
    while time.monotonic() - began < 10:
        try:
            assert touched(cluster) is done
            break
        except httpx.TransportError:
            time.sleep(0.05)
    assert 0.3 < time.monotonic() - began < 10, "it was away, and it came back on the same port"
    assert cluster.get(f"{PODS}/b") == kept


def test_a_restart_ends_watches(cluster: Served) -> None:
    ended = threading.Event()

    def follow() -> None:
        with cluster.watching(f"{PODS}?watch=1") as events:
            try:
                for _ in events:
                    pass
            except httpx.TransportError:
                ended.set()

    thread = threading.Thread(target=follow)
    thread.start()
    deadline = time.monotonic() + 10
    kind = cluster.store.kinds["v1", "pods"]
    while not cluster.store.changes.subscriptions(kind) and time.monotonic() < deadline:
        time.sleep(0.02)
    fault(cluster, "restart", seconds=0.1, times=1, methods=["DELETE"])
    with pytest.raises(httpx.TransportError):
        cluster.ask("DELETE", f"{PODS}/b")
    thread.join(10)
    assert ended.is_set()


def test_a_webhook_denies_or_cannot_be_reached(cluster: Served) -> None:
    fault(cluster, "denied", name="policy.example.com", message="pods are frozen", path="/pods", times=1)
    status, refusal = touch(cluster)
    words = 'admission webhook "policy.example.com" denied the request: pods are frozen'
    assert (status, refusal["reason"], refusal["message"]) == (403, "Forbidden", words)
    fault(cluster, "unreachable", name="policy.example.com", path="/configmaps")
    status, refusal = cluster.ask("POST", MAPS, {"metadata": {"name": "m"}})
    assert (status, refusal["reason"]) == (500, "InternalError")
    assert 'failed calling webhook "policy.example.com"' in refusal["message"]
    assert not touched(cluster)


def test_a_namespace_that_cannot_end_takes_nothing_new_and_lets_go(cluster: Served) -> None:
    fault(cluster, "terminating", namespace="ffl")
    assert cluster.get("/api/v1/namespaces/ffl")["status"]["phase"] == "Terminating"
    status, refusal = cluster.ask("POST", PODS, pod("new"))
    words = 'pods "new" is forbidden: unable to create new content in namespace ffl because it is being terminated'
    assert (status, refusal["reason"], refusal["message"]) == (403, "Forbidden", words)
    assert refusal["details"]["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": "namespace ffl is being terminated",
            "field": "metadata.namespace",
        }
    ]
    assert touch(cluster)[0] == 200
    assert cluster.ask("DELETE", f"{PODS}/a")[0] == 200
    assert [item["metadata"]["name"] for item in cluster.get(PODS)["items"]] == ["b"]
    assert cluster.ask("GET", "/api/v1/namespaces/ffl")[0] == 200


def test_a_finalizer_that_nobody_removes_keeps_an_object(cluster: Served) -> None:
    fault(cluster, "finalizer", path=f"{PODS}/a", name="example.com/never")
    for _ in range(2):
        status, body = cluster.ask("DELETE", f"{PODS}/a?gracePeriodSeconds=0")
        assert (status, body["metadata"]["finalizers"]) == (200, ["example.com/never"])
    assert "deletionTimestamp" in cluster.get(f"{PODS}/a")["metadata"]


def test_a_token_expires_after_so_many_requests(cluster: Served) -> None:
    fault(cluster, "expired", user="viewer", after=2, methods=["GET", "POST", "PATCH", "DELETE"])
    ask = [cluster.ask("GET", "/version", token="viewer-token") for _ in range(4)]
    assert [status for status, _ in ask] == [200, 200, 401, 401]
    assert ask[3][1]["message"] == "Unauthorized"
    assert cluster.ask("GET", "/version")[0] == 200


def test_an_object_is_another_one_by_the_time_it_is_written_to(cluster: Served) -> None:
    read = cluster.get(f"{PODS}/a")["metadata"]
    fault(cluster, "recreated", path=f"{PODS}/a$", times=1)
    status, refusal = cluster.ask("DELETE", f"{PODS}/a", {"preconditions": {"uid": read["uid"]}})
    assert (status, refusal["reason"]) == (409, "Conflict")
    after = cluster.get(f"{PODS}/a")
    assert after["metadata"]["uid"] != read["uid"]
    assert after["spec"] == pod("a")["spec"]
    change = {"metadata": {"uid": read["uid"], **LABEL["metadata"]}}
    assert cluster.ask("PATCH", f"{PODS}/a", change, content_type=MERGE)[0] == 422
    assert not touched(cluster)


def test_faults_are_for_masters_and_say_what_is_wrong_with_them(cluster: Served) -> None:
    assert cluster.ask("POST", "/faults", {"fault": "broken"}, token="viewer-token")[0] == 403
    for body, words in (({"fault": "unknown"}, "fault"), ({"fault": "broken", "tims": 1}, "tims"), ([1], "fault")):
        status, refusal = cluster.ask("POST", "/faults", body)
        assert (status, words in refusal["message"]) == (400, True), refusal
    assert cluster.ask("PUT", "/faults", {})[0] == 405
    fault(cluster, "broken", user="somebody-else")
    assert touch(cluster)[0] == 200
    assert cluster.ask("DELETE", "/faults")[1]["items"] == []
    assert cluster.get("/faults")["items"] == []


def test_kubectl_sets_shows_and_clears_faults(cluster: Served, tmp_path: Path) -> None:
    server = {"server": cluster.url, "certificate-authority": str(cluster.ca)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": {"token": "admin-token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(content))

    def kubectl(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = ["kubectl", f"--kubeconfig={tmp_path / 'kubeconfig'}", f"--cache-dir={tmp_path}", *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)

    words = json.dumps({"fault": "denied", "message": "frozen for the night", "times": 1})
    made = kubectl("create", "--raw", "/faults", "-f", "-", given=words)
    assert made.returncode == 0, made.stderr
    label = ("label", "pod", "a", "-n", "ffl", "touched=yes")
    refused = kubectl(*label)
    assert refused.returncode == 1
    assert 'admission webhook "validate.runbook.test" denied the request: frozen for the night' in refused.stderr
    assert json.loads(kubectl("get", "--raw", "/faults").stdout)["items"][0]["struck"] == 1
    assert kubectl("delete", "--raw", "/faults").returncode == 0
    assert kubectl(*label).returncode == 0
    assert cluster.get("/faults")["items"] == []
    assert touched(cluster)
