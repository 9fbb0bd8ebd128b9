"""Bad input, noun by noun: unknown keys at every depth, duplicates of every list, every way to spoil a waiver; nothing touched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from runbook.errors import InventoryError
from runbook.inventory.load import load

TODAY = date(2025, 10, 17)
WORKLOAD = {"kind": "Deployment", "namespace": "shop", "name": "shop"}
WAIVER = {
    "id": "W1",
    "check": "releases-ready",
    "object": "HelmRelease/velero/*",
    "who": "Ada",
    "ticket": "T-6",
    "until": TODAY,
    "why": "known",
}


def good() -> dict[str, Any]:
    return {
        "schema": "runbook/inventory/v1",
        "cluster": {"name": "shop"},
        "registry": {"names": ["reg.example:5000"]},
        "nodes": [{"name": "n1", "runtime": "docker"}],
        "sources": [{"kind": "GitRepository", "namespace": "f", "name": "fleet"}],
        "kustomizations": [{"name": "apps"}],
        "releases": [{"namespace": "shop", "name": "shop", "version": "1.10"}],
        "services": [{"id": "shop", "text": "It runs", "release": "shop/shop"}],
        "infrastructure": [{"id": "row", "text": "A row", "workload": dict(WORKLOAD)}],
        "endpoints": [{"name": "health", "url": "https://h"}],
        "criteria": [{"id": "C1", "text": "Ready", "checks": ["releases-ready"]}],
        "waivers": [dict(WAIVER)],
    }


LISTS = [name for name, value in good().items() if isinstance(value, list)]
TEXTS = {"nodes": "name", "releases": "version", "services": "text", "endpoints": "url", "criteria": "text"}


@pytest.fixture
def complaint(tmp_path: Path) -> Callable[[Any], InventoryError]:
    """What `load` says of an inventory (a mapping, or a text): exit 2, the file's path, and the folder as it was."""

    def of(content: Any) -> InventoryError:
        path = tmp_path / "inventory.yaml"
        if isinstance(content, str):
            path.write_text(content)
        else:
            YAML().dump(content, path)
        before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.iterdir()}
        with pytest.raises(InventoryError) as caught:
            load(path, today=TODAY)
        assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.iterdir()} == before
        assert caught.value.exit_code == 2
        assert str(path) in caught.value.field
        return caught.value

    return of


def test_the_good_one_is_good(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    YAML().dump(good(), path)
    assert load(path, today=TODAY).inventory.releases[0].version == "1.10"


@pytest.mark.parametrize("name", LISTS)
def test_an_unknown_key_below_every_list_names_its_path_and_the_nearest(complaint: Any, name: str) -> None:
    content = good()
    key = next(iter(content[name][0]))
    content[name][0][f"{key}s"] = "x"
    said = complaint(content)
    assert f"{name}[0].{key}s" in said.field
    assert f"did you mean {key!r}?" in said.message


@pytest.mark.parametrize("name", LISTS)
def test_a_duplicate_in_every_list_is_refused(complaint: Any, name: str) -> None:
    content = good()
    content[name].append(dict(content[name][0]))
    said = complaint(content)
    assert name in said.field
    assert "stands here 2 times" in said.message


def test_a_registry_name_that_stands_twice_is_refused(complaint: Any) -> None:
    assert "registry.names" in complaint({**good(), "registry": {"names": ["a:1", "a:1"]}}).field


@pytest.mark.parametrize(("name", "key"), sorted(TEXTS.items()))
@pytest.mark.parametrize("value", [1.1, 7, True, None, ["x"]], ids=repr)
def test_a_text_that_is_none_names_its_path(complaint: Any, name: str, key: str, value: Any) -> None:
    content = good()
    content[name][0][key] = value
    said = complaint(content)
    assert f"{name}[0].{key}" in said.field
    if isinstance(value, int | float) and not isinstance(value, bool):
        assert f'quote it: "{value}"' in said.message


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", ["text", {"a": 1}, 3], ids=repr)
def test_a_list_that_is_none_names_its_path(complaint: Any, name: str, value: Any) -> None:
    assert name in complaint({**good(), name: value}).field


@pytest.mark.parametrize("key", sorted(WAIVER))
def test_a_waiver_needs_each_of_its_fields(complaint: Any, key: str) -> None:
    waiver = {k: v for k, v in WAIVER.items() if k != key}
    assert f"waivers[0].{key}" in complaint({**good(), "waivers": [waiver]}).field


@pytest.mark.parametrize("key", sorted(set(WAIVER) - {"until"}))
def test_a_waivers_field_may_not_be_empty(complaint: Any, key: str) -> None:
    assert f"waivers[0].{key}" in complaint({**good(), "waivers": [{**WAIVER, key: ""}]}).field


@pytest.mark.parametrize("until", ["soon", "2025-13-45", 20251101, "31.10.2025"], ids=repr)
def test_a_waivers_last_day_is_a_date(complaint: Any, until: Any) -> None:
    assert "waivers[0].until" in complaint({**good(), "waivers": [{**WAIVER, "until": until}]}).field


@pytest.mark.parametrize("days", [1, 400])
def test_an_expired_waiver_is_refused_and_named(complaint: Any, days: int) -> None:
    expired = {**WAIVER, "until": TODAY - timedelta(days=days)}
    said = complaint({**good(), "waivers": [expired]})
    assert "waivers[0].until" in said.field
    assert "'W1' expired on" in said.message


@pytest.mark.parametrize("place", ["waivers[0].check", "criteria[0].checks", "infrastructure[0].also"])
def test_a_check_that_does_not_exist_names_the_nearest(complaint: Any, place: str) -> None:
    content = good()
    name, key = place.replace("[0]", "").split(".")
    content[name][0][key] = "image-pull" if key == "check" else ["image-pull"]
    said = complaint(content)
    assert place in said.field
    assert "did you mean 'image-pulls'?" in said.message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, 2\nb: 3\n", "line 2"),
        ("a: 'open\n", "line 2"),
        ("\tkey: 1\n", "line 1"),
        ("a: b: c\n", "line 1"),
        ("a: *nowhere\n", "line 1"),
        ("a: 1\na: 2\n", "line 2"),
        ("a: !!python/object:os.system x\n", "line 1"),
        ("a: 1\n---\nb: 2\n", "line 2"),
    ],
)
def test_bad_yaml_has_a_line_and_a_column(complaint: Any, text: str, line: str) -> None:
    said = complaint(text)
    assert line in said.message
    assert "column" in said.message


@pytest.mark.parametrize("text", ["[]", "just words", "42", "null", "- a\n- b\n"])
def test_yaml_that_is_no_mapping_says_how_one_begins(complaint: Any, text: str) -> None:
    assert "begins with `schema: runbook/inventory/v1`" in complaint(text).message


def test_a_folder_is_no_inventory(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="cannot be read") as caught:
        load(tmp_path, today=TODAY)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("noun", ["yes", "no", "on", "off"])
def test_words_that_yaml_once_took_for_truth_values_are_words(tmp_path: Path, noun: str) -> None:
    path = tmp_path / "i.yaml"
    path.write_text(f"schema: runbook/inventory/v1\ncluster: {{name: {noun}}}\n")
    assert load(path, today=TODAY).inventory.cluster.name == noun
