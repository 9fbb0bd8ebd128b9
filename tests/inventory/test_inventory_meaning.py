"""What is well formed and cannot be meant is refused; what pin and init write says what it was meant to say, and loads."""

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
from runbook.inventory.references import STAGES
from runbook.inventory.starter import starter
from runbook.model import Snapshot
from runbook.stage import stages

TODAY = date(2025, 1, 1)
HEAD = "schema: runbook/inventory/v1\ncluster: {name: shop, uid: old-uid}\n"
WORKLOAD = "workload: {kind: Deployment, namespace: n, name: m}"


def snapshot(**objects: Any) -> Snapshot:
    return Snapshot(datetime(2025, 1, 1, tzinfo=UTC), "shop", objects)


def read(path: Path, text: str) -> Any:
    file = path / "i.yaml"
    file.write_text(text)
    return load(file, today=TODAY)


REFUSED = {
    "a row's endpoint": (
        f"infrastructure:\n  - {{id: a, text: b, {WORKLOAD}, endpoint: nowhere}}\n",
        "infrastructure[0].endpoint: 'nowhere' is not among",
    ),
    "a row that rests on itself": (
        f"infrastructure:\n  - {{id: a, text: b, {WORKLOAD}, also: [infrastructure-ready]}}\n",
        "infrastructure[0].also: 'infrastructure-ready' asks this very row",
    ),
    "a criterion's stage": (
        "criteria:\n  - {id: a, text: b, checks: [soak], stage: verfy}\n",
        "criteria[0].stage: there is no stage 'verfy'; did you mean 'verify'?",
    ),
    "an endpoint's service": (
        "endpoints:\n  - {name: a, url: 'https://x', service: nonsense}\n",
        "endpoints[0].service: 'nonsense' is not namespace/name",
    ),
    "an endpoint's address": (
        "endpoints:\n  - {name: a, url: nonsense}\n",
        "endpoints[0].url: 'nonsense' is not an http",
    ),
    "an endpoint's scheme": ("endpoints:\n  - {name: a, url: 'ftp://x/y'}\n", "endpoints[0].url: 'ftp://x/y' is not"),
    "an endpoint's port": ("endpoints:\n  - {name: a, url: 'https://x:y/'}\n", "endpoints[0].url: 'https://x:y/' is"),
    "an endpoint without a host": ("endpoints:\n  - {name: a, url: 'https:///x'}\n", "endpoints[0].url"),
    "a regular expression": ("logs: {allow: ['(']}\n", "logs.allow[0]: '(' is not a regular expression"),
    "a soak of no time": ("soak: 0s\n", "soak: '0s' is no time at all"),
    "a look back of no time": ("logs: {since: 0m}\n", "logs.since: '0m' is no time at all"),
    "a file of causes": ("causes: [ours.yaml]\n", "causes[0]: there is no file 'ours.yaml'"),
}


@pytest.mark.parametrize("noun", sorted(REFUSED))
def test_what_cannot_be_meant_is_refused_with_its_path(tmp_path: Path, noun: str) -> None:
    text, words = REFUSED[noun]
    with pytest.raises(InventoryError) as caught:
        read(tmp_path, HEAD + text)
    assert words in caught.value.message
    assert caught.value.exit_code == 2


def test_a_file_of_causes_is_looked_for_beside_the_inventory(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text("schema: runbook/causes/v1\ncauses: []\n")
    assert read(tmp_path, HEAD + "causes: [ours.yaml]\n").inventory.causes == ("ours.yaml",)


def test_the_stages_a_criterion_may_name_are_the_stages() -> None:
    assert set(STAGES) == set(stages.STAGES) - {"retrospective"}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [("schema: &a {b: *a}\n", "holds itself"), (BOMB, "more than 1000000 values"), ("a: " + "[" * 5000, "nested")],
    ids=["in a mapping", "of a billion values", "too deep"],
)
def test_yaml_without_a_worthwhile_end_is_one_clear_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InventoryError, match=words):
        read(tmp_path, text)


def test_yaml_that_holds_itself_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InventoryError):
        read(tmp_path, "schema: &a [*a]\n")


