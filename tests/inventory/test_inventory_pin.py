"""A rebuild changes the cluster's UID: the change is shown as a diff, and comments stay. A starter loads as it stands."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from runbook.domain.kinds import decode
from runbook.inventory.load import load
from runbook.inventory.pin import pinned
from runbook.inventory.starter import starter
from runbook.model import Snapshot

NOW = datetime(2025, 10, 17, 11, tzinfo=UTC)
BLOCK = "# ours\nschema: runbook/inventory/v1\ncluster:\n  name: shop # the shop\n  uid: old-uid\n"
FLOW = "schema: runbook/inventory/v1\ncluster: {name: shop, uid: old-uid, clock: local}\n"
WITHOUT = "schema: runbook/inventory/v1\ncluster: {name: shop}\n"
WITHOUT_BLOCK = "schema: runbook/inventory/v1\ncluster:\n  name: shop\n"


def snapshot() -> Snapshot:
    node = {
        "metadata": {"name": "n1", "creationTimestamp": "2025-10-17T10:00:00Z"},
        "status": {"nodeInfo": {"containerRuntimeVersion": "docker://28"}},
    }
    release = {
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"chart": {"spec": {"chart": "shop", "version": "1.10"}}},
    }
    objects = {
        "Node": (decode("Node", json.dumps(node).encode()),),
        "HelmRelease": (decode("HelmRelease", json.dumps(release).encode()),),
    }
    return Snapshot(NOW, "shop", objects)


@pytest.mark.parametrize(
    "text", [BLOCK, FLOW, WITHOUT, WITHOUT_BLOCK], ids=["block", "flow", "flow without", "block without"]
)
def test_the_uid_is_written_and_nothing_else_changes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "i.yaml"
    path.write_text(text)
    change = pinned(load(path, today=date(2025, 1, 1)), uid="new-uid", snapshot=snapshot())
    path.write_text(change.text)
    assert load(path, today=date(2025, 1, 1)).inventory.cluster.uid == "new-uid"
    assert change.text.replace("new-uid", "old-uid") == text or "old-uid" not in text
    assert "+" in change.diff
    assert "new-uid" in change.diff
    assert any("n1, docker://28, 1 h 00 m old" in line for line in change.describe())


def test_the_same_cluster_needs_no_change(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_text(FLOW)
    assert pinned(load(path, today=date(2025, 1, 1)), uid="old-uid", snapshot=snapshot()).diff == ""


def test_a_starter_loads_as_it_stands_and_pins_the_cluster(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_text(starter(snapshot(), name="shop", context="ctx", uid="live-uid"))
    found = load(path, today=date(2025, 1, 1)).inventory
    assert (found.cluster.uid, found.nodes[0].runtime, found.releases[0].version) == ("live-uid", "docker", "1.10")
    assert found.criteria
