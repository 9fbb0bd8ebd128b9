"""The run folder: names, modes, attempts, joins, and every way in which one can be broken."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from evidence_samples import NOW, new_run, result

from runbook.errors import EvidenceError, ParameterError, RunFolderError
from runbook.evidence import Run, broken_runs, find_joinable, list_runs, seal
from runbook.model import Verdict


def test_a_run_is_named_by_utc_and_cluster_and_never_twice(tmp_path: Path) -> None:
    names = [new_run(tmp_path, cluster="my cluster/../x").path.name for _ in range(3)]
    assert names == [f"20251017-111558-my-cluster-..-x{end}" for end in ("", "-2", "-3")]


def test_everything_of_a_run_is_private(tmp_path: Path) -> None:
    run = new_run(tmp_path / "outputs")
    attempt = run.new_attempt("verify")
    attempt.write_result(result())
    for path in (tmp_path / "outputs").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE((tmp_path / "outputs").stat().st_mode) == 0o700


def test_attempts_are_numbered_and_earlier_ones_stay(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    paths = [run.new_attempt("verify").path.name for _ in range(2)] + [run.new_attempt("cleanup").path.name]
    assert paths == ["40-verify", "40-verify-attempt-02", "20-cleanup"]
    assert [s.path for s in Run.load(run.path).stages] == paths


def test_a_runs_verdict_is_the_worst_of_the_latest_attempts(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    for stage, verdict in (("verify", Verdict.FAIL), ("verify", Verdict.PASS), ("cleanup", Verdict.WAIVED)):
        attempt = run.new_attempt(stage)
        attempt.write_result(result(stage=stage, attempt=attempt.number, verdict=verdict))
    assert Run.load(run.path).verdict is Verdict.WAIVED
    run.new_attempt("diagnose")
    assert Run.load(run.path).verdict is Verdict.ERROR  # it never ended


def test_a_run_with_nothing_in_it_did_not_pass(tmp_path: Path) -> None:
    assert new_run(tmp_path).verdict is Verdict.ERROR


def test_outputs_that_cannot_be_written_are_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match="cannot be written") as caught:
        new_run(tmp_path / "file" / "outputs")
    assert caught.value.exit_code == 2


class TestJoining:
    def joined(self, tmp_path: Path, *, uid: str = "0f6d7c1e", digest: str = "d" * 64, hours: float = 1) -> Run | None:
        return find_joinable(tmp_path, uid, digest, lambda: NOW + timedelta(hours=hours))

    def test_the_newest_run_of_this_cluster_and_inventory_is_joined(self, tmp_path: Path) -> None:
        new_run(tmp_path, now=lambda: NOW - timedelta(hours=1))
        newest = new_run(tmp_path)
        found = self.joined(tmp_path)
        assert found is not None
        assert found.path == newest.path

    @pytest.mark.parametrize("change", [{"uid": "other"}, {"digest": "e" * 64}, {"hours": 12}, {"hours": -1}])
    def test_another_cluster_inventory_or_night_is_not_joined(self, tmp_path: Path, change: dict[str, Any]) -> None:
        new_run(tmp_path)
        assert self.joined(tmp_path, **change) is None

    def test_a_sealed_run_and_a_look_back_are_not_joined(self, tmp_path: Path) -> None:
        sealed, back = new_run(tmp_path), new_run(tmp_path)
        seal(sealed)
        back.new_attempt("retrospective")
        assert self.joined(tmp_path) is None

    def test_a_sealed_run_takes_no_further_attempt(self, tmp_path: Path) -> None:
        run = new_run(tmp_path)
        seal(run)
        with pytest.raises(RunFolderError, match="sealed"):
            run.new_attempt("verify")


def whole(tmp_path: Path) -> Path:
    run = new_run(tmp_path)
    run.new_attempt("verify").write_result(result())
    return run.path


BROKEN = {
    "missing folder": (None, "no such folder"),
    "no run.json": ("", "holds no run.json"),
    "truncated": ('{"schema": "runbook/run/v1", "id', "truncated"),
    "not an object": ("[1, 2]", "foreign"),
    "foreign": ('{"name": "package", "stages": []}', "schema None"),
    "newer schema": ('{"schema": "runbook/run/v2", "stages": []}', "runbook/run/v2"),
    "a stage that is none": (
        '{"schema": "runbook/run/v1", "opened": "2025-10-17T11:15:58Z", "stages": [{"stage": "x", "path": "y"}]}',
        "lacks or misstates",
    ),
    "a time without a zone": (
        '{"schema": "runbook/run/v1", "opened": "2025-10-17T11:15:58", "stages": []}',
        "time zone",
    ),
    "facts missing": ('{"schema": "runbook/run/v1", "opened": "2025-10-17T11:15:58Z", "stages": []}', "cluster"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_run_folder_is_one_clear_error_of_exit_2(tmp_path: Path, case: str) -> None:
    text, words = BROKEN[case]
    folder = tmp_path / "20251017-111558-x"
    if text is not None:
        folder.mkdir()
        if text:
            (folder / "run.json").write_text(text)
    with pytest.raises(RunFolderError, match=words) as caught:
        Run.load(folder)
    assert caught.value.exit_code == 2
    assert str(folder) in str(caught.value)


def test_a_broken_run_hides_no_other_and_is_told(tmp_path: Path) -> None:
    good = whole(tmp_path)
    bad = tmp_path / "20251018-000000-x"
    bad.mkdir()
    (bad / "run.json").write_text("{")
    assert [r.path for r in list_runs(tmp_path)] == [good]
    assert [path for path, _ in broken_runs(tmp_path)] == [bad]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[: len(t) // 2], "truncated"),
        (lambda t: t.replace("runbook/result/v1", "runbook/result/v9"), "runbook/result/v9"),
        (lambda t: t.replace('"verdict": "fail"', '"verdict": "fine"'), "lacks or misstates"),
        (lambda t: json.dumps({k: v for k, v in json.loads(t).items() if k != "checks"}), "checks"),
    ],
    ids=["truncated", "newer", "foreign word", "cut"],
)
def test_a_broken_result_is_one_clear_error_of_exit_2(tmp_path: Path, change: Any, words: str) -> None:
    path = whole(tmp_path) / "40-verify/result.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(RunFolderError, match=words):
        Run.load(path.parent.parent).attempts()[0].read_result()


def test_a_disk_that_fills_up_half_way_keeps_the_old_file_and_says_what_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = whole(tmp_path)
    before = (path / "40-verify/result.json").read_bytes()
    attempt = Run.load(path).attempts()[0]

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("runbook.evidence.files.os.fsync", full)
    with pytest.raises(EvidenceError, match="the disk is full") as caught:
        attempt.write_result(result(verdict=Verdict.PASS))
    assert "safe" in caught.value.hint
    assert (path / "40-verify/result.json").read_bytes() == before
    assert [p.name for p in (path / "40-verify").iterdir()] == ["result.json"]  # no half file is left behind
