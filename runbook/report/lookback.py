"""The retrospective's page: the cause that changed first, then when, what was believed, what is left, the ticket's block."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from runbook.display import (
    CauseMoves,
    TicketBlock,
    believed_table,
    follow_ups_table,
    impact_paragraph,
    timeline_figure,
)
from runbook.display.foretold import foretold_table
from runbook.display.lookback import effects_table
from runbook.display.stagecard import numbers
from runbook.display.texts import plural, span, utc
from runbook.display.views import provenance_facts, run_fact
from runbook.display.words import NOT_EVALUATED, edge, tally_of, word_of_verdict
from runbook.evidence import Run
from runbook.model import StageResult
from runbook.report.notebook import cells_html
from runbook.report.pages import Crumb, Page, Section, markup, render, section
from runbook.retrospective import Retrospective


def render_lookback(
    story: Retrospective, read: Run, result: StageResult, run: Mapping[str, Any], notebook: Path | None
) -> str:
    """The page as text: about the run that was read, not about the look back itself."""
    name = run_fact(read.facts, "cluster", "not known")
    shown = f"REHEARSAL, not {name} itself" if read.facts.get("rehearsal") else name
    last = numbers(story.last).rstrip(".")
    sections = story_sections(story, base=f"../../{read.path.name}/")
    if notebook is not None and notebook.is_file():
        sections.append(section("how", "How it was measured", cells_html(notebook, budget=40_000)))
    page = Page(
        title=f"{word_of_verdict(story.verdict).word} · {last} · retrospective · {shown} · {read.opened:%Y-%m-%d}",
        heading=f"Retrospective: the rebuild of {name}, {read.opened:%-d %B %Y}",
        edge=edge(story.verdict),
        stamps=_stamps(story, bool(read.facts.get("rehearsal"))),
        sub=[shown, last, "written from recorded runs, no cluster was asked", *_record(result)],
        sections=sections,
        crumbs=[
            Crumb("All runs", "../../index.html"),
            Crumb(read.path.name, f"../../{read.path.name}/index.html"),
            Crumb("90 retrospective"),
        ],
        strip=story_strip(story),
        card=markup(CauseMoves(story).html(page=True)),
        facts=[
            ("Written from", f"{read.path.name}, {plural(len(story.attempts), 'attempt')}, {_sealed(read)}"),
            *provenance_facts(run, result),
        ],
    )
    return render("retrospective.html.j2", page)


def _sealed(read: Run) -> str:
    return f"sealed {read.facts.get('sealed')}" if read.sealed else "not sealed"


def _record(result: StageResult) -> list[str]:
    return [] if result.verdict.value == "pass" else ["the record it read is not whole"]


def _stamps(story: Retrospective, rehearsal: bool) -> list[Markup]:
    word = word_of_verdict(story.verdict)
    shown = [word.html(f"ENDED: {word.word}", page=True)]
    if unknown := tally_of(story.last).not_evaluated:
        shown.append(NOT_EVALUATED.html(f"{unknown} NOT EVALUATED", page=True))
    if rehearsal:
        shown.append('<span class="v x">REHEARSAL</span>')
    return [markup(s) for s in shown]


def story_strip(story: Retrospective) -> list[tuple[str, str | Markup]]:
    """When, what moved nothing, what is open: three facts under the sentence."""
    first, last = story.attempts[0], story.attempts[-1]
    took = span((last.ended - first.started).total_seconds())
    unowned = sum(not (f.owner and f.due) for f in story.follow_ups)
    nothing = [e for e in story.effects if e.unmoved]
    unmoved = (
        f"for {plural(len(nothing[-1].unmoved), 'release')}: {_acts(nothing[-1].acts)}"
        if nothing
        else "no act is known"
    )
    return [
        ("Took", f"{took}, from {utc(first.started)}"),
        ("What moved nothing", unmoved),
        ("Open", f"{plural(len(story.follow_ups), 'follow-up')}, {unowned} without an owner and a date"),
    ]


def _acts(acts: Any) -> str:
    return "; ".join(a.what for a in acts) or "what was done before the last look"


def story_sections(story: Retrospective, *, base: str) -> list[Section]:
    """The sections after the sentence. `base` leads to the run's folder."""
    figure = timeline_figure(story)
    believed, left, told = believed_table(story), follow_ups_table(story), foretold_table(story)
    return [
        section(
            "effects",
            "What each act moved",
            effects_table(story).html(page=True),
            impact_paragraph(story).html(page=True),
        ),
        section("timeline", "Timeline", figure.html(page=True), count=str(len(story.timeline))),
        section(
            "foretold",
            "What was foretold, and what came",
            told.html(page=True),
            count=told.counted,
            intro="Preflight asks the controller which SealedSecrets would open, and names the releases that need the others.",
        ),
        section(
            "believed",
            "What was believed, and was not so",
            believed.html(page=True),
            count=str(len(believed.rows)),
            intro="Ticked boxes of the ticket on the left, what was measured on the right. Nobody is named: a sentence is wrong, not a person.",
        ),
        section(
            "follow",
            "Follow-ups",
            left.html(page=True),
            count=str(len(left.rows)),
            intro="A follow-up without an owner and a date is a wish.",
        ),
        section(
            "ticket",
            "For the ticket",
            TicketBlock(story).html(page=True),
            intro="Ready to paste, every box in the ticket’s words, ticked by evidence.",
        ),
    ]
