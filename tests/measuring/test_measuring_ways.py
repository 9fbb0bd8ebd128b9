"""What keeps a comparison honest: every way must count the same, all sizes take turns, and a stage keeps what it says it keeps."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks import evidence, explaining, growth, listing
from benchmarks.measure import Sample, ended_well, interleaved
from benchmarks.prepared import prepare

POD = {
    "kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "n", "managedFields": []},
    "status": {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]},
}  # fmt: skip


def saying(text: str) -> listing.Way:
    return listing.Way([sys.executable, "-c", f"print({text!r})"], listing._said)


def test_a_way_that_counts_otherwise_is_named_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "interleaved", lambda *_, **__: pytest.fail("it was measured"))
    with pytest.raises(RuntimeError, match=r"odd shows 100 pods of which 10 are unhealthy, not \(100, 12\)"):
        listing._measured({"even": saying("100 12"), "odd": saying("100 10")}, 100, 1, [POD])


def test_ways_that_count_alike_are_measured() -> None:
    found = listing._measured({"one": saying("100 12"), "other": saying("100 12")}, 100, 2, [POD])
    assert {name: len(samples) for name, samples in found.samples.items()} == {"one": 2, "other": 2}
    assert found.missing == ("kubectl",)


def test_what_kubectl_prints_is_counted() -> None:
    table = "NAMESPACE NAME READY STATUS RESTARTS AGE\nn a 1/2 CrashLoopBackOff 7 (2m ago) 3h\nn b 2/2 Running 0 3h\n"
    assert listing._in_table(table) == (2, 1)
    assert listing._in_json(
        json.dumps({"items": [POD, {"status": {"containerStatuses": [{"state": {"running": {}}}]}}]})
    ) == (2, 1)


def test_a_table_without_a_status_is_no_table() -> None:
    with pytest.raises(ValueError, match="STATUS"):
        listing._in_table("NAMESPACE NAME AGE\nn a 3h\n")


def test_a_process_that_fails_is_named() -> None:
    samples = interleaved(
        {"well": [sys.executable, "-c", ""], "ill": [sys.executable, "-c", "raise SystemExit(4)"]}, rounds=1
    )
    with pytest.raises(RuntimeError, match="did not end well: ill"):
        ended_well(samples)


def test_all_sizes_of_growth_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], int]] = []

    def turns(commands: Mapping[str, Sequence[str]], *, rounds: int) -> dict[str, list[Sample]]:
        asked.append((list(commands), rounds))
        return {
            name: [Sample(2.0 if "list" in name or name.endswith("causes") else 1.0, 10.0, 0)] * rounds
            for name in commands
        }

    monkeypatch.setattr(growth, "interleaved", turns)
    found = growth.measure(tmp_path, (10, 20), 5)
    ways = ("connected", "with causes", "list", "causes")
    assert asked == [([f"{pods} pods: {way}" for pods in (10, 20) for way in ways], 5)]
    assert [size.pods for size in found.sizes] == [10, 20]
    few, many = found.sizes
    assert growth.slope(few, many, "list_seconds") == 0.5


def test_explaining_is_measured_in_every_round_at_every_size(tmp_path: Path) -> None:
    few, many = explaining.measure(tmp_path, (200, 600), 2)
    assert (few.pods, many.pods) == (200, 600)
    assert [len(s) for found in (few, many) for s in (found.reading, found.explaining)] == [2] * 4
    assert few.failing < many.failing
    assert many.causes == 4  # image, secret, schema, crash: what waits is their effect


def test_objects_of_kinds_without_tables_need_none() -> None:
    assert set(prepare([POD]).whole) == {"/api/v1/pods"}


def stage(outputs: Path, *, kept: bool, verdict: str = "fail") -> Path:
    folder = outputs / "run" / "40-verify"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"verdict": verdict, "checks": [{"id": "pods-healthy"}]}))
    (folder / "report.html").write_text("")
    if kept:
        (folder / "observations").mkdir()
        (folder / "journal.jsonl").write_text("")
    return outputs


def test_a_stage_that_was_to_keep_nothing_and_did_is_told(tmp_path: Path) -> None:
    evidence._check(stage(tmp_path / "a", kept=True), stage(tmp_path / "b", kept=False))
    with pytest.raises(RuntimeError, match=r"journal\.jsonl, observations was kept"):
        evidence._check(tmp_path / "a", stage(tmp_path / "c", kept=True))
    with pytest.raises(RuntimeError, match="nothing was kept"):
        evidence._check(stage(tmp_path / "d", kept=False), tmp_path / "b")


def test_two_ways_that_judge_otherwise_are_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="evidence was kept and the stage ended"):
        evidence._check(stage(tmp_path / "a", kept=True), stage(tmp_path / "b", kept=False, verdict="error"))
