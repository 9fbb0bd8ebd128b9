"""The archive: all runs of an outputs folder, the broken ones too, and the one that a stage may join."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from runbook.errors import RunFolderError
from runbook.evidence.amendments import in_force
from runbook.evidence.entries import RUN
from runbook.evidence.layout import Run

JOIN_WITHIN = timedelta(hours=12)


def list_runs(outputs: Path) -> list[Run]:
    """All readable runs, newest first. What cannot be read is told by `broken_runs`."""
    return sorted(_read(outputs)[0], key=lambda r: (r.opened, r.path.name), reverse=True)


def broken_runs(outputs: Path) -> list[tuple[Path, str]]:
    """Folders that look like runs and cannot be read, with why."""
    return _read(outputs)[1]


def find_joinable(outputs: Path, uid: str, inventory_digest: str, now: Callable[[], datetime]) -> Run | None:
    """The newest unsealed run of the same cluster UID and inventory that is under 12 hours old, or None.

    A look back (a run of retrospectives only) is never joined.
    """
    for run in list_runs(outputs):
        age = now() - run.opened
        same = (run.facts["uid"], in_force(run, now())[1]) == (uid, inventory_digest)
        looks_back = bool(run.stages) and all(s.stage == "retrospective" for s in run.stages)
        if same and uid and not run.sealed and not looks_back and timedelta(0) <= age < JOIN_WITHIN:
            return run
    return None


def _read(outputs: Path) -> tuple[list[Run], list[tuple[Path, str]]]:
    if not outputs.is_dir():
        return [], []
    found: list[Run] = []
    broken: list[tuple[Path, str]] = []
    for folder in sorted(p for p in outputs.iterdir() if (p / RUN).is_file()):
        try:
            found.append(Run.load(folder))
        except RunFolderError as error:
            broken.append((folder, error.message))
    return found, broken
