"""Small words of first causes that text, markup and Markdown share."""

from __future__ import annotations

from runbook.display.phrases import counted, names
from runbook.display.texts import TEXT_WIDTH, one_line, span, width, wrap
from runbook.model import FirstCause, NextAct
from runbook.retrospective.impact import CauseGroup, held


def age_of(cause: FirstCause) -> str:
    """`3 min 46 s old`, with a word when nothing newer repeats it."""
    parts = [] if cause.age_seconds is None else [f"{span(cause.age_seconds)} old"]
    return ", ".join([*parts, *(["stale: nothing newer repeats it"] if cause.stale else [])])


def act_kind(act: NextAct) -> str:
    """The first words of an act: whether it only reads. What is safe is the command, not the sentence before it."""
    if act.safe:
        return "Safe: the command only reads." if act.command else "Safe."
    return "Changes the cluster."


def act_words(act: NextAct) -> str:
    """The same in the middle of a line."""
    return "changes the cluster" if not act.safe else "the command only reads" if act.command else "safe"


def held_words(group: CauseGroup, cause: FirstCause) -> str:
    """`holds web`: what hangs on this one of several causes of a kind; nothing where that is the cause's own object."""
    refs = tuple(ref for ref in held(group, cause) if ref != cause.object)
    return f"holds {names(refs)}" if refs else ""


def cause_head(group: CauseGroup, cause: FirstCause) -> str:
    """`Pod/ns/web-0, 5 min 40 s old, holds web`: where, how old, whether proved where others differ, and whom it holds."""
    mixed = len({c.proof for c in group.causes}) > 1
    more = (cause.proof if mixed else "", held_words(group, cause)) if len(group.causes) > 1 else ()
    return ", ".join(filter(None, (str(cause.object), age_of(cause), *more)))


def others_words(group: CauseGroup) -> str:
    """`and beneath: 1 Job, 2 Pods`."""
    kinds = [r.kind for r in group.others]
    if not kinds:
        return ""
    return "and beneath: " + ", ".join(counted(kind, kinds.count(kind)) for kind in sorted(set(kinds)))


def waits_words(number: int) -> str:
    """`1 waits`, `2 wait`."""
    return f"{number} wait{'s' if number == 1 else ''}"


def command_lines(command: str, *, indent: int) -> list[str]:
    """A command's lines, indented; too long ones are continued, never silently cut."""
    lines: list[str] = []
    for line in (one_line(part) for part in command.strip().split("\n") if part.strip()):
        room = TEXT_WIDTH - indent
        lines += [" " * indent + part for part in ([line] if width(line) <= room else wrap(line, room))]
    return lines
