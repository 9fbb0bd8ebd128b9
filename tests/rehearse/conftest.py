"""One whole night, lived once for all tests that look at it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Night:
    """A rehearsed night: the command's exit code, its talk, the outputs folder and the run that has stages."""

    exit_code: int
    stdout: str
    stderr: str
    outputs: Path

    @property
    def run(self) -> Path:
        found = [p.parent for p in self.outputs.glob("*/run.json") if (p.parent / "40-verify").is_dir()]
        assert len(found) == 1, [p.name for p in self.outputs.iterdir()]
        return found[0]

    def results(self, stage: str) -> list[dict[str, Any]]:
        """result.json of every attempt of a stage folder such as `40-verify`, in order."""
        return [json.loads(p.read_text()) for p in sorted(self.run.glob(f"{stage}*/result.json"))]


def _live(
    outputs: Path, scenario: str | Path = "night", *, scale: int = 60, ending: str = "seed", more: tuple[str, ...] = ()
) -> Night:
    argv = [sys.executable, "-m", "runbook", "rehearse", "--ending", ending, "--scenario", str(scenario)]
    argv += ["--time-scale", str(scale), "--outputs", str(outputs), *more]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    return Night(done.returncode, done.stdout, done.stderr, outputs)


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return _live(tmp_path_factory.mktemp("night") / "outputs")


@pytest.fixture(scope="session")
def live() -> Callable[..., Night]:
    """Live a night of one's own: `live(outputs, scenario, scale=60)`."""
    return _live
