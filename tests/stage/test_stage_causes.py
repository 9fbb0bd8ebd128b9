"""A team's own causes in a stage: a bad file is refused before the cluster is asked; a good one names what is red, and is kept."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from runbook.cli.app import call
from runbook.embedded import EmbeddedCluster
from runbook.errors import UsageError, VerdictFailed
from runbook.evidence import Run
from runbook.stage import Stage, amend_inventory, begin, catalogue_of, catalogues, opening, replay_attempts

OURS = """schema: runbook/causes/v1
causes:
  - id: desk-not-called
    title: Nobody has called the desk
    layer: registry
    role: cause
    meaning: The desk says so.
    signatures:
      - {by: the desk, match: 'certificate signed by unknown authority', rank: 99}
    next: {text: "Call the desk about {name}.", command: '', safe: true}
    decides: The desk.
"""
BAD = OURS.replace("layer: registry", "layer: sky")


@pytest.fixture(scope="module")
def pair() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster("pair", time_scale=60) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        yield cluster


@pytest.fixture
def red(pair: EmbeddedCluster, tmp_path: Path) -> dict[str, str]:
    """Parameters of a stage on a cluster whose nodes do not trust the registry, with one file of causes."""
    (tmp_path / "ours.yaml").write_text(OURS)
    (tmp_path / "inventory.yaml").write_text(pair.inventory.read_text() + "\ncauses: [ours.yaml]\n")
    return {
        "inventory": str(tmp_path / "inventory.yaml"),
        "kubeconfig": str(pair.kubeconfig),
        "outputs": str(tmp_path / "outputs"),
    }


def recorded(stage: Stage) -> set[str]:
    with contextlib.suppress(VerdictFailed):
        stage.record()
    assert stage.result is not None
    assert stage.result.explanation is not None
    return {cause.cause for cause in stage.result.explanation.first_causes}


@pytest.mark.parametrize("name", ["reconcile", "verify", "diagnose"])
def test_a_stage_names_ones_own_cause(red: dict[str, str], name: str) -> None:
    more = {"soak": "none"} if name == "verify" else {}
    assert "desk-not-called" in recorded(begin(name, **red, **more))


def test_its_next_act_is_the_teams_own(red: dict[str, str]) -> None:
    stage = begin("diagnose", **red)
    assert "Call the desk about" in stage.explain().text()


def test_a_replay_judges_by_what_was_kept_where_the_file_is_gone(red: dict[str, str], tmp_path: Path) -> None:
    stage = begin("diagnose", **red)
    assert "desk-not-called" in recorded(stage)
    kept = tmp_path / "elsewhere"
    shutil.copytree(stage.setting.run.path, kept)
    (tmp_path / "ours.yaml").unlink()
    (again,) = replay_attempts(Run.load(kept))
    assert again.differences == ()
    assert (kept / "inventory.causes" / "00-ours.yaml").read_text() == OURS
    (kept / "inventory.causes" / "00-ours.yaml").write_text(OURS.replace("desk-not-called", "something-else"))
    assert replay_attempts(Run.load(kept))[0].differences != ()


def test_explain_over_a_run_uses_the_causes_kept_with_it(
    red: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = begin("diagnose", **red)
    assert "desk-not-called" in recorded(stage)
    (tmp_path / "ours.yaml").unlink()
    for path in (stage.setting.run.path, stage.setting.attempt.path):
        assert call(["explain", "--from", str(path), "--format", "json"]) == 0
        assert "desk-not-called" in {c["cause"] for c in json.loads(capsys.readouterr().out)["first_causes"]}
    (tmp_path / "theirs.yaml").write_text(OURS.replace("desk-not-called", "other-desk"))
    (tmp_path / "other.yaml").write_text((tmp_path / "inventory.yaml").read_text().replace("ours.yaml", "theirs.yaml"))
    asked = ["explain", "--from", str(stage.setting.run.path), "-i", str(tmp_path / "other.yaml"), "--format", "json"]
    assert call(asked) == 0, "an inventory that is named goes before the one that was kept"
    assert "other-desk" in {c["cause"] for c in json.loads(capsys.readouterr().out)["first_causes"]}


def test_other_words_are_another_judgement_and_open_another_run(red: dict[str, str], tmp_path: Path) -> None:
    first = begin("diagnose", **red).setting.run.path
    opening.close_all()
    assert begin("cleanup", **red).setting.run.path == first
    opening.close_all()
    (tmp_path / "ours.yaml").write_text(OURS.replace("Call the desk", "Ask the desk"))
    assert begin("reconcile", **red).setting.run.path != first
    opening.close_all()
    with pytest.raises(UsageError, match="file of its causes was edited"):
        begin("reconcile", **red, run=str(first))
    amend_inventory(first, Path(red["inventory"]), why="better words")
    assert begin("reconcile", **red, run=str(first)).setting.run.path == first
    assert "Ask the desk" in (first / "inventory-02.causes" / "00-ours.yaml").read_text()


class Installed:
    """Packages that bring causes, by the value of their entry point."""

    GOOD = OURS
    BAD = BAD
    NUMBER = 7

    @staticmethod
    def made() -> str:
        return OURS

    @staticmethod
    def broken() -> str:
        raise RuntimeError("no such table")


def installed(monkeypatch: pytest.MonkeyPatch, *attributes: str) -> None:
    points = EntryPoints(EntryPoint(a, f"{__name__}:Installed.{a}", catalogues.GROUP) for a in attributes)
    monkeypatch.setattr(catalogues, "entry_points", lambda group: points.select(group=group))


class TestAnInstalledPackage:
    @pytest.mark.parametrize("attribute", ["GOOD", "made"])
    def test_adds_causes_with_and_without_an_inventory(
        self, monkeypatch: pytest.MonkeyPatch, pair: EmbeddedCluster, tmp_path: Path, attribute: str
    ) -> None:
        installed(monkeypatch, attribute)
        assert "desk-not-called" in catalogue_of(None).causes
        given = {"inventory": str(pair.inventory), "kubeconfig": str(pair.kubeconfig), "outputs": str(tmp_path / "o")}
        stage = begin("diagnose", **given)
        assert "desk-not-called" in recorded(stage)
        installed(monkeypatch)
        assert replay_attempts(Run.load(stage.setting.run.path))[0].differences == ()

    @pytest.mark.parametrize(
        ("attribute", "said"),
        [("BAD", "layer 'sky' is none of"), ("NUMBER", "int instead of a text"), ("broken", "no such table")],
    )
    def test_that_brings_a_bad_text_is_named(self, monkeypatch: pytest.MonkeyPatch, attribute: str, said: str) -> None:
        installed(monkeypatch, attribute)
        with pytest.raises(UsageError, match=said) as refused:
            catalogue_of(None)
        assert f"entry point runbook.causes: {attribute}" in str(refused.value)


@pytest.mark.parametrize("name", ["cleanup", "reconcile", "verify", "diagnose"])
def test_a_bad_file_is_refused_before_anything_is_asked(
    red: dict[str, str], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(opening, "reach", lambda *a, **k: asked.append("the cluster"))
    (tmp_path / "ours.yaml").write_text(BAD)
    with pytest.raises(UsageError) as refused:
        begin(name, **red)
    assert refused.value.exit_code == 2
    assert "ours.yaml:5" in str(refused.value)
    assert "layer 'sky' is none of" in str(refused.value)
    assert asked == []
    assert not (tmp_path / "outputs").exists()
