"""What the ledger calls proved is tried: the check of each row lies, and every test the row names must turn red.

Each lie runs in a process of its own over the tests that rest on it (lies.py does the lying).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from lies import LIES

from runbook.checks import CHECKS

pytestmark = pytest.mark.tier2
HERE = Path(__file__).parent
TESTS = HERE.parent
# They prove promises over all checks at once; a check has to be found out by a test of its own.
GENERAL = ("test_judgement.py", "test_check_denied_kinds.py", "test_check_never_green.py")
HIDDEN = ("fail", "error")
Told = Future[tuple[frozenset[str], str]]


def _rows() -> dict[str, dict[str, list[str]]]:
    """What lies → the rows that rest on it → their tests."""
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for name, row in tomllib.loads((TESTS / "conformance.toml").read_text()).items():
        if "tests" in row:
            found[row["check"]][name] = row["tests"]
    return found


ROWS = _rows()


def _own(check: str) -> list[str]:
    """The test files that name the check, less those that are about all of them."""
    files = (p for p in sorted((TESTS / "checks").glob("test_*.py")) if p.name not in GENERAL)
    return [str(p) for p in files if f'"{check}"' in p.read_text()]


def _red(lie: str, nodes: Sequence[str], *more: str) -> tuple[frozenset[str], str]:
    """The tests that turn red under this lie, without their parameters, and what pytest said."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "RUNBOOK_TEST_LIE": lie,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rf",
        "--no-header",
        "--tb=no",
        "-p",
        "lies",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=-m 'not tier2'",
    ]
    done = subprocess.run(
        [*argv, *more, *nodes], cwd=TESTS.parent, env=environment, capture_output=True, text=True, timeout=600, check=False
    )  # fmt: skip
    failed = (line.removeprefix("FAILED ") for line in done.stdout.splitlines() if line.startswith("FAILED "))
    names = frozenset(re.split(r"\[| - ", node, maxsplit=1)[0] for node in failed)
    return names, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, Told]]:
    """Every lie, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        found = {
            liar: pool.submit(_red, liar, sorted({t for tests in rows.values() for t in tests}))
            for liar, rows in sorted(ROWS.items())
            if liar in CHECKS or liar in LIES
        }
        yield found | {f"{c}:{w}": pool.submit(_red, f"{c}:{w}", _own(c), "-x") for c in CHECKS for w in HIDDEN}


def test_every_word_of_the_ledger_can_lie() -> None:
    assert set(ROWS) - set(CHECKS) - set(LIES) == set(), "lies.py does not say how this lies"


def test_no_row_rests_on_a_test_too_slow_to_be_tried() -> None:
    every = [(row, test) for rows in ROWS.values() for row, tests in rows.items() for test in tests]
    assert [(row, test) for row, test in every if test.startswith("tests/rehearse/")] == []


def test_honest_they_are_all_green() -> None:
    nodes = sorted({t for rows in ROWS.values() for tests in rows.values() for t in tests})
    red, said = _red("", nodes)
    assert red == frozenset(), said
    assert " passed" in said


@pytest.mark.parametrize("liar", sorted(ROWS))
def test_a_lie_is_found_out_by_every_test_that_rests_on_its_truth(liar: str, told: dict[str, Told]) -> None:
    red, said = told[liar].result()
    survived = {row: sorted(set(tests) - red) for row, tests in ROWS[liar].items() if set(tests) - red}
    assert survived == {}, said


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_check_that_hides_one_kind_of_answer_is_found_out_by_a_test_of_its_own(
    check: str, hidden: str, told: dict[str, Told]
) -> None:
    red, said = told[f"{check}:{hidden}"].result()
    assert red, said
