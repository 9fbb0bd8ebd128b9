"""A check that lies must be found out: with its fails, or its not-evaluated, turned into passes, some test is red."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from checks_build import denied, green_inventory, green_snapshot, holding
from checks_mutated import lying

from runbook.checks import CHECKS
from runbook.judgement.asking import answers

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# They prove promises over all checks at once; a check has to be found out by a test of its own.
GENERAL = ("test_check_mutations.py", "test_check_denied_kinds.py", "test_check_known_gaps.py")


def failed_tests(check: str, results: str, nodes: list[str]) -> str:
    """Runs tests with one lying check; returns pytest's output. Its exit code 1 is that some test is red."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "RUNBOOK_TEST_MUTATE": check,
        "RUNBOOK_TEST_MUTATE_RESULTS": results,
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "--no-header",
        "-p",
        "checks_mutated",
        "-p",
        "no:cacheprovider",
    ]
    ran = subprocess.run(
        [*command, *nodes], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return ran.stdout if ran.returncode == 1 else ""


def test_the_mutation_itself_lies(worlds: Any) -> None:
    snapshot, inventory = green_snapshot(worlds), green_inventory(worlds)
    honest, liar = CHECKS["releases-ready"], lying(CHECKS["releases-ready"], frozenset({"fail", "error"}))
    for seen, word in ((holding(snapshot, "HelmRelease"), "fail"), (denied(snapshot, "HelmRelease"), "error")):
        assert [str(f.result) for f in answers(honest, seen, inventory)] == [word]
        assert [str(f.result) for f in answers(liar, seen, inventory)] == ["pass"]


def test_every_check_has_tests_of_its_own() -> None:
    text = "".join(p.read_text() for p in HERE.glob("test_*.py") if p.name not in GENERAL)
    assert {check for check in CHECKS if f'"{check}"' not in text} == set()


@pytest.mark.tier2
@pytest.mark.parametrize("results", ["fail", "error"])
@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_lying_check_is_found_out(check: str, results: str) -> None:
    files = [p for p in sorted(HERE.glob("test_*.py")) if p.name not in GENERAL and f'"{check}"' in p.read_text()]
    # The two tests over all checks would find out anything: they do not count here.
    general = "not (nothing_observed_is_never_green or an_empty_cluster_is_never_all_green)"
    assert failed_tests(check, results, [*map(str, files), "-k", general]), f"no test notices that {check} lies"


def ledger() -> list[tuple[str, str, str]]:
    rows = tomllib.loads((ROOT / "tests/conformance.toml").read_text())
    return [
        (name, row["check"], node)
        for name, row in rows.items()
        if row.get("check") in CHECKS
        for node in row.get("tests", [])
        if str(node).startswith("tests/checks/")
    ]


@pytest.mark.tier2
@pytest.mark.parametrize(("row", "check", "node"), ledger() or [pytest.param("", "", "", marks=pytest.mark.skip("no row of the ledger is proved by a test of checks yet"))])  # fmt: skip
def test_a_proved_row_is_lost_when_its_check_lies(row: str, check: str, node: str) -> None:
    path, *parts = re.sub(r"\[.*\]$", "", node).split("::")
    assert failed_tests(check, "fail,error", ["::".join((path, *parts))]), f"{row}: {node} passes with a lying {check}"
