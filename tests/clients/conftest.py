"""A server of the test's own that can misbehave, and a read client of it with little patience."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from apiserver import FakeApi, kubeconfig, running

from runbook.clients.kubernetes import KubeClient, connect


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with running(tmp_path) as api:
        yield api


@pytest.fixture
def client(api: FakeApi, tmp_path: Path) -> Iterator[KubeClient]:
    made = connect(kubeconfig=str(kubeconfig(tmp_path, api.server)), timeout=1.0)
    yield made
    made.close()
