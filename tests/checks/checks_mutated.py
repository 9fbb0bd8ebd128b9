"""A pytest plugin under which every check lies: results named by RUNBOOK_TEST_LIE become passes.

It writes, for each check, the tests that turned red while that check and no other had lied: those found it out.

    RUNBOOK_TEST_LIE=fail RUNBOOK_TEST_LIE_REPORT=found.json \
        pytest -p checks_mutated tests/checks          (with tests/checks on PYTHONPATH)
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook.checks import CHECKS
from runbook.judgement.asking import Check
from runbook.model import Finding, NotObserved, ObjectRef, Result

LIED: set[str] = set()  # the checks that lied in the test that runs now
FOUND: dict[str, list[str]] = {}


def lying(check: Check, results: frozenset[str]) -> Check:
    """The check with these results turned into passes; a denial too when `error` is among them."""

    def ask(snapshot: Any, inventory: Any) -> Iterator[Finding]:
        try:
            for found in check.ask(snapshot, inventory):
                if str(found.result) in results:
                    LIED.add(check.id)
                    yield dataclasses.replace(found, result=Result.PASS)
                else:
                    yield found
        except NotObserved as error:
            if "error" not in results:
                raise
            LIED.add(check.id)
            yield Finding(check.id, ObjectRef("Cluster", "", snapshot.cluster), Result.PASS, error.gap.why)

    return dataclasses.replace(check, ask=ask)


def pytest_configure(config: pytest.Config) -> None:
    results = frozenset(os.environ.get("RUNBOOK_TEST_LIE", "").split(",")) - {""}
    if results:
        CHECKS.update({name: lying(check, results) for name, check in CHECKS.items()})  # type: ignore[attr-defined]


def pytest_runtest_setup(item: pytest.Item) -> None:
    LIED.clear()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.failed and len(LIED) == 1:
        FOUND.setdefault(next(iter(LIED)), []).append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if path := os.environ.get("RUNBOOK_TEST_LIE_REPORT"):
        Path(path).write_text(json.dumps(FOUND, indent=1))
