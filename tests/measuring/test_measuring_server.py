"""The static server: a Table for who asks for one, packed answers for who takes them, the same objects for all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from benchmarks import largecluster
from benchmarks.prepared import PACKED_FROM, Answers, prepare
from benchmarks.staticserver import answering

PODS = 600  # a page and a bit
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.fixture(scope="module")
def answers() -> Answers:
    return prepare(largecluster.pods_alone(PODS), tables=("Pod",))


@pytest.fixture
def server(answers: Answers) -> Iterator[httpx.Client]:
    with answering(answers) as address, httpx.Client(base_url=address) as client:
        yield client


def pages(client: httpx.Client, path: str, **headers: str) -> list[dict[str, Any]]:
    found, token = [], ""
    while True:
        query = {"limit": "500", **({"continue": token} if token else {})}
        page = client.get(path, params=query, headers=headers).raise_for_status().json()
        found.append(page)
        token = page["metadata"].get("continue", "")
        if not token:
            return found


def test_pods_as_a_table_have_kubectls_columns_and_the_objects_metadata(server: httpx.Client) -> None:
    found = pages(server, "/api/v1/pods", Accept=TABLE)
    assert [page["kind"] for page in found] == ["Table", "Table"]
    shown = [c["name"] for c in found[0]["columnDefinitions"] if c["priority"] == 0]
    assert shown == ["Name", "Ready", "Status", "Restarts", "Age"]
    rows = [row for page in found for row in page["rows"]]
    objects = [pod for page in pages(server, "/api/v1/pods") for pod in page["items"]]
    assert len(rows) == len(objects) == PODS
    assert {row["object"]["kind"] for row in rows} == {"PartialObjectMetadata"}
    assert [row["object"]["metadata"] for row in rows] == [pod["metadata"] for pod in objects]
    assert sum(row["cells"][2] != "Running" for row in rows) == largecluster.unhealthy(PODS)


def test_a_table_without_a_limit_is_whole(server: httpx.Client) -> None:
    assert len(server.get("/api/v1/pods", headers={"Accept": TABLE}).json()["rows"]) == PODS


def test_kinds_without_tables_are_answered_with_objects(server: httpx.Client) -> None:
    assert server.get("/api/v1/nodes", headers={"Accept": TABLE}).json()["kind"] == "NodeList"


def test_nothing_is_packed_unless_the_server_packs(server: httpx.Client) -> None:
    found = server.get("/api/v1/pods", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in found.headers


def test_a_server_that_packs_sends_less_of_the_same_to_who_takes_it(answers: Answers) -> None:
    plain = answers.whole["/api/v1/pods"]
    with answering(answers.with_gzip()) as address, httpx.Client(base_url=address) as client:
        taken = client.get("/api/v1/pods", headers={"Accept-Encoding": "gzip"})
        refused = client.get("/api/v1/pods", headers={"Accept-Encoding": "identity"})
        small = client.get("/api/v1/nodes", headers={"Accept-Encoding": "gzip"})
    assert taken.headers["content-encoding"] == "gzip"
    assert int(taken.headers["content-length"]) < len(plain) / 4
    assert taken.content == refused.content == plain
    assert "content-encoding" not in refused.headers
    assert "content-encoding" not in small.headers
    assert len(small.content) < PACKED_FROM


def test_every_page_can_be_read(answers: Answers) -> None:
    for path, many in answers.lists.items():
        whole = json.loads(answers.whole[path])
        field = "rows" if whole["kind"] == "Table" else "items"
        assert [o for page in many for o in json.loads(page)[field]] == whole[field]
