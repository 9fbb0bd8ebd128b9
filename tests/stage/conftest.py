"""Embedded clusters on which nothing is wrong, for all tests that step through a stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from calm_pair import CalmPair, living

from runbook.embedded import EmbeddedCluster


@pytest.fixture(scope="session")
def meadow() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster("healthy", time_scale=60) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        yield cluster


@pytest.fixture(scope="session")
def calm(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalmPair]:
    """Two releases, and a viewer whose rights the tests grant."""
    with living(root, tmp_path_factory.mktemp("calm") / "scenario") as pair:
        yield pair


@pytest.fixture
def asked(meadow: EmbeddedCluster, tmp_path: Path) -> dict[str, str]:
    """Parameters of a stage on that cluster, without a soak."""
    return {
        "inventory": str(meadow.inventory),
        "kubeconfig": str(meadow.kubeconfig),
        "outputs": str(tmp_path / "outputs"),
    }


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """No test leaves a connection or a half-open stage to the next one."""
    from runbook.stage.opening import close_all

    yield
    close_all()
