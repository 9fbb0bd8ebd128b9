"""The gate in a process of its own: finds what the gate finds, is told no secret where others read, and never ends green unasked."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runbook.errors import EvidenceError
from runbook.evidence import gateprocess, leak_gate
from runbook.evidence.gateprocess import LARGE, search

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
    assert len(started.argv) == 1
    assert CANARY not in " ".join(started.argv[0])


def test_clean_evidence_is_clean(tmp_path: Path, started: Started) -> None:
    assert search([large(tmp_path)], known=[CANARY])() == ()
    assert len(started.argv) == 1


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
