"""index.html of a run: its attempts in order with verdicts and first causes, and what changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from runbook.display import CauseMoves, Column, Paragraph, Table, word_of_verdict
from runbook.display.causes import Ladder
from runbook.display.stagecard import numbers
from runbook.display.table import Cell, CellLike
from runbook.display.texts import plural, span, utc
from runbook.display.views import provenance_facts, run_fact
from runbook.display.words import NOT_EVALUATED, edge, headline
from runbook.evidence import Run
from runbook.evidence.files import moment
from runbook.model import StageResult
from runbook.report.lookback import story_sections
from runbook.report.pages import Crumb, Page, Section, markup, render, section, write_page
from runbook.report.reading import LOOKBACK, Recorded, recorded, story_of
from runbook.retrospective import Retrospective, grouped, unexplained


def run_index(run_path: Path) -> Path:
    """Write index.html of a run. Attempts that were not recorded are listed as what they are.

    Raises RunFolderError when run.json cannot be read.
    """
    return write_page(run_path / "index.html", render_run(Run.load(run_path)))


def render_run(run: Run) -> str:
    """The page as text."""
    items = recorded(run)
    story = story_of(items)
    name = run_fact(run.facts, "cluster", "not known")
    shown = f"REHEARSAL, not {name} itself" if run.facts.get("rehearsal") else name
    word = word_of_verdict(run.verdict)
    last = numbers(story.last) if story is not None else plural(len(items), "attempt") + "."
    page = Page(
        title=f"{word.word} · {last.rstrip('.')} · run of {shown} · {run.opened:%Y-%m-%d %H:%MZ}",
        heading=f"Run: {headline(run.verdict)}. {last}",
        edge=edge(run.verdict),
        stamps=_stamps(run),
        sub=[
            shown,
            f"begun {utc(run.opened)}",
            plural(len(items), "attempt"),
            "the latest attempt of each stage counts",
        ],
        sections=[
            section("attempts", "Attempts", attempts_table(items).html(page=True), count=str(len(items))),
            *_edited(run),
            *(_story(story) if story is not None else []),
        ],
        crumbs=[Crumb("All runs", "../index.html"), Crumb(run.path.name)],
        strip=_strip(run, items),
        card=_lead(run, story),
        facts=[
            *provenance_facts(run.facts),
            ("Sealed", str(run.facts.get("sealed") or "no")),
            ("Prove it", f"runbook check-seal {run.path.name}"),
        ],
    )
    return render("retrospective.html.j2", page)


def _stamps(run: Run) -> list[Markup]:
    shown = [word_of_verdict(run.verdict).html(page=True)]
    if run.facts.get("rehearsal"):
        shown.append('<span class="v x">REHEARSAL</span>')
    return [markup(s) for s in shown]


def _lead(run: Run, story: Retrospective | None) -> Markup:
    if story is not None:
        return markup(CauseMoves(story).html(page=True))
    name = run.facts.get("looks_at")
    sentence = f"This run looks back on {name}." if name else "No stage of this run was recorded."
    return markup(Paragraph(sentence).html(page=True))


def _strip(run: Run, items: Sequence[Recorded]) -> list[tuple[str, str | Markup]]:
    ends = [s.ended for s in run.stages if s.ended is not None]
    took = span((max(ends) - run.opened).total_seconds()) if ends else "not known"
    missing = sum(r.result is None for r in items)
    return [
        ("Took", took),
        ("Verdict", f"{run.verdict.value}, exit code {run.verdict.exit_code()}"),
        ("Record", f"{plural(missing, 'attempt')} not recorded" if missing else "every attempt is recorded"),
    ]


def attempts_table(items: Sequence[Recorded]) -> Table:
    """Stage, attempt, verdict, what it counts, first causes, took: in the order they ran."""
    rows = [_attempt(r) for r in items]
    columns = (
        Column("Stage", tight=True),
        Column("Attempt", num=True),
        Column("Verdict", tight=True),
        "Counts",
        "First causes",
        Column("Took", num=True),
    )
    return Table("Attempts, in order", columns, rows, count=str(len(rows)), wide=True, empty="no stage was begun")


def _attempt(item: Recorded) -> Sequence[CellLike]:
    link = f"{item.folder}/report.html" if item.has_page else ""
    head = Cell(f"{item.folder[:2]} {item.attempt.stage}", href=link)
    if item.result is None:
        why = Cell("not recorded", under=(item.problem,), css="none")
        return head, item.attempt.number, NOT_EVALUATED, why, Cell("not known", css="none"), ""
    result = item.result
    took = span((result.ended - result.started).total_seconds())
    return head, result.attempt, word_of_verdict(result.verdict), numbers(result), causes_cell(result), took


def causes_cell(result: StageResult) -> Cell:
    """`8 + 1 sealed-secret-key-mismatch, 1 image-not-found, 1 unexplained`, or why there is nothing to say."""
    if result.explanation is None:
        return Cell("not asked", css="none")
    parts = [
        f"{len(g.direct)}{f' + {len(g.blocked)}' if g.blocked else ''} {g.cause}" for g in grouped(result.explanation)
    ]
    return Cell(", ".join([*parts, f"{len(unexplained(result.explanation))} unexplained"]))


def _edited(run: Run) -> list[Section]:
    """What should be true was changed during the run: by whom, when, why, and the diff. Only where it was."""
    entries = run.facts.get("inventories", ())
    if not entries:
        return []
    rows = [
        (Cell(str(e["diff"]), href=str(e["diff"])), utc(moment(e["since"])), str(e["who"]), str(e["why"]))
        for e in entries
    ]
    columns = (Column("Diff", tight=True), Column("In force since", tight=True), "By", "Why")
    table = Table("Edits of the inventory during this run", columns, rows, count=str(len(rows)))
    return [section("edits", "Inventory edits", table.html(page=True), count=str(len(rows)))]


def _story(story: Retrospective) -> list[Section]:
    """The sections of what happened; a run that was stopped before anything was answered has none."""
    if not any(a.findings or a.explanation for a in story.attempts):
        return []
    explained = next((a.explanation for a in reversed(story.attempts) if a.explanation is not None), None)
    found = story_sections(story, base="")
    if explained is not None:
        ladder = Ladder(explained)
        found.insert(0, section("causes", "First causes at the end", ladder.html(page=True), count=ladder.headline()))
    return found


def is_lookback(run: Run) -> bool:
    """Whether a run holds nothing but looks back on another."""
    return bool(run.stages) and all(s.stage == LOOKBACK for s in run.stages)
