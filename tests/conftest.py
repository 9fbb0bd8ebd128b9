"""What every test shares: the repository's root, and silence from the outside world."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A developer's own settings must not reach a test.
for _name in [n for n in os.environ if n.startswith("RUNBOOK_") and not n.startswith("RUNBOOK_TEST_")]:
    if _name != "RUNBOOK_CONTRACT_KUBECONFIG":
        del os.environ[_name]
os.environ.pop("KUBECONFIG", None)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


def _break_a_check(name: str) -> None:
    """For the mutation test: a check whose fails and errors are passes. The broken one replaces the real one everywhere."""
    import dataclasses
    import importlib
    from collections.abc import Iterator
    from typing import Any

    from runbook import checks
    from runbook.model import Finding, NotObserved, ObjectRef, Result

    real = checks.CHECKS[name]

    def broken(snapshot: Any, inventory: Any) -> Iterator[Finding]:
        try:
            for finding in real.ask(snapshot, inventory):
                bad = finding.result in (Result.FAIL, Result.ERROR)
                yield dataclasses.replace(finding, result=Result.PASS) if bad else finding
        except NotObserved:
            yield Finding(name, ObjectRef("Cluster", "", "broken"), Result.PASS, "broken on purpose")

    module = importlib.import_module(f"runbook.checks.{name.replace('-', '_')}")
    module.check = broken  # type: ignore[attr-defined]
    checks.CHECKS[name] = dataclasses.replace(real, ask=broken)  # type: ignore[index]


if os.environ.get("RUNBOOK_TEST_MUTATE"):
    _break_a_check(os.environ["RUNBOOK_TEST_MUTATE"])
