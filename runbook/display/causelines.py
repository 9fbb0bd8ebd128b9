"""First causes as lines for a terminal: every cause of a kind on a line of its own, and a next act for each repair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runbook.display.causewords import act_words, cause_head, command_lines, others_words
from runbook.display.gaps import gap_sentences
from runbook.display.phrases import cause_title, names
from runbook.display.rungs import chain_text, chains_of
from runbook.display.texts import TEXT_WIDTH, one_line, short, telling, wrap
from runbook.model import Explanation, FirstCause, ObjectRef, Unexplained
from runbook.retrospective.impact import CauseGroup, Repair, repairs

CAUSES, REPAIRS = 8, 6  # of one kind that are written out
COMMANDS = 3  # of one repair
_CHAINS = 3
_IN = 6


def group_lines(group: CauseGroup, asked: Sequence[ObjectRef]) -> Iterator[str]:
    """One kind of cause: how many hang on it, who they are, then each repair with the causes it is for."""
    proof = "fact" if group.is_fact else "hypothesis"
    first, *more = wrap(f"{cause_title(group.cause)} ({short(group.cause, 80)}), {proof}", TEXT_WIDTH - _IN)
    yield f"{len(group.direct):>4}  {first}"
    yield from (" " * _IN + part for part in more)
    yield from _said(names(group.direct, limit=8))
    for ref, by in group.blocked:
        yield from _said(f"+ 1 blocked by {by.name}: {ref.name}")
    yield from _said(others_words(group))
    room, every = CAUSES, repairs(group)
    for repair in every[:REPAIRS]:
        shown = repair.causes[:room]
        room -= len(shown)
        if shown:
            yield from _repair(group, repair, shown, asked)
    left = len(group.causes) - (CAUSES - room)
    if left:
        yield from _said(
            f"and {left} more first {'cause' if left == 1 else 'causes'} of this kind: see --format json or result.json"
        )


def _repair(
    group: CauseGroup, repair: Repair, shown: Sequence[FirstCause], asked: Sequence[ObjectRef]
) -> Iterator[str]:
    before = ""
    for cause in shown:
        chains = chains_of(cause, asked)[:_CHAINS]
        said = "" if chains else "in the same words" if cause.message and cause.message == before else _message(cause)
        yield from _said(": ".join(filter(None, (short(cause_head(group, cause), 300), said))))
        before = cause.message
        for explained in chains:
            yield from chain_text(cause, explained, _IN + 2)
    for decides in dict.fromkeys(c.decides for c in repair.causes if c.proof == "hypothesis" and c.decides):
        yield from _said(f"decided by: {short(decides)}")
    yield from _said(f"next ({act_words(repair.act)}): {short(repair.act.text)}")
    commands = list(dict.fromkeys(c.next.command for c in repair.causes if c.next.command))
    for command in commands[:COMMANDS]:
        yield from command_lines(command, indent=8)
    if len(commands) > COMMANDS:
        yield f"        and the same for {len(commands) - COMMANDS} more"


def _message(cause: FirstCause) -> str:
    return telling(cause.message, cause.words)


def _said(line: str) -> Iterator[str]:
    if line:
        yield from (" " * _IN + part for part in wrap(one_line(line), TEXT_WIDTH - _IN))


def left_lines(left: Sequence[Unexplained], beside: Sequence[Unexplained], *, red: bool) -> Iterator[str]:
    """What has no first cause: always said, also when it is nothing."""
    none = ": every failing object hangs on a cause above" if red else ": nothing is red"
    yield f"{len(left):>4}  Unexplained" + ("" if left else none)
    for item in (*left, *beside):
        yield from _said(f"{one_line(str(item.object))}: {short(item.why)}")
        for guess in item.hypotheses:
            yield from _said(f"hypothesis {guess.cause}: {short(guess.because)} Decided by: {short(guess.decides)}")


def gap_lines(explanation: Explanation) -> Iterator[str]:
    """What could not be evaluated, many of one reason in one sentence."""
    for sentence in gap_sentences(explanation):
        first, *more = wrap(f"not evaluated: {sentence}", TEXT_WIDTH - _IN)
        yield f"   ?  {first}"
        yield from (" " * _IN + part for part in more)
