"""Whatever is wrong with an inventory is one clear sentence with the field's path, exit 2."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runbook.errors import InventoryError
from runbook.inventory.load import MAX_BYTES, load

TODAY = date(2025, 10, 17)
GOOD = """\
schema: runbook/inventory/v1
cluster: {name: shop, uid: 0f6d7c1e}
registry: {names: ["reg.example:5000"]}
nodes:
  - {name: n1, runtime: docker}
releases:
  - {namespace: shop, name: shop, version: "1.10"}
endpoints:
  - {name: health, url: https://shop.example/health}
services:
  - {id: shop, text: The shop runs, release: shop/shop, version: "1.10", endpoint: health}
criteria:
  - {id: C1, text: All releases are ready, checks: [releases-ready]}
waivers:
  - {id: W1, check: releases-ready, object: HelmRelease/velero/*, who: Ada, ticket: T-6, until: 2025-10-17, why: known}
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "inventory.yaml"


def complaint(path: Path, text: str) -> InventoryError:
    path.write_text(text)
    with pytest.raises(InventoryError) as caught:
        load(path, today=TODAY)
    assert caught.value.exit_code == 2
    assert str(path) in caught.value.message
    return caught.value


def test_a_good_one_loads_and_a_waiver_counts_on_its_last_day(written: Path) -> None:
    written.write_text(GOOD)
    found = load(written, today=TODAY)
    assert found.inventory.releases[0].version == "1.10"
    assert found.inventory.waivers[0].until == TODAY
    assert len(found.digest) == 64


BAD = [
    ("unknown key", "registry:", "registri:", "did you mean 'registry'"),
    ("unknown key below", "runtime: docker", "runtimes: docker", "nodes[0].runtimes"),
    ("wrong choice", "runtime: docker", "runtime: dockerd", "nodes[0].runtime"),
    ("a number in place of a version", 'version: "1.10"}', "version: 1.10}", "quote it"),
    ("missing key", "  - {name: n1, runtime: docker}", "  - {name: n1}", "nodes[0].runtime: this key is missing"),
    ("duplicate key", "nodes:", "schema: runbook/inventory/v1\nnodes:", "line 4, column 1"),
    ("bad yaml", "  - {name: n1, runtime: docker}", "  - {name: n1, runtime: docker", "is not YAML: line"),
    ("duplicate node", "  - {name: n1, runtime: docker}", "  - {name: n1, runtime: docker}\n  - {name: n1, runtime: docker}", "'n1' stands here 2 times"),
    ("unknown check", "checks: [releases-ready]", "checks: [release-ready]", "did you mean 'releases-ready'"),
    ("unknown release", "release: shop/shop", "release: shop/shap", "is not among the releases"),
    ("unknown endpoint", "endpoint: health}", "endpoint: helth}", "is not among the endpoints"),
    ("waiver without who", "who: Ada, ", "", "waivers[0].who: this key is missing"),
    ("waiver with a bad date", "until: 2025-10-17", "until: soon", "waivers[0].until"),
    ("expired waiver", "until: 2025-10-17", "until: 2025-10-16", "expired on 2025-10-16"),
    ("newer schema", "runbook/inventory/v1", "runbook/inventory/v9", "schema"),
    ("bad duration", "waivers:", "soak: quarter\nwaivers:", "soak"),
    ("tls.key as the CA", 'names: ["reg.example:5000"]', 'names: [r], ca_secret: {namespace: a, name: b, key: tls.key}', "registry.ca_secret.key"),
    ("bad fingerprint", 'names: ["reg.example:5000"]', "names: [r], ca_fingerprint: abc", "registry.ca_fingerprint"),
    ("resolve without a port", "nodes:", 'resolve: {"host": "127.0.0.1:1"}\nnodes:', "resolve.host"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_one_clear_sentence_with_the_path(written: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    assert words in complaint(written, GOOD.replace(old, new, 1)).message


def test_missing_empty_binary_and_huge_files(tmp_path: Path, written: Path) -> None:
    with pytest.raises(InventoryError, match="no such file"):
        load(tmp_path / "nowhere.yaml", today=TODAY)
    assert "holds no mapping" in complaint(written, "").message
    written.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InventoryError, match="UTF-8"):
        load(written, today=TODAY)
    written.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(InventoryError, match="bytes"):
        load(written, today=TODAY)


def test_the_shipped_inventories_load(root: Path) -> None:
    found = [
        load(p, today=date(2026, 1, 1)).inventory.cluster.name for p in sorted((root / "inventories").glob("*.yaml"))
    ]
    assert found == ["beckerkube", "harbour"]