def test_a_forbidden_character_has_a_line(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        read(tmp_path, "schema: x\na: \x07\n")
    assert "line 2, column 4" in caught.value.message


def test_pinning_leaves_comments_alone(tmp_path: Path) -> None:
    file = read(tmp_path, "# cluster: {name: an example, uid: example}\n" + HEAD)
    assert read(tmp_path, pinned(file, uid="new", snapshot=snapshot()).text).inventory.cluster.uid == "new"


def test_what_pinning_gives_back_loads_or_is_refused(tmp_path: Path) -> None:
    file = read(tmp_path, "schema: runbook/inventory/v1\ncluster:\n  {name: shop}\n")
    assert read(tmp_path, pinned(file, uid="new", snapshot=snapshot()).text).inventory.cluster.uid == "new"


def test_a_starter_quotes_names_that_look_like_numbers(tmp_path: Path) -> None:
    node = decode("Node", json.dumps({"metadata": {"name": "101"}}).encode())
    text = starter(snapshot(Node=(node,)), name="shop", context="c", uid="u")
    assert read(tmp_path, text).inventory.nodes[0].name == "101"


@pytest.mark.parametrize("kind", ["OCIRepository", "Bucket"])
def test_a_starter_lists_every_kind_of_source(tmp_path: Path, kind: str) -> None:
    source = decode(kind, json.dumps({"metadata": {"name": "s", "namespace": "f"}}).encode())
    text = starter(snapshot(**{kind: (source,)}), name="shop", context="c", uid="u")
    assert [s.kind for s in read(tmp_path, text).inventory.sources] == [kind]


@pytest.mark.parametrize("name", ["101", "1.10", "1e3", "true", "null", "off", "0x1f", "2025-10-17", "a.b-c"])
def test_a_starters_names_are_read_back_as_they_are(tmp_path: Path, name: str) -> None:
    release = {"metadata": {"name": name, "namespace": name}, "spec": {"chart": {"spec": {"version": name}}}}
    objects = {"HelmRelease": (decode("HelmRelease", json.dumps(release).encode()),)}
    text = starter(snapshot(**objects), name=name, context=f'{name} "of" us', uid=name)
    found = read(tmp_path, text).inventory
    assert [(r.namespace, r.name, r.version) for r in found.releases] == [(name, name, name)]
    assert (found.cluster.name, found.cluster.uid, found.cluster.context) == (name, name, f'{name} "of" us')


PLACES = {
    "a comment with braces": HEAD + "# cluster: {uid: x}\n",
    "a value that looks like it": "schema: runbook/inventory/v1\ncluster: {context: 'cluster: {uid: x', name: shop}\n",
    "another uid before": "ticket: {id: 'uid: x'}\nschema: runbook/inventory/v1\ncluster: {name: shop, uid: old-uid}\n",
    "quoted": 'schema: runbook/inventory/v1\ncluster:\n    uid: "old-uid"   # was\n    name: shop\n',
    "none yet, indented": "schema: runbook/inventory/v1\ncluster:\n    # ours\n    name: shop\n",
    "many lines": "schema: runbook/inventory/v1\ncluster: {\n  name: shop,\n  uid: old-uid\n}\n",
    "Windows": "schema: runbook/inventory/v1\r\ncluster:\r\n  name: shop\r\n",
}


@pytest.mark.parametrize("place", sorted(PLACES))
@pytest.mark.parametrize("uid", ["5b1d0f52-6c0e-4a1c-9d0f-3c7b2f9e8a41", "123"])
def test_pinning_finds_the_uid_where_yaml_does(tmp_path: Path, place: str, uid: str) -> None:
    file = read(tmp_path, PLACES[place])
    change = pinned(file, uid=uid, snapshot=snapshot())
    found = read(tmp_path, change.text).inventory
    assert found.cluster.uid == uid
    assert found.model_copy(update={"cluster": file.inventory.cluster}) == file.inventory
    came = [x for x in change.diff.splitlines() if x[0] == "+" and x[:3] != "+++"]
    gone = [x for x in change.diff.splitlines() if x[0] == "-" and x[:3] != "---"]
    assert (len(came), len(gone) <= 1) == (1, True)


def test_pinning_refuses_a_text_it_would_change_elsewhere(tmp_path: Path) -> None:
    text = "schema: runbook/inventory/v1\ncluster: {name: &n old, uid: *n}\n"
    with pytest.raises(InventoryError, match="cannot be edited safely"):
        pinned(read(tmp_path, text), uid="new", snapshot=snapshot())
