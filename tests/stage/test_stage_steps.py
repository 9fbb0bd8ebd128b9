"""Stepping through a stage on a real API: in order, out of order, twice; what is joined; what a replay says."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from runbook.domain.kinds import KINDS
from runbook.embedded import EmbeddedCluster
from runbook.errors import EvidenceError, RunFolderError, VerdictFailed
from runbook.evidence import Run, load_snapshot, observations_digest, read_journal, seal
from runbook.model import Snapshot
from runbook.stage import Stage, begin, look, look_back, observe_for_explanation, recorded_snapshot, replay_attempts
from runbook.stage.stages import wants
from runbook.stage.telling import Relay


def record(stage: Stage) -> Any:
    """Record, whatever the verdict."""
    with contextlib.suppress(VerdictFailed):
        stage.record()
    return stage.result


def events(stage: Stage) -> list[tuple[str, str]]:
    return [(e.event, e.what) for e in read_journal(stage.setting.attempt.path / "journal.jsonl").entries]


class TestSteps:
    def test_in_order_every_step_is_journalled_before_and_after(self, asked: dict[str, str]) -> None:
        stage = begin("cleanup", **asked)
        for step in (stage.observe, stage.check, stage.explain, stage.plan, stage.apply, stage.prove):
            assert step().text()
        record(stage)
        names = [what for event, what in events(stage) if event == "done"]
        assert names == ["observe", "check", "plan", "prove"]
        assert events(stage)[0] == ("opened", "cleanup")
        assert events(stage)[-1] == ("recorded", "result")
        assert (stage.setting.attempt.path / "result.json").is_file()

    @pytest.mark.parametrize("first", ["check", "explain", "plan", "prove", "record"])
    def test_out_of_order_a_step_does_what_is_missing_before_it(self, asked: dict[str, str], first: str) -> None:
        stage = begin("diagnose", **asked)
        if first == "record":
            record(stage)
        else:
            getattr(stage, first)()
        assert ("done", "observe") in events(stage)
        assert stage.judged is not None

    def test_observing_again_looks_again_and_drops_what_was_concluded(self, asked: dict[str, str]) -> None:
        stage = begin("reconcile", **asked)
        stage.check()
        stage.plan()
        first = stage.observed
        stage.observe()
        assert first is not None
        assert stage.observed is not None
        assert stage.observed.snapshot.observed_at > first.snapshot.observed_at
        assert (stage.judged, stage.actions, stage.planned_at) == (None, (), None)

    def test_recording_twice_keeps_one_attempt(self, asked: dict[str, str]) -> None:
        stage = begin("diagnose", **asked)
        record(stage)
        record(stage)
        assert [s.path for s in Run.load(stage.setting.run.path).stages] == ["50-diagnose"]

    def test_the_first_cell_run_again_goes_on_with_its_attempt_until_that_is_recorded(
        self, asked: dict[str, str]
    ) -> None:
        first, again = begin("diagnose", **asked), begin("diagnose", **asked)
        assert again.setting.attempt == first.setting.attempt
        record(again)
        assert begin("diagnose", **asked).setting.attempt.number == 2

    def test_a_verdict_is_raised_last_and_everything_is_on_disk(self, asked: dict[str, str], monkeypatch: Any) -> None:
        stage = begin("diagnose", **asked)
        stage.check()
        from runbook.model import Finding, ObjectRef, Result, Verdict
        from runbook.stage.judging import Judged

        assert stage.judged is not None
        red = Finding("pods-healthy", ObjectRef("Pod", "a", "b"), Result.FAIL, "crashes")
        stage.judged = Judged(stage.judged.snapshot, (red,), (), stage.judged.explanation, Verdict.FAIL)
        with pytest.raises(VerdictFailed) as caught:
            stage.record()
        assert caught.value.exit_code == 3
        assert stage.setting.attempt.read_result().verdict is Verdict.FAIL
        monkeypatch.setenv("JPY_SESSION_NAME", "/lab/40-verify.ipynb")
        assert begin("diagnose", **asked).setting.how == "lab"

    def test_the_first_cell_shows_where_who_and_when(self, asked: dict[str, str]) -> None:
        text = begin("preflight", **asked).text()
        for part in ("REHEARSAL", "https://127.0.0.1", "pinned, equal", "nothing is changed", "60 times as fast"):
            assert part in text


class TestRuns:
    def test_stages_join_the_newest_run_of_this_cluster_and_inventory(self, asked: dict[str, str]) -> None:
        first = begin("preflight", **asked)
        assert begin("cleanup", **asked).setting.run.path == first.setting.run.path

    def test_an_edited_inventory_opens_another_run_and_is_refused_by_name(
        self, asked: dict[str, str], tmp_path: Path
    ) -> None:
        first = begin("preflight", **asked)
        edited = tmp_path / "edited.yaml"
        edited.write_text(Path(asked["inventory"]).read_text() + "\n# edited\n")
        other = begin("preflight", **{**asked, "inventory": str(edited)})
        assert other.setting.run.path != first.setting.run.path
        with pytest.raises(RunFolderError, match="was edited"):
            begin("cleanup", **{**asked, "inventory": str(edited), "run": first.setting.run.path.name})

    def test_our_runner_never_joins_by_itself(self, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        first = begin("preflight", **asked)
        monkeypatch.setenv("RUNBOOK_HOW", "runner")
        assert begin("cleanup", **asked).setting.run.path != first.setting.run.path

    def test_an_inventory_without_a_uid_can_be_planned_for_and_says_so(
        self, asked: dict[str, str], tmp_path: Path
    ) -> None:
        import re

        path = tmp_path / "unpinned.yaml"
        path.write_text(re.sub(r"uid:\s*['\"]?[0-9a-f-]+['\"]?,?", "", Path(asked["inventory"]).read_text()))
        stage = begin("preflight", **{**asked, "inventory": str(path)})
        assert "pins no UID" in stage.text()


@pytest.fixture(scope="module")
def recorded(meadow: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recorded verify, for everything that reads it back."""
    outputs = tmp_path_factory.mktemp("replay")
    given = {"inventory": str(meadow.inventory), "kubeconfig": str(meadow.kubeconfig), "outputs": str(outputs)}
    stage = begin("verify", **given, soak="none")
    stage.prove()
    record(stage)
    stage.close()
    return stage.setting.run.path


