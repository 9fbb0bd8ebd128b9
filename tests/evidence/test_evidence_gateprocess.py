"""The gate in a process of its own: finds what the gate finds, is told no secret where others read, and never ends green unasked."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runbook.errors import EvidenceError
from runbook.evidence import gateprocess, leak_gate
from runbook.evidence.gateprocess import LARGE, MOST, PACKED, search, shares

CANARY = "Canary-8f3a91c7-Zq"


class Started:
    """Processes that were started: each one's arguments."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.argv: list[list[str]] = []
        real = subprocess.Popen

        def popen(argv: list[str], **more: Any) -> subprocess.Popen[str]:
            self.argv.append(argv)
            return real(argv, **more)

        monkeypatch.setattr(gateprocess.subprocess, "Popen", popen)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    return Started(monkeypatch)


def large(folder: Path) -> Path:
    (folder / "objects.jsonl").write_text("\n".join(["a harmless line"] * (LARGE // 15)))
    return folder


def test_large_evidence_is_searched_by_a_process_that_finds_the_same(tmp_path: Path, started: Started) -> None:
    (large(tmp_path) / "Pod.jsonl.gz").write_bytes(gzip.compress(f"one\nbefore {CANARY} after".encode()))
    (tmp_path / "report.html").write_text("<p>Authorization: Bearer abcdefghijklmnop1234567890</p>")
    leaks = search([tmp_path], known=[CANARY])()
    assert leaks == leak_gate([tmp_path], known=[CANARY])
    assert {leak.path.name for leak in leaks} == {"Pod.jsonl.gz", "report.html"}
    assert len(started.argv) == len(shares(list(tmp_path.iterdir()))) == 1
    assert CANARY not in " ".join(started.argv[0])


def test_clean_evidence_is_clean(tmp_path: Path, started: Started) -> None:
    assert search([large(tmp_path)], known=[CANARY])() == ()
    assert len(started.argv) == 1


def several(folder: Path) -> Path:
    """Four files, each large."""
    for number in range(4):
        part = folder / f"part-{number}"
        part.mkdir()
        (large(part) / "x.json").write_text(json.dumps({"note": f"{CANARY} {number}"}))
    return folder


def test_all_cores_search_and_the_leaks_come_in_the_order_of_the_files(
    tmp_path: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateprocess.os, "cpu_count", lambda: 3)
    leaks = search([several(tmp_path)], known=[CANARY])()
    assert leaks == leak_gate([tmp_path], known=[CANARY])
    assert [leak.path.parent.name for leak in leaks] == [f"part-{n}" for n in range(4)]
    assert len(started.argv) == 3


def test_each_file_is_in_one_share_and_the_shares_are_about_the_same_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        (tmp_path / f"{number}.jsonl").write_bytes(b" " * (LARGE * (number + 1) // 4))
    (tmp_path / "Pod.jsonl.gz").write_bytes(b" " * (2 * LARGE // PACKED))  # as much as two of LARGE
    files = list(tmp_path.iterdir())
    for cores, most in ((1, 1), (2, 2), (64, MOST)):
        monkeypatch.setattr(os, "cpu_count", lambda c=cores: c)
        found = shares(files)
        assert sorted(f for share in found for f in share) == sorted(files)
        assert len(found) == most
        sizes = [sum(f.stat().st_size * (PACKED if f.suffix == ".gz" else 1) for f in share) for share in found]
        assert max(sizes) < 1.3 * min(sizes)


def test_one_that_does_not_answer_takes_no_other_with_it(
    tmp_path: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateprocess.os, "cpu_count", lambda: 2)
    real, asked = gateprocess._answered, list[Any]()

    def once(process: Any) -> Any:
        asked.append(process)
        answer = real(process)
        return None if len(asked) == 1 else answer

    monkeypatch.setattr(gateprocess, "_answered", once)
    assert len(search([several(tmp_path)], known=[CANARY])()) == 4
    assert len(asked) == 2


def test_small_evidence_needs_no_process(tmp_path: Path, started: Started) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"note": CANARY}))
    assert [leak.line for leak in search([tmp_path], known=[CANARY])()] == [1]
    assert started.argv == []


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"], ids=["it fails", "it cannot be started"])
def test_a_process_that_does_not_answer_is_not_a_clean_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(gateprocess.sys, "executable", program)
    (large(tmp_path) / "x.json").write_text(json.dumps({"note": CANARY}))
    assert [leak.path.name for leak in search([tmp_path], known=[CANARY])()] == ["x.json"]


def test_a_file_that_cannot_be_read_is_not_clean(tmp_path: Path) -> None:
    (large(tmp_path) / "x.jsonl.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(EvidenceError, match="could not be searched"):
        search([tmp_path])()


def test_a_module_of_the_folder_it_stands_in_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runbook").mkdir()
    (tmp_path / "runbook/__init__.py").write_text("raise SystemExit(0)")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "record").mkdir()
    (large(tmp_path / "record") / "x.json").write_text(json.dumps({"note": CANARY}))
    assert [leak.path.name for leak in search([tmp_path / "record"], known=[CANARY])()] == ["x.json"]
