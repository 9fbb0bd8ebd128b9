"""A night as three tracks over the cluster's time: the cause shown, the stages, the acts; and the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runbook.display.figure import CAUSE_FILLS, FILLS, INK, LINE, MUTED, Figure, label
from runbook.display.phrases import cause_word
from runbook.display.table import CellLike, Column, Table
from runbook.display.texts import one_line, plural, utc
from runbook.display.words import Word, word_of_verdict
from runbook.model import Verdict
from runbook.retrospective import Entry, Retrospective

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)  # minutes between ticks
_ACTS = 6
_NUMBERS = {
    "preflight": "00",
    "registry-trust": "10",
    "cleanup": "20",
    "reconcile": "30",
    "verify": "40",
    "diagnose": "50",
}


def timeline_table(story: Retrospective) -> Table:
    """Everything that is known to have happened, by the cluster's clock."""
    rows: list[Sequence[CellLike]] = [_entry(e) for e in story.timeline]
    return Table(
        "Timeline",
        (Column("At", mono=True, tight=True), Column("What", tight=True), "Entry", Column("Result", tight=True)),
        rows,
        count=plural(len(rows), "entry", "entries"),
        wide=True,
    )


def _entry(entry: Entry) -> Sequence[CellLike]:
    verdict: Word | str = word_of_verdict(entry.verdict) if entry.verdict is not None else ""
    if entry.what == "cause":
        shown = "cause shown" if "timeout" in entry.text else "first cause"
        text = f"{cause_word(entry.text).capitalize()} ({shown} of {plural(int(entry.detail), 'release')})"
    else:
        text = f"{entry.text} ({entry.detail})" if entry.detail else entry.text
    return utc(entry.at), entry.what, text, verdict


def timeline_figure(story: Retrospective) -> Figure:
    """What was shown as the cause, which stages ran, what was done."""
    said = " ".join(f"{utc(e.at, day=False)} {e.what} {one_line(e.text)}." for e in story.timeline[:40])
    return Figure(
        lambda axes: _draw(axes, story),
        caption="What was shown as the cause, which stages ran, and what was done.",
        alt=f"Timeline. {said}",
        table=timeline_table(story),
        inches=(7.0, 2.3 + 0.22 * max(1, _act_count(story))),
    )


def _act_count(story: Retrospective) -> int:
    return min(_ACTS, sum(e.what == "act" for e in story.timeline))


def _draw(axes: Axes, story: Retrospective) -> None:
    begin = min(e.at for e in story.timeline)
    span = max((max(e.at for e in story.timeline) - begin).total_seconds() / 60, 1.0)
    edge = span * 1.1

    def minutes(at: datetime) -> float:
        return (at - begin).total_seconds() / 60

    _causes(axes, story, [minutes(m.at) for m in story.moves], edge)
    _stages(axes, [(minutes(e.at), e) for e in story.timeline if e.what == "stage"], span)
    _acts(axes, [(minutes(e.at), e) for e in story.timeline if e.what == "act"], span)
    axes.set_yticks([2, 1, 0.2], ["cause shown", "stage", "act"])
    axes.set_ylim(min(-0.3, 0.05 - 0.32 * _act_count(story)), 2.8)
    axes.set_xlim(-span * 0.03, edge)
    step = next((s for s in _STEPS if edge / s <= 7), 1440)
    first = -((begin.minute * 60 + begin.second) / 60 % step) + step
    ticks = [first + step * n for n in range(int((edge - first) / step) + 1)]
    axes.set_xticks(ticks, [f"{(begin + timedelta(minutes=t)).astimezone(UTC):%H:%MZ}" for t in ticks])
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", colors=MUTED)


def _causes(axes: Axes, story: Retrospective, starts: Sequence[float], edge: float) -> None:
    for index, move in enumerate(story.moves):
        until = starts[index + 1] if index + 1 < len(starts) else edge
        fill, hatch = CAUSE_FILLS[index % len(CAUSE_FILLS)]
        axes.barh(
            2,
            until - starts[index],
            left=starts[index],
            height=0.5,
            color=fill,
            hatch=hatch,
            edgecolor=INK,
            linewidth=0.8,
        )
        axes.text(starts[index], 2.36, label(cause_word(move.cause)), fontsize=9, weight="bold", color=INK)


def _stages(axes: Axes, entries: Sequence[tuple[float, Entry]], span: float) -> None:
    """Marks at the time a stage ended; those too close to the last one are lowered, so that no label covers another."""
    last, row = -span, 0
    for at, entry in entries:
        row = (row + 1) % 3 if at - last < span * 0.08 else 0
        last = at
        word = word_of_verdict(entry.verdict or Verdict.ERROR)
        number = _NUMBERS.get(entry.text.split(",")[0], label(entry.text)[:8])
        axes.text(
            at, 1.28 - 0.28 * row, f"{word.letter} {number}", fontsize=8, ha="center", va="center", color=INK,
            bbox={"facecolor": FILLS[word.css], "edgecolor": INK, "linewidth": 0.7, "pad": 1.6},
        )  # fmt: skip


def _acts(axes: Axes, entries: Sequence[tuple[float, Entry]], span: float) -> None:
    """One row an act, so that no label covers another; its dotted line reaches up to the cause that was shown then."""
    for index, (at, entry) in enumerate(entries[:_ACTS]):
        y = 0.2 - 0.32 * index
        axes.plot([at, at], [y, 1.75], linestyle=":", color=INK, linewidth=1)
        right = at > span * 0.5
        text = label(entry.text)
        said = text if len(text) <= 52 else text[:51] + "…"
        place = at - span * 0.015 if right else at + span * 0.015
        axes.text(place, y, said, fontsize=8, va="center", color=INK, ha="right" if right else "left")
        axes.plot([at], [y], marker="<" if right else ">", markersize=5, color=INK)
