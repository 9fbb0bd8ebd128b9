"""`python -m benchmarks`: each benchmark's rows when it is done, the others after a failure, numbers with units for programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import environment
from benchmarks.__main__ import main
from benchmarks.measure import Sample, run
from benchmarks.rows import Found, Numbers, Row, lines

SAMPLES = [Sample(0.5, 30.0, 0), Sample(0.25, 32.0, 3)]


def good(small: bool) -> Found:
    """Something that can be measured."""
    rows = [
        Row("kubectl ÷ ours", 12.345, goal="≥ 15", note="twice", digits=1),
        Row("  whole", 0.375 if small else 9.0, "s"),
    ]
    return Found(rows, {"ours": SAMPLES, "late": Numbers("ms", [1.5, 2.5])})


def broken(small: bool) -> Found:
    """Something that cannot."""
    raise SystemExit("did not end well: kubectl")


@pytest.fixture(autouse=True)
def known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.__main__.machine", lambda: {"cpu": "a processor", "cores": "2"})


def test_one_failure_loses_no_row_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "figures.json"
    code = main(["--small", "--json", str(target)], {"first": good, "second": broken, "third": good})
    printed = capsys.readouterr().out
    assert code == 1
    assert printed.count("12.3") == 2
    assert "second failed: SystemExit: did not end well: kubectl" in printed
    assert printed.splitlines()[-1] == "failed: second"
    kept = json.loads(target.read_text())["benchmarks"]
    assert list(kept) == ["first", "second", "third"]
    assert kept["second"] == {"error": "SystemExit: did not end well: kubectl"}


def test_rows_are_printed_as_soon_as_their_benchmark_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def last(_small: bool) -> Found:
        seen.append(capsys.readouterr().out)
        return Found([])

    assert main(["one", "two"], {"one": good, "two": last}) == 0
    assert "a processor" in seen[0]
    assert "kubectl ÷ ours" in seen[0]


def test_what_is_written_are_numbers_with_units_and_all_samples(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    assert main(["first", "--json", str(target)], {"first": good}) == 0
    whole = json.loads(target.read_text())
    assert whole["machine"] == {"cpu": "a processor", "cores": "2"}
    assert whole["small"] is False
    found = whole["benchmarks"]["first"]
    assert found["rows"][0] == {"what": "kubectl ÷ ours", "value": 12.345, "unit": "", "goal": "≥ 15", "note": "twice"}
    assert found["rows"][1] == {"what": "whole", "value": 9.0, "unit": "s", "goal": "", "note": ""}
    assert found["samples"]["late"] == {"unit": "ms", "values": [1.5, 2.5]}
    assert found["samples"]["ours"] == {
        "seconds": {"unit": "s", "values": [0.5, 0.25]},
        "peak_memory": {"unit": "MB", "values": [30.0, 32.0]},
        "exit_codes": [0, 3],
    }


def test_a_wrong_name_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frist"], {"first": good, "second": broken}) == 2
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "there is no benchmark named frist. There are:",
        "  first   Something that can be measured.",
        "  second  Something that cannot.",
    ]


def test_what_was_not_measured_has_no_figure() -> None:
    assert list(lines([Row("kubectl", None, note="not found")])) == [f"kubectl  {'-':>12}  not found"]


def test_a_program_beside_the_interpreter_comes_before_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("venv", "path"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "kubectl").write_text("#!/bin/sh\n")
        (tmp_path / place / "kubectl").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert environment.tool("kubectl") == str(tmp_path / "venv" / "kubectl")
    (tmp_path / "venv" / "kubectl").unlink()
    assert environment.tool("kubectl") == str(tmp_path / "path" / "kubectl")
    (tmp_path / "path" / "kubectl").unlink()
    assert environment.tool("kubectl") == ""


def test_the_machine_is_named_with_all_that_is_measured() -> None:
    told = environment.machine()
    assert {"cpu", "cores", "memory", "system", "python"} <= set(told)
    assert {"kubectl", "curl", "kubernetes", "msgspec", "httpcore", "papermill", "nbconvert"} <= set(told)
    assert all(told.values())


def test_a_process_is_measured_with_its_code() -> None:
    sample = run([sys.executable, "-c", "raise SystemExit(3)"])
    assert sample.exit_code == 3
    assert sample.seconds > 0
