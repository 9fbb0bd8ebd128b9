"""The same displays as Markdown for a ticket: lists and tables, what others wrote escaped, commands in fences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook.display.blocks import Paragraph, Shown, Stack
from runbook.display.causelines import CAUSES, COMMANDS, REPAIRS
from runbook.display.causes import Ladder
from runbook.display.causewords import act_words, cause_head, others_words
from runbook.display.gaps import gap_sentences
from runbook.display.phrases import cause_title, names
from runbook.display.rungs import chain, chains_of, step_words
from runbook.display.table import Cell, CellLike, Table
from runbook.display.texts import one_line, short, telling, visible
from runbook.model import FirstCause, ObjectRef
from runbook.retrospective.impact import CauseGroup, Repair, repairs

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~!&])")
_TICKS = re.compile(r"`+")


def markdown(shown: Shown) -> str:
    """Any display as Markdown; what has no form of its own is kept as text in a fence."""
    if isinstance(shown, Stack):
        return "\n\n".join(markdown(part) for part in shown.parts)
    if isinstance(shown, Paragraph):
        return escaped(shown.sentence)
    if isinstance(shown, Table):
        return _table(shown)
    if isinstance(shown, Ladder):
        return "\n".join(_ladder(shown))
    return fence(shown.text())


def escaped(text: str) -> str:
    """One line that Markdown reads as text, whatever stands in it."""
    return _SPECIAL.sub(r"\\\1", one_line(text))


def fence(text: str, indent: str = "", language: str = "") -> str:
    """A fenced block that the text in it cannot end."""
    ticks = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    lines = [f"{ticks}{language}", *visible(text).strip("\n").split("\n"), ticks]
    return "\n".join(indent + line for line in lines)


def _table(table: Table) -> str:
    caption = f"**{escaped(table.caption)}** {escaped(table.counted)}"
    if not table.rows:
        return f"{caption}: {escaped(table.empty)}"
    lines = [[escaped(str(c)) for c in table.columns], ["---"] * len(table.columns)]
    lines += [[_cell(cell) for cell in row] for row in table.rows]
    return "\n".join([caption, "", *("| " + " | ".join(line) + " |" for line in lines)])


def _cell(cell: CellLike) -> str:
    under = cell.under if isinstance(cell, Cell) else ()
    return "<br>".join(escaped(telling(part)) for part in (str(cell), *under) if part.strip())


def _ladder(shown: Ladder) -> Iterator[str]:
    yield f"## First causes: {shown.headline()}"
    yield ""
    for sentence in shown.sentences():
        yield f"{escaped(sentence)}\n"
    for group in shown.groups:
        yield from _group(group, shown.asked)
    none = "every failing object hangs on a cause above" if shown.red else "nothing is red"
    yield f"- **{len(shown.left)} unexplained**" + ("" if shown.left else f": {none}")
    for item in (*shown.left, *shown.beside):
        yield f"  - {escaped(str(item.object))}: {escaped(short(item.why))}"
        for guess in item.hypotheses:
            yield f"    - hypothesis {escaped(guess.cause)}: {escaped(short(guess.because))} Decided by: {escaped(short(guess.decides))}"
    if sentences := gap_sentences(shown.explanation):
        yield "\n**Not evaluated**, so these may hide causes:\n"
        yield from (f"- {escaped(sentence)}" for sentence in sentences)


def _group(group: CauseGroup, asked: tuple[ObjectRef, ...]) -> Iterator[str]:
    proof = "fact" if group.is_fact else "hypothesis"
    who = ", ".join(filter(None, (names(group.direct, limit=8), others_words(group))))
    yield f"- **{len(group.direct)} × {escaped(cause_title(group.cause))}** ({escaped(group.cause)}), {proof}: {escaped(who)}"
    for ref, by in group.blocked:
        yield f"  - 1 blocked by {escaped(by.name)}: {escaped(ref.name)}"
    room = CAUSES
    for repair in repairs(group)[:REPAIRS]:
        shown = repair.causes[:room]
        room -= len(shown)
        yield from _repair(group, repair, shown, asked) if shown else ()
    if left := len(group.causes) - (CAUSES - room):
        yield f"  - and {left} more of this kind: see --format json"


def _repair(
    group: CauseGroup, repair: Repair, shown: tuple[FirstCause, ...], asked: tuple[ObjectRef, ...]
) -> Iterator[str]:
    for cause in shown:
        yield f"  - {escaped(cause_head(group, cause))}: {escaped(telling(cause.message, cause.words))}"
        for explained in chains_of(cause, asked):
            for depth, step in enumerate(chain(cause, explained)):
                words = step_words(step)
                yield f"{'  ' * (depth + 2)}- {escaped(step.object)}{f': {escaped(words)}' if words else ''}"
    for decides in dict.fromkeys(c.decides for c in repair.causes if c.proof == "hypothesis" and c.decides):
        yield f"  - decided by: {escaped(decides)}"
    yield f"  - **next** ({act_words(repair.act)}): {escaped(repair.act.text)}"
    for command in list(dict.fromkeys(c.next.command for c in repair.causes if c.next.command))[:COMMANDS]:
        yield f"\n{fence(command, '    ', 'sh')}\n"
