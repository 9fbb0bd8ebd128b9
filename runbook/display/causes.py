"""First causes as a ladder: each failing release once, below the first thing that went wrong; what is left is said too.

Nested lists, not a picture: it wraps on a phone, reads aloud, and survives an untrusted notebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from runbook.display.blocks import Shown, code_block, folded
from runbook.display.causelines import CAUSES, COMMANDS, REPAIRS, gap_lines, group_lines, left_lines
from runbook.display.causewords import act_kind, age_of, command_lines, held_words, others_words, waits_words
from runbook.display.extent import Extent
from runbook.display.gaps import gap_sentences
from runbook.display.phrases import cause_title, counted
from runbook.display.rungs import steps_html
from runbook.display.texts import TEXT_WIDTH, one_line, plural, short, telling, wrap
from runbook.model import Explanation, FirstCause, NextAct, ObjectRef, Unexplained
from runbook.retrospective.impact import CauseGroup, Repair, grouped, repairs, unexplained

__all__ = ["Ladder", "act_kind", "causes_count", "command_lines", "first_causes", "name_list", "proof_html"]

_NAMES = 40


class Ladder(Shown):
    """All first causes of an explanation. “Unexplained” is printed always, also when it is 0.

    `looked` says of how many objects that is the answer; `asked` are objects whose whole way down is shown.
    """

    __slots__ = ("asked", "beside", "explanation", "groups", "left", "looked")

    def __init__(self, explanation: Explanation, looked: Extent | None = None, asked: Sequence[ObjectRef] = ()) -> None:
        self.explanation, self.looked, self.asked = explanation, looked, tuple(asked)
        self.groups = grouped(explanation)
        # Releases are what people count; whatever else is left over is listed below them and never dropped.
        first = unexplained(explanation)
        self.left = first
        self.beside = tuple(u for u in explanation.unexplained if u not in first)

    @property
    def red(self) -> bool:
        """Whether anything fails at all."""
        return bool(self.groups or self.left)

    def headline(self) -> str:
        """`8 + 1 waits, 1, 1 unexplained`."""
        parts = [f"{len(g.direct)}" + (f" + {waits_words(len(g.blocked))}" if g.blocked else "") for g in self.groups]
        return ", ".join([*parts, *([] if self.red else ["nothing red"]), f"{len(self.left)} unexplained"])

    def sentences(self) -> list[str]:
        """What is said before any cause: of how much this is the answer where nothing is red, and what is suspended."""
        if self.red:
            return [*self.looked.asleep()] if self.looked else []
        calm = [self.looked.calm()] if self.looked else ["Nothing is red in what was observed."]
        gaps = self.explanation.not_evaluated
        doubt = ["What could not be evaluated may be red all the same."] if gaps else []
        return [*calm, *doubt, *(self.looked.asleep() if self.looked else ())]

    def html(self, *, page: bool = False) -> str:
        """Nested lists: count, cause with its proof, chain."""
        label = ' aria-label="Failing objects by first cause"' if page else ""
        rungs = "".join(_group_html(g, page) for g in self.groups) + _left_html(self)
        said = "".join(f"<p>{escape(one_line(sentence))}</p>" for sentence in self.sentences())
        return f'{said}<ol class="ladder"{label}>{rungs}</ol>' + _gaps_html(self.explanation)

    def text(self) -> str:
        """The same, indented; every line in at most 100 columns."""
        lines = [f"First causes  {self.headline()}"]
        lines += [f"      {part}" for sentence in self.sentences() for part in wrap(one_line(sentence), TEXT_WIDTH - 6)]
        for group in self.groups:
            lines += group_lines(group, self.asked)
        lines += left_lines(self.left, self.beside, red=self.red)
        return "\n".join([*lines, *gap_lines(self.explanation)])


def first_causes(explanation: Explanation, looked: Extent | None = None, asked: Sequence[ObjectRef] = ()) -> Ladder:
    """What is red, walked to the first thing that went wrong."""
    return Ladder(explanation, looked, asked)


def proof_html(proof: str) -> str:
    """fact with a solid underline, hypothesis with a dashed one; the word says it without either."""
    return f'<span class="label{" h" if proof == "hypothesis" else ""}">{escape(proof)}</span>'


def _group_html(group: CauseGroup, page: bool) -> str:
    waits = f"<small>+ {waits_words(len(group.blocked))}</small>" if group.blocked else ""
    proof = "fact" if group.is_fact else "hypothesis"
    left = (
        f'<strong>{escape(cause_title(group.cause))}</strong><br><span class="m small">{escape(one_line(group.cause))}</span> '
        f"{proof_html(proof)}{_words_html(group)}"
    )
    every, ends = repairs(group), _ends_html(group)
    if len(every) == 1:
        chains = _repair_html(group, every[0], page, ends)
    else:
        chains = "".join(_repair_html(group, repair, page) for repair in every[:REPAIRS])
        left_out = len(every) - REPAIRS
        chains += f"<p>and {plural(left_out, 'more repair')} of this kind, in result.json</p>" if left_out > 0 else ""
        chains += f'<ul class="rungs">{ends}</ul>'
    return (
        f'<li id="c-{_anchor(group.cause)}"><div class="count">{len(group.direct)}{waits}</div><div>{left}</div>'
        f'{_arrow(page)}<div class="chain">{chains}</div></li>'
    )


def _words_html(group: CauseGroup) -> str:
    """What is said of the causes: of one alone here, of several beside each of them."""
    if len(group.causes) > 1:
        return f'<div class="msg">{len(group.causes)} of this kind, each with an object and a repair of its own or shared</div>'
    lead = group.causes[0]
    decides = "" if lead.proof == "fact" or not lead.decides else f"Decided by: {lead.decides}"
    said = "".join(f'<div class="msg">{escape(one_line(line))}</div>' for line in (age_of(lead), decides) if line)
    return f'<div class="msg m">{_message_html(lead)}</div>{said}'


def _message_html(cause: FirstCause) -> str:
    """The telling parts of the message; where that is not all of it, the whole of it folded."""
    shown, whole = telling(cause.message, cause.words), one_line(cause.message)
    return folded(shown) if shown == whole else f"{escape(shown)} {_whole_html(cause.message)}"


def _whole_html(message: str) -> str:
    return f'<details><summary>the whole message, {len(message)} characters</summary><div class="m rest">{folded(message)}</div></details>'


def _arrow(page: bool) -> str:
    return '<div class="arrow" aria-hidden="true">→</div>' if page else ""


def _anchor(name: str) -> str:
    return escape("".join(c if c.isalnum() and c.isascii() else "-" for c in name))


def _repair_html(group: CauseGroup, repair: Repair, page: bool, ends: str = "") -> str:
    """The causes that one act repairs, the way up from the first of them, what fails at its end, and the act."""
    alone = len(group.causes) == 1
    roots = "".join(f'<li class="root m">{_root_html(group, c, alone)}</li>' for c in repair.causes[:CAUSES])
    more = len(repair.causes) - CAUSES
    rest = f'<li class="root">and {more} more first causes of this kind, in result.json</li>' if more > 0 else ""
    return f'<ul class="rungs">{roots}{rest}{steps_html(repair.causes[0])}{ends}</ul>{_next_html(repair, page)}'


def _root_html(group: CauseGroup, cause: FirstCause, alone: bool) -> str:
    head = escape(one_line(short(str(cause.object), 300)))
    if alone:
        return head
    said = ", ".join(filter(None, (age_of(cause), cause.proof, held_words(group, cause))))
    decides = (
        f'<div class="msg">Decided by: {escape(one_line(cause.decides))}</div>'
        if cause.proof != "fact" and cause.decides
        else ""
    )
    return (
        f'{head}<div class="msg">{escape(one_line(said))}</div><div class="msg m">{_message_html(cause)}</div>{decides}'
    )


def _ends_html(group: CauseGroup) -> str:
    """What fails by it and what waits, by name."""
    ends = f"{counted(group.counts, len(group.direct))} {'fails' if len(group.direct) == 1 else 'fail'}"
    waiting = "".join(
        f'<div class="wait"><strong>1 is blocked by</strong> {escape(one_line(by.name))}: {escape(one_line(ref.name))} '
        f'<span class="muted">(no cause of its own)</span></div>'
        for ref, by in group.blocked[:_NAMES]
    )
    below = others_words(group)
    note = f'<div class="msg">{escape(below)}</div>' if below else ""
    return f"<li>{escape(ends)}{name_list(group.direct)}{waiting}{note}</li>"


def name_list(refs: tuple[ObjectRef, ...]) -> str:
    """Names as a list of small boxes; namespaces where two would look alike."""
    plain = [r.name for r in refs]
    shown = [r.name if plain.count(r.name) == 1 else f"{r.name} ({r.namespace})" for r in refs]
    more = f"<li>and {len(shown) - _NAMES} more</li>" if len(shown) > _NAMES else ""
    return '<ul class="names">' + "".join(f"<li>{escape(short(n, 80))}</li>" for n in shown[:_NAMES]) + more + "</ul>"


def _next_html(repair: Repair, page: bool) -> str:
    commands = list(dict.fromkeys(c.next.command for c in repair.causes if c.next.command))
    blocks = "".join(code_block(command, page=page, label="Command to copy") for command in commands[:COMMANDS])
    more = (
        f'<div class="msg">and the same for {len(commands) - COMMANDS} more</div>' if len(commands) > COMMANDS else ""
    )
    act: NextAct = repair.act
    return f'<div class="act"><strong>{act_kind(act)}</strong> {folded(act.text)}{blocks}{more}</div>'


def _left_html(shown: Ladder) -> str:
    left, beside = shown.left, shown.beside
    if not left:
        none = "Every failing object hangs on one of the causes above." if shown.red else "Nothing is red."
        return (
            '<li id="c-unexplained"><div class="count">0</div><div><strong>Unexplained</strong>'
            f'<div class="msg">{none}</div></div></li>'
        )
    items = "".join(
        f'<li class="q"><span class="m">{escape(one_line(str(u.object)))}</span><div class="msg">{folded(u.why)}</div>'
        + "".join(
            f'<div class="msg">{proof_html("hypothesis")} {escape(cause_title(h.cause))}: {folded(h.because)} '
            f"Decided by: {folded(h.decides)}</div>"
            for h in u.hypotheses
        )
        + "</li>"
        for u in (*left, *beside)[:_NAMES]
    )
    more = f'<li class="q">and {len(left) - _NAMES} more in result.json</li>' if len(left) > _NAMES else ""
    return (
        f'<li id="c-unexplained"><div class="count">{len(left)}{_beside(beside)}</div><div><strong>Unexplained</strong><br>'
        f'<span class="m small">no cause assigned</span></div><ul class="rungs chain">{items}{more}</ul></li>'
    )


def _beside(beside: tuple[Unexplained, ...]) -> str:
    return f"<small>+ {plural(len(beside), 'object')}</small>" if beside else ""


def _gaps_html(explanation: Explanation) -> str:
    sentences = gap_sentences(explanation, named=_NAMES)
    if not sentences:
        return ""
    items = "".join(f"<li>{folded(sentence)}</li>" for sentence in sentences)
    return f'<p><strong>Not evaluated</strong>, so these may hide causes:</p><ul class="small">{items}</ul>'


def causes_count(explanation: Explanation) -> str:
    """`3 + 1`: causes, and what is left without one."""
    return f"{plural(len(grouped(explanation)), 'cause')} + {len(unexplained(explanation))} unexplained"
