"""A pytest plugin that makes one check lie: what it fails, or could not evaluate, becomes a pass.

    RUNBOOK_TEST_MUTATE=releases-ready RUNBOOK_TEST_MUTATE_RESULTS=fail,error \
        pytest -p checks_mutated tests/checks          (with tests/checks on PYTHONPATH)

A promise is only kept under test when its tests turn red under this.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import pytest

from runbook.checks import CHECKS
from runbook.judgement.asking import Check
from runbook.model import Finding, NotObserved, ObjectRef, Result


def lying(check: Check, results: frozenset[str]) -> Check:
    """The check with these results turned into passes; a denial too when `error` is among them."""

    def ask(snapshot: Any, inventory: Any) -> Iterator[Finding]:
        try:
            for found in check.ask(snapshot, inventory):
                yield dataclasses.replace(found, result=Result.PASS) if str(found.result) in results else found
        except NotObserved as error:
            if "error" not in results:
                raise
            yield Finding(check.id, ObjectRef("Cluster", "", snapshot.cluster), Result.PASS, error.gap.why)

    return dataclasses.replace(check, ask=ask)


def pytest_configure(config: pytest.Config) -> None:
    name = os.environ.get("RUNBOOK_TEST_MUTATE", "")
    if not name:
        return
    if name not in CHECKS:
        raise pytest.UsageError(f"RUNBOOK_TEST_MUTATE: there is no check {name!r}")
    words = os.environ.get("RUNBOOK_TEST_MUTATE_RESULTS", "fail,error")
    CHECKS[name] = lying(CHECKS[name], frozenset(words.split(",")))  # type: ignore[index]
