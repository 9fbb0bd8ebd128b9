"""Usual times and “seen before”: what older runs of the same cluster say, rehearsals marked as such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from runbook.display import Seen
from runbook.display.texts import plural, span, utc
from runbook.evidence import Run
from runbook.model import StageResult, Verdict
from runbook.report.reading import Recorded, recorded, took

_SEEN = 3


@dataclass(frozen=True, slots=True)
class Usual:
    """How long a stage took in older runs, in seconds."""

    stage: str
    median: float
    least: float
    most: float
    runs: int

    def words(self) -> str:
        """`24 s here (median of 6)`."""
        return f"{span(self.median)} here (median of {self.runs})"


def usual_times(runs: Iterable[Run]) -> Mapping[str, Usual]:
    """By stage, from the recorded starts and ends of each attempt that ended."""
    times: dict[str, list[float]] = {}
    for run in runs:
        for entry in run.stages:
            seconds = took(entry.started, entry.ended)
            if seconds is not None:
                times.setdefault(entry.stage, []).append(seconds)
    return {s: Usual(s, median(t), min(t), max(t), len(t)) for s, t in sorted(times.items())}


def seen_before(result: StageResult, runs: Iterable[Run]) -> tuple[Seen, ...]:
    """For each first cause of this result, the newest older run that had it, and what it ended with."""
    wanted = {c.cause for c in result.explanation.first_causes} if result.explanation else set()
    found: dict[str, Seen] = {}
    for run in runs:
        if wanted <= found.keys():
            break
        items = recorded(run)
        for cause in sorted((wanted - found.keys()) & causes_of(items)):
            found[cause] = Seen(cause, _words(run), f"../../{run.path.name}/index.html", _ended(cause, items))
    return tuple(found[c] for c in sorted(found))[:_SEEN]


def causes_of(items: Iterable[Recorded]) -> set[str]:
    """All first causes that any attempt named."""
    explained = [r.result.explanation for r in items if r.result is not None and r.result.explanation is not None]
    return {c.cause for e in explained for c in e.first_causes}


def _words(run: Run) -> str:
    return f"{utc(run.opened)[:16]}Z{', a rehearsal' if run.facts.get('rehearsal') else ''}"


def _ended(cause: str, items: Iterable[Recorded]) -> str:
    last = [r.result for r in items if r.result is not None and r.result.explanation is not None]
    if not last or last[-1].explanation is None:
        return ""
    if cause not in {c.cause for c in last[-1].explanation.first_causes}:
        return "gone at its end"
    return "still open at its end" if last[-1].verdict is not Verdict.PASS else ""


def history_words(usual: Mapping[str, Usual], stage: str) -> str:
    """`24 s here (median of 6)`, or an empty string when no older run is at hand."""
    return usual[stage].words() if stage in usual else ""


def runs_words(number: int) -> str:
    """`3 older runs`."""
    return plural(number, "older run")
