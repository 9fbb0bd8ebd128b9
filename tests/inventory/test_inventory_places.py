"""Where things are found: outputs by option, environment and notebooks folder; shipped files in a repository and in a wheel."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from runbook import settings
from runbook.errors import RunbookError
from runbook.inventory.load import load
from runbook.settings import inventories_dir, notebooks_dir, outputs_dir

SHIPPED = ("beckerkube", "harbour")


@pytest.fixture(scope="module")
def inventories(root: Path) -> dict[str, Any]:
    return {n: load(root / f"inventories/{n}.yaml", today=date(2026, 1, 1)).inventory for n in SHIPPED}


class TestOutputs:
    def test_the_option_wins_over_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RUNBOOK_OUTPUTS", str(tmp_path / "env"))
        assert outputs_dir(tmp_path / "option") == tmp_path / "option"
        assert outputs_dir() == tmp_path / "env"

    @pytest.mark.parametrize("value", ["", None])
    def test_else_it_lies_beside_the_notebooks_in_use(
        self, monkeypatch: pytest.MonkeyPatch, root: Path, value: str | None
    ) -> None:
        if value is not None:
            monkeypatch.setenv("RUNBOOK_OUTPUTS", value)
        assert outputs_dir() == root / "outputs"
        assert outputs_dir().parent == notebooks_dir().parent

    def test_a_relative_one_is_made_absolute_where_it_was_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert outputs_dir(Path("here")) == tmp_path / "here"

    def test_a_home_is_a_home(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert outputs_dir(Path("~/runs")) == tmp_path / "runs"


class TestShipped:
    def test_a_repository_uses_its_own_folders_so_that_edits_are_seen(self, root: Path) -> None:
        assert (notebooks_dir(), inventories_dir()) == (root / "notebooks", root / "inventories")
        assert (notebooks_dir() / "40-verify.ipynb").is_file()

    @pytest.mark.parametrize("find", [notebooks_dir, inventories_dir])
    def test_a_wheel_uses_its_package_data(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, find: Any) -> None:
        package = tmp_path / "site-packages" / "runbook"
        name = "_notebooks" if find is notebooks_dir else "_inventories"
        (package / name).mkdir(parents=True)
        monkeypatch.setattr(settings, "PACKAGE", package)
        assert find() == package / name

    def test_a_folder_of_that_name_without_a_pyproject_is_not_taken(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        package = tmp_path / "site-packages" / "runbook"
        (package / "_notebooks").mkdir(parents=True)
        (package.parent / "notebooks").mkdir()
        monkeypatch.setattr(settings, "PACKAGE", package)
        assert notebooks_dir() == package / "_notebooks"

    def test_a_wheel_keeps_runs_where_it_is_used(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(settings, "PACKAGE", tmp_path / "site-packages" / "runbook")
        monkeypatch.chdir(tmp_path)
        assert outputs_dir() == tmp_path / "outputs"

    def test_an_installation_without_them_says_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(settings, "PACKAGE", tmp_path / "runbook")
        with pytest.raises(RunbookError, match="Install it again"):
            notebooks_dir()


class TestInventories:
    def test_the_source_task_is_counted_as_it_counts(self, inventories: dict[str, Any]) -> None:
        site = inventories["beckerkube"]
        assert len(site.releases) == 27
        assert (len(site.services), len(site.infrastructure), len(site.endpoints)) == (12, 9, 3)
        assert Counter(c.group for c in site.criteria) == {"acceptance": 9, "success": 6}
        assert sum(c.ticked is True for c in site.criteria) == 9
        assert sum(bool(s.ticked) for s in site.services) == 5

    def test_what_no_text_says_is_marked(self, inventories: dict[str, Any]) -> None:
        assumed = [f"{r.namespace}/{r.name}" for r in inventories["beckerkube"].releases if r.assumed]
        assert sum(n.startswith("triager/") and n.endswith("-worker") for n in assumed) == 4
        assert {n for n in assumed if not n.endswith("-worker")} == {
            "databases/postgresql",
            "flux-system/registry",
            "midwestmtg/redis",
        }

    def test_the_second_world_shares_nothing_with_the_first(self, inventories: dict[str, Any]) -> None:
        first, second = (inventories[n] for n in SHIPPED)
        assert {n.runtime for n in second.nodes} == {"containerd"}
        assert len(second.nodes) == 3
        assert not {n.name for n in first.nodes} & {n.name for n in second.nodes}
        assert not set(first.registry.names) & set(second.registry.names)
        assert not {r.namespace for r in first.releases} & {r.namespace for r in second.releases}

    def test_a_shipped_inventory_pins_no_cluster_and_holds_no_secret(self, inventories: dict[str, Any]) -> None:
        for site in inventories.values():
            assert site.cluster.uid == ""
            assert not site.cluster.rehearsal
            assert "PRIVATE" not in json.dumps(site.model_dump(mode="json"))

    @pytest.mark.parametrize("path", sorted(p.parent.name for p in Path(settings.PACKAGE).glob("rehearsal/scenarios/*/inventory.yaml")))  # fmt: skip
    def test_every_scenarios_inventory_loads(self, path: str) -> None:
        file = settings.PACKAGE / "rehearsal/scenarios" / path / "inventory.yaml"
        assert load(file, today=date(2025, 10, 17)).inventory.criteria
