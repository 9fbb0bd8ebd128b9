"""What goes over the wire: the server's own path, odd characters, and whose patience ends a silence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiserver import FakeApi, kubeconfig, ok, running

from runbook.clients.kubernetes import KubeClient, connect
from runbook.errors import TimedOutError


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with running(tmp_path) as found:
        yield found


def client(api: FakeApi, folder: Path, path: str = "") -> KubeClient:
    return connect(kubeconfig=str(kubeconfig(folder, f"{api.server}{path}")))


@pytest.mark.parametrize("path", ["/k8s/clusters/c-1", "/k8s/clusters/c-1/"])
def test_a_server_behind_a_gateway_is_asked_under_its_own_path(api: FakeApi, tmp_path: Path, path: str) -> None:
    api.always["/k8s/clusters/c-1/version"] = ok({"gitVersion": "v1.34.2"})
    found = client(api, tmp_path, path)
    try:
        assert found.transport.get("/version", "version").json() == {"gitVersion": "v1.34.2"}
    finally:
        found.close()
    assert api.asked == [("/k8s/clusters/c-1/version", {})]


def test_odd_characters_arrive_as_they_were_meant(api: FakeApi, tmp_path: Path) -> None:
    api.always["/a%20b/%C3%BC"] = ok({})
    found = client(api, tmp_path)
    try:
        found.transport.get("/a b/ü", "odd", labelSelector="a in (b, c),d=ü&e", limit=5)
    finally:
        found.close()
    assert api.asked == [("/a%20b/%C3%BC", {"labelSelector": "a in (b, c),d=ü&e", "limit": "5"})]


def test_a_stream_has_a_patience_of_its_own(api: FakeApi, tmp_path: Path) -> None:
    api.always["/slow"] = (200, b"{}", {"X-Delay": "20"})
    found = client(api, tmp_path)
    began = time.monotonic()
    try:
        with pytest.raises(TimedOutError), found.transport.stream("/slow", "slow", silence=0.3):
            pytest.fail("it answered")
    finally:
        found.close()
    assert time.monotonic() - began < 10
