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
