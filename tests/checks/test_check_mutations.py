"""A check that lies must be found out: with its fails, or its not-evaluated, turned into passes, some test is red."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checks_build import denied, green_inventory, green_snapshot, holding
from checks_mutated import lying

from runbook.checks import CHECKS
from runbook.judgement.asking import answers

HERE = Path(__file__).parent
# They prove promises over all checks at once; a check has to be found out by a test of its own.
GENERAL = ("test_check_mutations.py", "test_check_denied_kinds.py", "test_check_known_gaps.py")
OVER_ALL = "not (nothing_observed_is_never_green or an_empty_cluster_is_never_all_green)"


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
def test_every_lying_check_is_found_out_by_a_test_of_its_own(results: str, root: Path, tmp_path: Path) -> None:
    report = tmp_path / "found.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "RUNBOOK_TEST_LIE": results,
        "RUNBOOK_TEST_LIE_REPORT": str(report),
    }
    files = [str(p) for p in sorted(HERE.glob("test_*.py")) if p.name not in GENERAL]
    plugins = ["-p", "checks_mutated", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no", *plugins, "-k", OVER_ALL, *files],
        cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = json.loads(report.read_text())
    assert {check for check in CHECKS if not found.get(check)} == set()
