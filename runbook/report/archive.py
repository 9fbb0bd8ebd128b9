"""index.html of the archive: all runs, newest first; by cause; usual times. Folders that cannot be read are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from markupsafe import Markup

from runbook.display import Column, Table, word_of_verdict
from runbook.display.phrases import releases_ready
from runbook.display.table import Cell, CellLike
from runbook.display.texts import plural, span, utc
from runbook.display.views import run_fact
from runbook.display.words import NOT_EVALUATED, Word, edge, headline
from runbook.evidence import Run, broken_runs, list_runs
from runbook.report.history import Usual, causes_of, usual_times
from runbook.report.pages import Page, Section, markup, render, section, write_page
from runbook.report.reading import Recorded, recorded
from runbook.report.run import is_lookback

_MARKS = ("preflight", "registry-trust", "cleanup", "reconcile", "verify")
_RUNS = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of the archive, read once."""

    run: Run
    items: tuple[Recorded, ...]

    @property
    def rehearsal(self) -> bool:
        """Whether it says nothing about the cluster itself."""
        return bool(self.run.facts.get("rehearsal"))

    @property
    def name(self) -> str:
        """REHEARSAL where the cluster's name would stand."""
        cluster = run_fact(self.run.facts, "cluster", "not known")
        return f"REHEARSAL of {cluster}" if self.rehearsal else cluster


def archive_index(outputs: Path) -> Path:
    """Write the archive's page."""
    return write_page(outputs / "index.html", render_archive(outputs))


def render_archive(outputs: Path) -> str:
    """The page as text."""
    runs, broken = list_runs(outputs), broken_runs(outputs)
    entries = [Entry(r, recorded(r)) for r in runs[:_RUNS]]
    told = [e for e in entries if not is_lookback(e.run)]
    newest = told[0] if told else None
    word = word_of_verdict(newest.run.verdict) if newest else NOT_EVALUATED
    stamp = word.html(f"LAST RUN: {word.word}" if newest else "NO RUN", page=True)
    parts = [_runs_table(entries).html(page=True), _broken_table(broken).html(page=True) if broken else ""]
    intro = "Newest first. A run of the cluster itself is marked at the left edge; a rehearsal says so. · not run."
    page = Page(
        title=f"{word.word if newest else 'NO RUN'} · {_last_words(newest)} · {plural(len(runs), 'run')}",
        heading=f"{newest.name}: {headline(newest.run.verdict)} at the last run"
        if newest
        else "No run is recorded yet",
        edge=edge(newest.run.verdict) if newest else "unk",
        stamps=[markup(stamp)],
        sub=[_last_words(newest), "An archive says what was; what is, only the cluster can say."],
        sections=[
            section("runs", "Runs", *parts, count=str(len(runs)), intro=intro),
            _by_cause(told),
            _usual(usual_times(e.run for e in told)),
        ],
        strip=_strip(newest, broken),
        footer="Built from the run.json and result.json of each run. Links are relative: the folder may be moved or zipped.",
    )
    return render("index.html.j2", page)


def _last_words(newest: Entry | None) -> str:
    if newest is None:
        return "outputs hold no run"
    return f"begun {utc(newest.run.opened)}, {_ready(newest)} ready"


def _strip(newest: Entry | None, broken: Sequence[tuple[Path, str]]) -> list[tuple[str, str | Markup]]:
    found: list[tuple[str, str | Markup]] = []
    if newest is not None:
        found.append(("Open", markup(f'<a href="{escape(newest.run.path.name)}/index.html">Its page</a>')))
        found.append(("First causes", ", ".join(sorted(causes_of(newest.items))) or "none open"))
    unread = f"{plural(len(broken), 'folder')} cannot be read, see below" if broken else "every folder can be read"
    return [*found, ("Record", unread)]


def _ready(entry: Entry) -> str:
    for item in reversed(entry.items):
        ready = releases_ready(item.result.findings) if item.result is not None else None
        if ready is not None:
            return f"{ready[0]} of {ready[1]}"
    return "not asked"


