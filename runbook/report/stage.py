"""report.html of one attempt: made from result.json, so that it never says more than the record does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from runbook.display import Seen, card, timings_table
from runbook.display.stagecard import numbers, revision, title
from runbook.display.texts import plural, span, utc
from runbook.display.views import provenance_facts, run_fact
from runbook.display.words import NOT_EVALUATED, WARN, edge, tally_counts, tally_of, word_of_verdict
from runbook.errors import RunFolderError
from runbook.evidence import Run
from runbook.model import Result, Snapshot, StageResult, Verdict
from runbook.report.history import Usual, seen_before, usual_times
from runbook.report.lookback import render_lookback
from runbook.report.notebook import cells_html
from runbook.report.pages import BUDGET, Crumb, Page, markup, render, section, write_page
from runbook.report.reading import LOOKBACK, older_runs, recorded, snapshot_of, story_of
from runbook.report.sections import kinds_shown, stage_sections

_NUMBERS = {
    "preflight": "00",
    "registry-trust": "10",
    "cleanup": "20",
    "reconcile": "30",
    "verify": "40",
    "diagnose": "50",
}


@dataclass(frozen=True)
class Context:
    """What lies around a result: observations, the executed notebook, what older runs say. Nothing of it is needed."""

    snapshot: Snapshot | None = None
    notebook: Path | None = None
    usual: Mapping[str, Usual] = field(default_factory=dict)
    seen: Sequence[Seen] = ()
    run_name: str = "this run"


def stage_report(attempt_path: Path, run: Mapping[str, Any], notebook: Path | None = None) -> Path:
    """Write report.html into an attempt's folder; `notebook` is the executed one, when there is one.

    Raises RunFolderError when run.json does not know the attempt or its result.json cannot be read.
    """
    whole = Run.load(attempt_path.parent)
    found = next((a for a in whole.attempts() if a.path.name == attempt_path.name), None)
    if found is None:
        raise RunFolderError("run.json does not know this attempt", field=str(attempt_path))
    result = found.read_result()
    older = list(older_runs(whole.path.parent, whole))
    if result.stage == LOOKBACK and (text := _lookback(whole, result, run, notebook)):
        return write_page(attempt_path / "report.html", text)
    context = Context(
        snapshot_of(found, only=kinds_shown(result.stage)), notebook, usual_times(older), seen_before(result, older), whole.path.name
    )  # fmt: skip
    return write_page(attempt_path / "report.html", render_stage(result, run, context))


def _lookback(whole: Run, result: StageResult, run: Mapping[str, Any], notebook: Path | None) -> str:
    """The page of a look back; empty when the run it read is no longer at hand, then the plain page must do."""
    name = str(run.get("looks_at", ""))
    for folder in (whole.path.parent / name, Path(str(run.get("looks_at_path", "")))):
        try:
            read = Run.load(folder)
        except RunFolderError:
            continue
        story = story_of(recorded(read))
        if story is not None:
            return render_lookback(story, read, result, run, notebook)
    return ""


def render_stage(result: StageResult, run: Mapping[str, Any], context: Context | None = None) -> str:
    """The page as text."""
    around = context or Context()
    sections = stage_sections(result, around.snapshot)
    sections.append(measured(result.timings, around.notebook, BUDGET - sum(len(s.body) for s in sections) - 25_000))
    page = Page(
        title=" · ".join(_title(result, run)),
        heading=title(result),
        edge=edge(result.verdict),
        stamps=stamps(result, run),
        sub=_sub(result, run),
        sections=sections,
        crumbs=[
            Crumb("All runs", "../../index.html"),
            Crumb(around.run_name, "../index.html"),
            Crumb(f"{_NUMBERS.get(result.stage, '')} {result.stage}".strip()),
        ],
        strip=_strip(result, run, around),
        card=markup(card(result, run, usual=_usual(result, around), seen=around.seen).body(page=True)),
        facts=provenance_facts(
            run, result, revision=revision(result), prove_it=f"runbook check-seal {around.run_name}"
        ),
        tally=[(markup(w.html(page=True)), n) for w, n in tally_counts(tally_of(result))],
        tally_label=f"{len(result.criteria or result.findings)} {'criteria' if result.criteria else 'findings'} by result",
        alarm=result.error or ("Nothing was recorded after this." if result.ended_as != "recorded" else ""),
        alarm_title=f"Ended as {result.ended_as}." if result.ended_as != "recorded" else "Error.",
    )
    return render("stage.html.j2", page)


def cluster_name(run: Mapping[str, Any]) -> str:
    """The cluster, or REHEARSAL where its name would stand."""
    name = run_fact(run, "cluster", "not known")
    return f"REHEARSAL, not {name} itself" if run.get("rehearsal") else name


def _title(result: StageResult, run: Mapping[str, Any]) -> list[str]:
    """The verdict first, so that a browser's tab says it."""
    when = result.cluster_time or result.ended
    return [
        word_of_verdict(result.verdict).word,
        numbers(result).rstrip("."),
        result.stage,
        cluster_name(run),
        f"{when:%Y-%m-%d %H:%MZ}",
    ]


