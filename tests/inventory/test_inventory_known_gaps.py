"""What reading, pinning and starting an inventory do not keep yet. Each fails today, and turns red here when it is cured."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook.domain.kinds import decode
from runbook.errors import InventoryError
from runbook.inventory.load import load
from runbook.inventory.pin import pinned
from runbook.inventory.starter import starter
from runbook.model import Snapshot

TODAY = date(2025, 1, 1)
HEAD = "schema: runbook/inventory/v1\ncluster: {name: shop, uid: old-uid}\n"
WORKLOAD = "workload: {kind: Deployment, namespace: n, name: m}"


def gap(reason: str, raises: Any = AssertionError) -> pytest.MarkDecorator:
    return pytest.mark.xfail(reason=reason, raises=raises, strict=True)


def snapshot(**objects: Any) -> Snapshot:
    return Snapshot(datetime(2025, 1, 1, tzinfo=UTC), "shop", objects)


def read(path: Path, text: str) -> Any:
    file = path / "i.yaml"
    file.write_text(text)
    return load(file, today=TODAY)


NOT_REFUSED = {
    "a row's endpoint": f"infrastructure:\n  - {{id: a, text: b, {WORKLOAD}, endpoint: nowhere}}\n",
    "a row that rests on itself": f"infrastructure:\n  - {{id: a, text: b, {WORKLOAD}, also: [infrastructure-ready]}}\n",
    "a criterion's stage": "criteria:\n  - {id: a, text: b, checks: [soak], stage: verfy}\n",
    "an endpoint's service": "endpoints:\n  - {name: a, url: 'https://x', service: nonsense}\n",
    "an endpoint's address": "endpoints:\n  - {name: a, url: nonsense}\n",
    "a regular expression": "logs: {allow: ['(']}\n",
    "a soak of no time": "soak: 0s\n",
}


@gap("load accepts it; a criterion of a mistyped stage, say, is then never judged", raises=pytest.fail.Exception)
@pytest.mark.parametrize("noun", sorted(NOT_REFUSED))
def test_what_cannot_be_meant_is_refused(tmp_path: Path, noun: str) -> None:
    with pytest.raises(InventoryError):
        read(tmp_path, HEAD + NOT_REFUSED[noun])


@gap("an alias to itself ends in a traceback", raises=RecursionError)
def test_yaml_that_holds_itself_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InventoryError):
        read(tmp_path, "schema: &a [*a]\n")


@gap("a character YAML does not allow is named by its position, not by line and column")
def test_a_forbidden_character_has_a_line(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        read(tmp_path, "schema: x\na: \x07\n")
    assert "line 2" in caught.value.message


@gap("the new UID is written into a comment that looks like the entry; the entry keeps the old one")
def test_pinning_leaves_comments_alone(tmp_path: Path) -> None:
    file = read(tmp_path, "# cluster: {name: an example, uid: example}\n" + HEAD)
    assert read(tmp_path, pinned(file, uid="new", snapshot=snapshot()).text).inventory.cluster.uid == "new"


@gap("the text that pin gives back does not load", raises=InventoryError)
def test_what_pinning_gives_back_loads_or_is_refused(tmp_path: Path) -> None:
    file = read(tmp_path, "schema: runbook/inventory/v1\ncluster:\n  {name: shop}\n")
    assert read(tmp_path, pinned(file, uid="new", snapshot=snapshot()).text).inventory.cluster.uid == "new"


@gap("names that YAML takes for numbers are not quoted", raises=InventoryError)
def test_a_starter_quotes_names_that_look_like_numbers(tmp_path: Path) -> None:
    node = decode("Node", json.dumps({"metadata": {"name": "101"}}).encode())
    text = starter(snapshot(Node=(node,)), name="shop", context="c", uid="u")
    assert read(tmp_path, text).inventory.nodes[0].name == "101"


@gap("only Git and Helm repositories are listed")
@pytest.mark.parametrize("kind", ["OCIRepository", "Bucket"])
def test_a_starter_lists_every_kind_of_source(tmp_path: Path, kind: str) -> None:
    source = decode(kind, json.dumps({"metadata": {"name": "s", "namespace": "f"}}).encode())
    text = starter(snapshot(**{kind: (source,)}), name="shop", context="c", uid="u")
    assert [s.kind for s in read(tmp_path, text).inventory.sources] == [kind]
