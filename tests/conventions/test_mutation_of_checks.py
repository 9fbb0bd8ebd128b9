"""Every check that a ledger row rests on is broken on purpose: its fails and errors become passes, and a test must turn red.

Each mutation runs in a process of its own, with RUNBOOK_TEST_MUTATE naming the check; tests/conftest.py does the breaking.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from runbook.checks import CHECKS

pytestmark = pytest.mark.tier2
LEDGER = Path(__file__).resolve().parents[1] / "conformance.toml"


def _fast_rows() -> dict[str, dict[str, list[str]]]:
    """check → row → its tests, for rows that a check of the product answers in a fast test."""
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for name, row in tomllib.loads(LEDGER.read_text()).items():
        tests = [t for t in row.get("tests", ()) if t.startswith("tests/checks/")]
        if row.get("check") in CHECKS and tests:
            found[row["check"]][name] = tests
    return found


ROWS = _fast_rows()


def test_most_checks_are_rested_upon() -> None:
    assert len(ROWS) >= 20


@pytest.mark.parametrize("check", sorted(ROWS))
def test_breaking_a_check_turns_every_row_that_rests_on_it_red(check: str, root: Path) -> None:
    nodes = sorted({t for tests in ROWS[check].values() for t in tests})
    environment = {**os.environ, "RUNBOOK_TEST_MUTATE": check}
    argv = [sys.executable, "-m", "pytest", "-q", "-rf", "--no-header", "-p", "no:cacheprovider", *nodes]
    done = subprocess.run(argv, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    red = {re.sub(r"\[.*$", "", line.split()[1]) for line in done.stdout.splitlines() if line.startswith("FAILED")}
    survived = {row: tests for row, tests in ROWS[check].items() if not set(tests) & red}
    assert survived == {}, done.stdout[-2000:]