class TestReplay:
    @pytest.fixture
    def run(self, recorded: Path, tmp_path: Path) -> Run:
        return Run.load(shutil.copytree(recorded, tmp_path / recorded.name))

    def test_a_replay_answers_as_the_night_did(self, run: Run) -> None:
        (replayed,) = replay_attempts(run)
        assert replayed.findings > 10
        assert replayed.differences == ()

    def test_checks_saw_what_can_be_read_back_and_nothing_else(self, run: Run) -> None:
        attempt = run.attempts()[0]
        assert observations_digest(attempt.path)
        assert isinstance(recorded_snapshot([run.path]), Snapshot)
        assert recorded_snapshot([attempt.path]).objects.keys() == load_snapshot(attempt.path).objects.keys()

    def test_one_altered_observation_is_seen(self, run: Run) -> None:
        path = run.attempts()[0].path / "observations/HelmRelease.jsonl.gz"
        lines = gzip.decompress(path.read_bytes()).replace(b'"status":"True"', b'"status":"False"')
        path.write_bytes(gzip.compress(lines, mtime=0))
        assert replay_attempts(run)[0].differences

    def test_one_altered_answer_is_seen(self, run: Run) -> None:
        path = run.attempts()[0].path / "result.json"
        data = json.loads(path.read_text())
        data["checks"][0]["reason"] = "all is well"
        path.write_text(json.dumps(data))
        assert any("reason" in d for d in replay_attempts(run)[0].differences)

    def test_cell_by_cell_a_replay_refuses_an_altered_record(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        attempt = run.attempts()[0]
        monkeypatch.setenv("RUNBOOK_REPLAY", str(attempt.path))
        stage = begin("verify")
        stage.check()
        stage.prove()
        stage.record()
        data = json.loads((attempt.path / "result.json").read_text())
        data["checks"][0]["result"] = "fail"
        (attempt.path / "result.json").write_text(json.dumps(data))
        with pytest.raises(EvidenceError, match="differs"):
            begin("verify").record()


class TestLookBack:
    def test_it_reads_a_sealed_run_from_a_folder_of_its_own(self, asked: dict[str, str]) -> None:
        stage = begin("verify", **asked, soak="none")
        record(stage)
        back = look_back(run=stage.setting.run.path.name, outputs=asked["outputs"])
        assert Run.load(stage.setting.run.path).sealed  # it sealed what nobody had
        for step in (back.observe, back.check, back.explain, back.plan, back.prove):
            assert step().text()
        back.record()
        assert back.result is not None
        assert back.result.verdict.value == "pass"
        assert back.attempt.path.parent != stage.setting.run.path

    def test_a_changed_record_fails_the_look_back(self, asked: dict[str, str]) -> None:
        stage = begin("diagnose", **asked)
        record(stage)
        seal(Run.load(stage.setting.run.path))
        journal = stage.setting.attempt.path / "journal.jsonl"
        journal.chmod(0o600)
        journal.write_text(journal.read_text() + "\n")
        back = look_back(run=str(stage.setting.run.path), outputs=asked["outputs"])
        with pytest.raises(VerdictFailed, match="not whole"):
            back.record()

    def test_there_is_no_parameter_through_which_it_could_reach_a_cluster(self) -> None:
        from runbook.stage import PARAMETERS

        assert set(PARAMETERS["retrospective"]) == {"run", "outputs"}

    def test_nothing_to_look_back_on_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(RunFolderError, match="no run to look back on"):
            look_back(outputs=str(tmp_path))


def test_looks_without_a_record_write_nothing(meadow: EmbeddedCluster, tmp_path: Path) -> None:
    given = {"kubeconfig": str(meadow.kubeconfig), "context": None, "talk": Relay(None)}
    result, facts = look(inventory=meadow.inventory, **given)  # type: ignore[arg-type]
    snapshot, _ = observe_for_explanation(meadow.inventory, **given)  # type: ignore[arg-type]
    assert result.findings
    assert facts["cluster"] == "meadow"
    assert snapshot.objects["HelmRelease"]
    assert list(tmp_path.iterdir()) == []


def test_decoders_are_built_before_threads_use_them(asked: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """msgspec crashes the process when two threads build nested structs at once; seen once in a night."""
    from runbook.clients import observe as observing

    order: list[tuple[str, str]] = []
    real = observing._list
    monkeypatch.setattr(observing, "decode", lambda kind, _item: order.append(("built", kind)))
    monkeypatch.setattr(observing, "_list", lambda c, kind: order.append(("listed", kind)) or real(c, kind))
    begin("preflight", **asked).observe()
    listed = [kind for what, kind in order if what == "listed"]
    assert listed == [kind for kind in KINDS if kind in wants("preflight")]
    assert [kind for what, kind in order[: len(listed)] if what == "built"] == [k for k in KINDS if k in listed]
