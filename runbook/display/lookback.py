"""The retrospective's displays: the sentence of the cause that changed, the timeline, what was believed and not so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from runbook.display.blocks import Paragraph, Shown, Stack, code_block
from runbook.display.causewords import act_kind
from runbook.display.foretold import foretold_table
from runbook.display.phrases import cause_phrase, cause_word, names
from runbook.display.table import Cell, CellLike, Column, Table
from runbook.display.texts import TEXT_WIDTH, one_line, plural, span, utc, visible, wrap
from runbook.display.timeline import timeline_table
from runbook.display.words import FAIL, word_of, word_of_verdict
from runbook.model import Explanation, ObjectRef
from runbook.retrospective import Effect, Move, Retrospective, grouped, ticket_block
from runbook.retrospective.impact import RELEASE, repairs

_TIMES = {0: "did not change", 1: "changed once", 2: "changed twice"}


class CauseMoves(Shown):
    """The cause changed, not just the colour: each cause as it was shown, when, and what was done about it."""

    __slots__ = ("story",)

    def __init__(self, story: Retrospective) -> None:
        self.story = story

    def headline(self) -> str:
        """`The cause changed twice: certificate → hook timeout → sealing key`."""
        steps = self.story.moves
        if not steps:
            return "No cause was shown"
        number = len(steps) - 1
        said = _TIMES.get(number, f"changed {number} times")
        return f"The cause {said}: " + " → ".join(cause_word(m.cause) for m in steps)

    def sentences(self) -> list[str]:
        """One a move, with its time, and one for each time that acts moved nothing."""
        steps = self.story.moves
        lines = [self._move(m, steps[i + 1] if i + 1 < len(steps) else None) for i, m in enumerate(steps)]
        return lines + [effect_sentence(e) for e in self.story.effects]

    def _move(self, move: Move, after: Move | None) -> str:
        shown = "cause shown" if "timeout" in move.cause else "first cause"
        held = plural(len(move.releases), "release")
        acts = f"; then {', '.join(_act(a.what, a.at) for a in move.acts)}" if move.acts else ""
        end = (
            f"; from {utc(after.at, day=False)} another"
            if after
            else f"; open at the end: {names(move.releases, limit=8)}"
        )
        return f"{cause_word(move.cause).capitalize()} ({shown}) at {utc(move.at, day=False)}, {held}{acts}{end}."

    def html(self, *, page: bool = False) -> str:
        """A row of causes on a page, and the sentences."""
        steps = self.story.moves
        items = "".join(
            f'<li><strong>{escape(cause_word(m.cause).capitalize())}</strong> <span class="m small">{utc(m.at, day=False)}</span> '
            f"<span>{escape(self._after(m, i))}</span></li>"
            for i, m in enumerate(steps)
        )
        level = "h2" if page else "p"
        told = "" if page else "".join(f"<p>{escape(one_line(effect_sentence(e)))}</p>" for e in self.story.effects)
        return f'<{level}>{escape(self.headline())}</{level}><ol class="moves">{items}</ol>{told}'

    def _after(self, move: Move, index: int) -> str:
        held = f"{cause_phrase(move.cause)}, {plural(len(move.releases), 'release')}"
        acts = ", ".join(_act(a.what, a.at) for a in move.acts)
        return one_line(
            f"{held}. " + (f"Then: {acts}" if acts else "" if index < len(self.story.moves) - 1 else "Open at the end")
        )

    def text(self) -> str:
        """The headline and the sentences."""
        return "\n".join(
            line for part in (self.headline(), *self.sentences()) for line in wrap(one_line(part), TEXT_WIDTH)
        )


def _act(what: str, at: datetime | None) -> str:
    return f"{one_line(what)} at {utc(at, day=False)}" if at else one_line(what)


def effect_sentence(effect: Effect) -> str:
    """What the acts between two looks did, also when that is nothing."""
    done = ", ".join(_act(a.what, a.at) for a in effect.acts) or "what was done before"
    if effect.nothing:
        return f"Your action moved nothing: {done}; {plural(len(effect.unmoved), 'release')} as red and for the same cause at {utc(effect.after, day=False)}."
    healed = f"healed {len(effect.healed)} ({names(effect.healed)})" if effect.healed else "healed none"
    moved = f"gave {len(effect.moved)} another cause ({names(effect.moved)})" if effect.moved else ""
    unmoved = f"moved nothing for {len(effect.unmoved)} ({names(effect.unmoved)})" if effect.unmoved else ""
    what = ", ".join(filter(None, (healed, moved, unmoved)))
    return f"By {utc(effect.after, day=False)} {done}: {what}."


def effects_table(story: Retrospective) -> Table:
    """Between each two looks: what was done, whom it healed, who got another cause, for whom it moved nothing."""
    rows: list[Sequence[CellLike]] = [
        (
            utc(e.after, day=False),
            Cell("; ".join(_act(a.what, a.at) for a in e.acts) or "nothing that the record shows"),
            _named(e.healed),
            _named(e.moved),
            _named(e.unmoved),
        )
        for e in story.effects
    ]
    columns = (Column("By", tight=True, mono=True), "Done before", "Healed", "Another cause", "Moved nothing for")
    return Table(
        "What each act moved",
        columns,
        rows,
        count=plural(len(rows), "step"),
        wide=True,
        empty="there was one look only",
    )


def _named(refs: Sequence[ObjectRef]) -> str:
    return f"{len(refs)}: {names(refs)}" if refs else "0"


_ACTS = 40  # next acts that are shown


def next_acts_table(explanation: Explanation) -> Table:
    """The next acts in the order that frees most, each with what it frees; none of them is done by this."""
    rows: list[Sequence[CellLike]] = []
    every = [(group, repair) for group in grouped(explanation) for repair in repairs(group)]
    every.sort(key=lambda both: (both[0].counts != RELEASE, -both[1].frees))
    for number, (group, repair) in enumerate(every[:_ACTS], 1):
        act = repair.act
        waits = f" + {len(repair.blocked)}" if repair.blocked else ""
        text = f"{number}. {act.text or 'nothing is known to do about it: ' + group.cause}"
        frees = f"{len(repair.direct)}{waits} of {group.cause}"
        rows.append((Cell(text, under=(act.command,) if act.command else ()), frees, act_kind(act)))
    return Table(
        "Next acts, the one that frees most first",
        ("Act", "Frees", "Risk"),
        rows,
        count=f"{len(every)}, none done" + (f"; the first {_ACTS} are shown" if len(every) > _ACTS else ""),
        wide=True,
    )


def believed_table(story: Retrospective) -> Table:
    """Ticked boxes on the left, what was measured on the right. Nobody is named: a sentence is wrong, not a person."""
    rows: list[Sequence[CellLike]] = [
        (Cell(b.believed), Cell(b.measured), word_of(b.criterion)) for b in story.believed
    ]
    return Table("Believed and measured", ("Believed", "Measured", Column("Result", tight=True)), rows,
                 empty="every ticked box is kept by the evidence",
        wide=True)  # fmt: skip


def follow_ups_table(story: Retrospective) -> Table:
    """What is left to do; without an owner and a date it is a wish, and says so."""
    owned = sum(bool(f.owner and f.due) for f in story.follow_ups)
    rows: list[Sequence[CellLike]] = [
        (
            Cell(f.what, under=(f.act.command,) if f.act.command else ()),
            f.ticket or "new",
            f.owner or Cell("nobody yet", css="miss"),
            f.due or Cell("no date", css="miss"),
        )
        for f in story.follow_ups
    ]
    return Table("Follow-ups", ("What", Column("Ticket", tight=True), Column("Owner", tight=True), Column("Due", tight=True)), rows,
                 count=f"{len(rows)}: {owned} owned, {len(rows) - owned} not", empty="nothing is left to do",
        wide=True)  # fmt: skip


def impact_paragraph(story: Retrospective) -> Paragraph:
    """`11 HelmReleases: 8 sealed-secret-key-mismatch, 1 blocked by one of them, 1 unexplained, 1 of other causes`."""
    if story.impact is None:
        return Paragraph("No stage of this run explained what fails.")
    return Paragraph(f"{story.impact.sentence()}.")


class TicketBlock(Shown):
    """The Markdown for the ticket, shown as text to copy."""

    __slots__ = ("story",)

    def __init__(self, story: Retrospective) -> None:
        self.story = story

    def html(self, *, page: bool = False) -> str:
        """A block to copy."""
        block = code_block(ticket_block(self.story), page=page, label="Ticket block to copy")
        return f'<div class="ticket">{block}</div>'

    def text(self) -> str:
        """The Markdown itself; long lines are wrapped for the screen only."""
        return "\n".join(
            part for line in visible(ticket_block(self.story)).split("\n") for part in wrap(line, TEXT_WIDTH)
        )


def retrospective_view(story: Retrospective) -> Stack:
    """Everything a look back shows, as one cell's result."""
    ended = word_of_verdict(story.verdict)
    took = (story.attempts[-1].ended - story.attempts[0].started).total_seconds()
    mark = "not fine" if ended is FAIL else ended.word.lower()
    return Stack(
        Paragraph(f"The run ended {mark} after {span(took)} and {plural(len(story.attempts), 'attempt')}."),
        CauseMoves(story),
        impact_paragraph(story),
        timeline_table(story),
        foretold_table(story),
        believed_table(story),
        follow_ups_table(story),
        TicketBlock(story),
    )