def _runs_table(entries: Sequence[Entry]) -> Table:
    real = sum(not e.rehearsal for e in entries)
    columns = (
        Column("Begun", tight=True),
        "Cluster",
        Column("Verdict", tight=True),
        Column("00 10 20 30 40", tight=True),
        Column("Ready", num=True),
        "First causes at the end",
        Column("Took", num=True),
        Column("Seal", tight=True),
    )
    return Table(
        "Runs, newest first",
        columns,
        [_row(e) for e in entries],
        count=f"{len(entries)}: {real} real, {plural(len(entries) - real, 'rehearsal')}; times in UTC",
        wide=True,
        css="runs",
        ids=[e.run.path.name for e in entries],
        empty="no run yet",
        marked=["" if e.rehearsal else "real" for e in entries],
    )


def _row(entry: Entry) -> Sequence[CellLike]:
    run = entry.run
    ends = [s.ended for s in run.stages if s.ended is not None]
    took = span((max(ends) - run.opened).total_seconds()) if ends else "not known"
    page = f"{run.path.name}/index.html" if (run.path / "index.html").is_file() else ""
    looks_at = (f"looks back on {run.facts.get('looks_at', 'a run')}",) if is_lookback(run) else ()
    return (
        Cell(utc(run.opened), href=page),
        Cell(entry.name, under=looks_at, css="name"),
        Cell("look back", css="none") if is_lookback(run) else word_of_verdict(run.verdict),
        _marks(run),
        Cell("not asked", css="none") if is_lookback(run) else _ready(entry),
        Cell(_last_causes(entry), css="" if _has_causes(entry) else "none"),
        took,
        "sealed" if run.sealed else "not sealed",
    )


def _marks(run: Run) -> Cell:
    """One glyph a stage, the latest attempt of each; a screen reader hears the words."""
    latest = {s.stage: s for s in run.stages}
    glyphs: list[Word | None] = []
    words: list[str] = []
    for stage in _MARKS:
        if stage not in latest:
            glyphs.append(None)
            words.append(f"{stage} not run")
            continue
        verdict = latest[stage].verdict
        word = word_of_verdict(verdict) if verdict is not None else NOT_EVALUATED
        glyphs.append(word)
        words.append(f"{stage} {word.word.lower()}")
    return Cell(marks=tuple(glyphs), spoken=", ".join(words))


def _last_explained(entry: Entry) -> Recorded | None:
    return next((i for i in reversed(entry.items) if i.result is not None and i.result.explanation is not None), None)


def _has_causes(entry: Entry) -> bool:
    return _last_explained(entry) is not None


def _last_causes(entry: Entry) -> str:
    item = _last_explained(entry)
    if item is None or item.result is None or item.result.explanation is None:
        return "not explained"
    names = sorted({c.cause for c in item.result.explanation.first_causes})
    left = len(item.result.explanation.unexplained)
    return ", ".join([*names, *([f"{left} unexplained"] if left else [])]) or "none open"


def _by_cause(entries: Sequence[Entry]) -> Section:
    runs: dict[str, list[Entry]] = {}
    for entry in entries:
        for cause in causes_of(entry.items):
            runs.setdefault(cause, []).append(entry)
    ordered = sorted(runs.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [(Cell(c, css="m"), len(es), ", ".join(utc(e.run.opened)[:16] + "Z" for e in es[:5])) for c, es in ordered]
    table = Table("By cause", ("Cause", Column("Runs", num=True), "Newest five"), rows, empty="no cause was ever named",
                  ids=[f"cause-{c}" for c, _ in ordered])  # fmt: skip
    return section("causes", "By cause", table.html(page=True), count=str(len(rows)))


def _usual(times: Mapping[str, Usual]) -> Section:
    rows = [(u.stage, span(u.median), span(u.least), span(u.most), u.runs) for u in times.values()]
    columns: tuple[str | Column, ...] = (
        "Stage",
        *(Column(name, num=True) for name in ("Usually", "From", "To", "Attempts")),
    )
    table = Table("Usual time", columns, rows, count="median and range", empty="no stage has ended yet")
    return section("times", "How long a stage takes here", table.html(page=True))


def _broken_table(broken: Sequence[tuple[Path, str]]) -> Table:
    rows = [(path.name, Cell(why, word=NOT_EVALUATED)) for path, why in broken]
    return Table("Folders that cannot be read", ("Folder", "Why"), rows, count=str(len(rows)))
