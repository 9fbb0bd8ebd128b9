"""Bad input: one clear error with the field's path, exit 2, nothing written. A case for every noun."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook.embedded import EmbeddedCluster
from runbook.errors import UsageError
from runbook.stage import begin

TOKEN = "ghp_" + "a1B2" * 9


def inventory_with(text: str) -> Callable[[dict[str, str], Path], dict[str, str]]:
    def change(asked: dict[str, str], folder: Path) -> dict[str, str]:
        path = folder / "changed.yaml"
        original = Path(asked["inventory"]).read_text()
        path.write_text(text.replace("{original}", original))
        return {"inventory": str(path)}

    return change


def kubeconfig_with(old: str, new: str) -> Callable[[dict[str, str], Path], dict[str, str]]:
    def change(asked: dict[str, str], folder: Path) -> dict[str, str]:
        path = folder / "kubeconfig"
        text = Path(asked["kubeconfig"]).read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return {"kubeconfig": str(path)}

    return change


def other_uid(asked: dict[str, str], folder: Path) -> dict[str, str]:
    path = folder / "other.yaml"
    text = Path(asked["inventory"]).read_text()
    path.write_text(text.replace("7d3c9a10", "91c0b2fe"))
    return {"inventory": str(path)}


def read_only(asked: dict[str, str], folder: Path) -> dict[str, str]:
    (folder / "file").write_text("")
    return {"outputs": str(folder / "file" / "outputs")}


def truncated_run(asked: dict[str, str], folder: Path) -> dict[str, str]:
    (folder / "run").mkdir()
    (folder / "run/run.json").write_text('{"schema": "runbook/run/v1"')
    return {"run": str(folder / "run")}


def newer_run(asked: dict[str, str], folder: Path) -> dict[str, str]:
    (folder / "run").mkdir()
    (folder / "run/run.json").write_text('{"schema": "runbook/run/v7", "stages": []}')
    return {"run": str(folder / "run")}


Case = dict[str, Any] | Callable[[dict[str, str], Path], dict[str, str]]
CASES: dict[str, tuple[Case, str]] = {
    "unknown parameter": ({"sok": "none"}, "did you mean 'soak'"),
    "mistyped parameter": ({"soak": 5}, "quote it"),
    "soak that is no duration": ({"soak": "5 minutes"}, "not inventory, none or a duration"),
    "mode that is none": ({"mode": "aply"}, "none of plan, apply"),
    "apply without the cluster's name": ({"mode": "apply"}, "the cluster's name must be typed"),
    "confirm of another cluster": ({"confirm": "staging"}, "'meadow'"),
    "secret as a parameter": ({"context": TOKEN}, "looks like a secret"),
    "no inventory": ({"inventory": ""}, "no inventory is named"),
    "inventory missing": ({"inventory": "/nowhere/x.yaml"}, "no such file"),
    "inventory not YAML": (inventory_with("schema: [runbook\nb: {"), "line"),
    "inventory with an unknown key": (inventory_with("{original}\nnode_names: []\n"), "node"),
    "inventory with a duplicate key": (inventory_with("{original}\nsoak: 3m\n"), "twice"),
    "expired waiver": (
        inventory_with(
            "{original}\nwaivers: [{id: W, check: soak, object: '*', who: a, ticket: T, until: 2020-01-01, why: x}]\n"
        ),
        "expired",
    ),
    "malformed waiver": (inventory_with("{original}\nwaivers: [{id: W}]\n"), "waivers"),
    "kubeconfig missing": ({"kubeconfig": "/nowhere/config"}, "kubeconfig"),
    "no such context": ({"context": "nowhere"}, "nowhere"),
    "another cluster": (other_uid, "this is another cluster"),
    "outputs not writable": (read_only, "cannot be written"),
    "run folder missing": ({"run": "/nowhere/run"}, "no such folder"),
    "run folder truncated": (truncated_run, "truncated"),
    "run folder of a newer schema": (newer_run, "runbook/run/v7"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_with_exit_2_and_nothing_is_written(asked: dict[str, str], tmp_path: Path, case: str) -> None:
    change, words = CASES[case]
    given = change(asked, tmp_path) if callable(change) else change
    with pytest.raises(UsageError) as caught:
        begin("verify", **{**asked, **given})
    assert caught.value.exit_code == 2
    assert words.lower() in str(caught.value).lower()
    assert TOKEN not in str(caught.value)
    outputs = tmp_path / "outputs"
    assert not outputs.exists() or list(outputs.iterdir()) == []


def test_what_is_refused_before_connecting_asks_the_server_nothing(
    asked: dict[str, str], meadow: EmbeddedCluster
) -> None:
    log = meadow.state / "requests.jsonl"
    before = sum("runbook" in line for line in log.read_text().splitlines())
    with pytest.raises(UsageError):
        begin("verify", **{**asked, "sok": "none"})
    assert sum("runbook" in line for line in log.read_text().splitlines()) == before


def test_an_unknown_stage_names_the_nearest(asked: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="did you mean 'verify'"):
        begin("verfy", **asked)


def test_runs_are_private_from_their_first_moment(asked: dict[str, str]) -> None:
    before = os.umask(0o022)
    stage = begin("preflight", **asked)
    os.umask(before)
    for path in (stage.setting.run.path, stage.setting.attempt.path, stage.setting.run.path.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
