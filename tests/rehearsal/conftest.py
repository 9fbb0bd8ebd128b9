"""One API server for each file of API tests: what a test left behind is taken away before the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api_server import Served, serving


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def cluster(shared: Served, request: pytest.FixtureRequest) -> Iterator[Served]:
    """The file's server; its `CLEANED` names the collections that are emptied after each test."""
    yield shared
    for path in request.module.CLEANED:
        shared.ask("DELETE", f"{path}?gracePeriodSeconds=0")