def stamps(result: StageResult, run: Mapping[str, Any]) -> list[Markup]:
    """Verdict, what is not known beside it, warnings of a pass, and whether this is a rehearsal."""
    tally = tally_of(result)
    shown = [word_of_verdict(result.verdict).html(page=True)]
    if result.verdict is Verdict.FAIL and tally.not_evaluated:
        shown.append(NOT_EVALUATED.html(f"{tally.not_evaluated} NOT EVALUATED", page=True))
    if result.verdict is Verdict.PASS and tally.warn:
        shown.append(WARN.html(f"{plural(tally.warn, 'WARNING')}".upper(), page=True))
    if result.ended_as != "recorded":
        shown.append(NOT_EVALUATED.html(result.ended_as.upper(), page=True))
    if run.get("rehearsal"):
        shown.append('<span class="v x">REHEARSAL</span>')
    return [markup(s) for s in shown]


def _sub(result: StageResult, run: Mapping[str, Any]) -> list[str]:
    changed = sum(a.outcome == "changed" for a in result.actions)
    done = f"{plural(changed, 'act')} changed something" if changed else "read-only, nothing was changed"
    parts = [cluster_name(run), f"observed {utc(result.cluster_time or result.ended)}", done]
    if result.attempt > 1:
        parts.append(f"attempt {result.attempt}")
    return [*parts, *result.notes[:3]]


def _usual(result: StageResult, around: Context) -> str:
    return around.usual[result.stage].words() if result.stage in around.usual else ""


def _strip(result: StageResult, run: Mapping[str, Any], around: Context) -> list[tuple[str, str | Markup]]:
    place = [f"context {run_fact(run, 'context')}" if run_fact(run, "context") else "", revision(result)]
    if result.time_scale != 1:
        place.append(f"clock {result.time_scale:g} times as fast")
    took = span((result.ended - result.started).total_seconds())
    usual = _usual(result, around) or "No older run is at hand"
    seen = "; ".join(
        f'<a href="{escape(s.link)}">{escape(s.run)}</a>: {escape(s.cause)}, {escape(s.fixed_by)}' for s in around.seen
    )
    none = "Not in an older run" if around.usual else "No older run is at hand"
    return [
        ("Where", ", ".join(p for p in place if p) or run_fact(run, "server", "not known")),
        ("This stage usually takes", f"{usual}. This time {took}."),
        ("Seen before?", markup(seen) if seen else none),
    ]


def measured(timings: Mapping[str, float], notebook: Path | None, budget: int) -> Any:
    """Times and, where there is an executed notebook, its cells in order, folded."""
    parts = [timings_table(timings).html(page=True)] if timings else []
    intro = "No notebook was kept with this result."
    if notebook is not None and notebook.is_file():
        parts.append(cells_html(notebook, budget=max(20_000, budget)))
        intro = "The notebook’s cells in order. Cells are folded, results are above."
    return section("how", "How it was measured", *parts, intro=intro)


def criteria_met(result: StageResult) -> int:
    """How many criteria or findings passed."""
    return sum(i.result is Result.PASS for i in result.criteria or result.findings)
