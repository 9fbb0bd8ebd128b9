"""What a page reads of a run folder: results and observations where they are whole, and words for what is not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook.errors import EvidenceError, RunFolderError
from runbook.evidence import Attempt, Run
from runbook.model import Snapshot, StageResult
from runbook.retrospective import Retrospective, review
from runbook.retrospective.edits import READ

LOOKBACK = "retrospective"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One attempt: its result, or why there is none."""

    attempt: Attempt
    result: StageResult | None
    problem: str = ""

    @property
    def folder(self) -> str:
        """The attempt's folder in its run."""
        return self.attempt.path.name

    @property
    def has_page(self) -> bool:
        """Whether there is a report to link to."""
        return (self.attempt.path / "report.html").is_file()


def recorded(run: Run) -> tuple[Recorded, ...]:
    """All attempts of a run, in order."""
    return tuple(_read(a) for a in run.attempts())


def _read(attempt: Attempt) -> Recorded:
    try:
        return Recorded(attempt, attempt.read_result())
    except RunFolderError as error:
        return Recorded(attempt, None, error.message)


def snapshot_of(attempt: Attempt, *, only: Collection[str] | None = None) -> Snapshot | None:
    """The observations, where the stage got as far as having any that can be read; of all kinds, or `only` some."""
    try:
        return attempt.snapshot(only=only)
    except (RunFolderError, EvidenceError, OSError):
        return None


def story_of(items: Iterable[Recorded]) -> Retrospective | None:
    """The look back on these attempts; None when no stage was recorded."""
    told = [r for r in items if r.result is not None and r.result.stage != LOOKBACK]
    if not told:
        return None
    snapshots = [s for s in (snapshot_of(r.attempt, only=READ) for r in told) if s is not None]
    return review([r.result for r in told if r.result is not None], snapshots=snapshots)


def older_runs(outputs: Path, than: Run, *, limit: int = 40) -> Iterator[Run]:
    """Runs of the same cluster that began before this one, newest first: a sealed report knows none younger."""
    found = []
    for folder in sorted(outputs.iterdir(), reverse=True) if outputs.is_dir() else ():
        if folder == than.path or not (folder / "run.json").is_file():
            continue
        try:
            run = Run.load(folder)
        except RunFolderError:
            continue  # the archive's page names it
        if run.cluster == than.cluster and run.opened < than.opened:
            found.append(run)
    yield from sorted(found, key=lambda r: r.opened, reverse=True)[:limit]


def took(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds between two moments, when both are known."""
    return (end - start).total_seconds() if start is not None and end is not None else None
