"""One embedded cluster on which nothing is wrong, for the notebooks that are really executed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook.embedded import EmbeddedCluster


@pytest.fixture(scope="session")
def meadow() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster("healthy", time_scale=60) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        yield cluster
