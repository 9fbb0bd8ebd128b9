"""Measured quiet: a track for each window, a black bar with the reason where it was reset, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from runbook.display.figure import FILLS, INK, MUTED, Figure, label
from runbook.display.table import Cell, CellLike, Column, Table
from runbook.display.texts import one_line, span, utc
from runbook.domain.probes import SoakWindow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Stretch = tuple[datetime, datetime, str]


def stretches(window: SoakWindow) -> list[Stretch]:
    """Each quiet stretch: from, to, and what ended it (`complete`, a reset's reason, or `stopped early`)."""
    if window.started is None or window.ended is None:
        return []
    edges, begin = [], window.started
    for reset in window.resets:
        what = f"{reset.object}: {reset.reason}" if reset.object else reset.reason
        edges.append((begin, reset.at, f"reset: {what}"))
        begin = reset.at
    done = window.quiet_seconds >= window.wanted_seconds
    edges.append((begin, window.ended, "complete" if done else "stopped early"))
    return edges


def sentence(window: SoakWindow) -> str:
    """`stable 11:42:00Z to 11:57:00Z, 15 min 00 s of 15 min 00 s, 0 resets`, or why it never began."""
    wanted = span(window.wanted_seconds)
    if window.started is None or window.ended is None:
        return f"0 of {wanted} measured: not started, {one_line(window.why_not) or 'no reason was recorded'}"
    resets = f"{len(window.resets)} reset{'' if len(window.resets) == 1 else 's'}"
    last = stretches(window)[-1]
    word = "stable" if window.quiet_seconds >= window.wanted_seconds else "quiet"
    return f"{word} {utc(last[0], day=False)} to {utc(last[1], day=False)}, {span(window.quiet_seconds)} of {wanted}, {resets}"


def soak_table(window: SoakWindow) -> Table:
    """The windows in numbers."""
    rows: list[Sequence[CellLike]] = [
        (f"{utc(a, day=False)} to {utc(b, day=False)}", span((b - a).total_seconds()), Cell(why))
        for a, b, why in stretches(window)
    ]
    if not rows:
        rows = [("none", f"0 of {span(window.wanted_seconds)}", Cell(f"not started: {window.why_not or 'no reason'}"))]
    return Table(
        "The soak in numbers",
        (Column("Window", mono=True, tight=True), Column("Quiet", num=True, tight=True), "Ended by"),
        rows,
        count=sentence(window),
    )


def soak_figure(window: SoakWindow) -> Figure:
    """A clock of quiet. Not evaluated is an empty hatched track with its reason, never a missing figure."""
    alt = f"Soak clock. {sentence(window)}."
    for a, b, why in stretches(window):
        alt += f" Window {utc(a, day=False)} to {utc(b, day=False)}, {span((b - a).total_seconds())}, {one_line(why)}."
    high = 1.05 + 0.42 * max(1, len(stretches(window)))
    return Figure(
        lambda axes: _draw(axes, window),
        caption="Measured quiet. A window ends in a black bar with the reason of its reset.",
        alt=alt,
        table=soak_table(window),
        inches=(7.0, min(high, 4.5)),
    )


def _draw(axes: Axes, window: SoakWindow) -> None:
    wanted = max(window.wanted_seconds, 1.0) / 60
    parts = stretches(window)[-8:]
    if not parts:
        axes.barh(0, wanted, height=0.6, color="#ffffff", edgecolor=MUTED, hatch="///", linestyle="--")
        reason = label(f"? not started: {window.why_not}" if window.why_not else "? not started")
        axes.text(wanted / 2, 0, reason, ha="center", va="center", color=INK, backgroundcolor="#ffffff")
    for row, (begin, end, why) in enumerate(parts):
        minutes = (end - begin).total_seconds() / 60
        complete = why == "complete"
        axes.barh(row, wanted, height=0.6, color="#ffffff", edgecolor="#d9dcdf")
        axes.barh(row, minutes, height=0.6, color=FILLS["p" if complete else "n"], edgecolor=INK, linewidth=0.8)
        if not complete:
            axes.barh(row, wanted * 0.008, left=minutes, height=0.6, color=INK)
        said = label(("P complete" if complete else why) + f", {span((end - begin).total_seconds())}")
        left = minutes < wanted / 2
        axes.text(
            minutes + wanted * 0.02 if left else wanted * 0.01, row, said, va="center", ha="left", color=INK, fontsize=9
        )
    axes.set_yticks(range(max(1, len(parts))), [utc(a, day=False) for a, _, _ in parts] or ["this run"])
    axes.invert_yaxis()
    axes.set_xlim(0, max([wanted, *((b - a).total_seconds() / 60 for a, b, _ in parts)]) * 1.02)
    axes.set_xlabel("minutes of quiet", color=MUTED)
    axes.grid(axis="x", color="#d9dcdf", linewidth=0.6)
    axes.set_axisbelow(True)
