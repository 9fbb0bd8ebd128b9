"""First causes as a ladder: each failing release once, below the first thing that went wrong; what is left is said too.

Nested lists, not a picture: it wraps on a phone, reads aloud, and survives an untrusted notebook.
"""

from __future__ import annotations

from html import escape

from runbook.display.blocks import Shown, code_block, folded
from runbook.display.phrases import cause_title, counted, names
from runbook.display.texts import TEXT_WIDTH, one_line, plural, short, span, width, wrap
from runbook.model import Explanation, FirstCause, Gap, NextAct, ObjectRef, Unexplained
from runbook.retrospective.impact import CauseGroup, grouped, unexplained

_NAMES = 40
_STEPS = 5


class Ladder(Shown):
    """All first causes of an explanation. “Unexplained” is printed always, also when it is 0."""

    __slots__ = ("beside", "explanation", "groups", "left")

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.groups = grouped(explanation)
        # Releases are what people count; whatever else is left over is listed below them and never dropped.
        first = unexplained(explanation)
        self.left = first
        self.beside = tuple(u for u in explanation.unexplained if u not in first)

    def headline(self) -> str:
        """`8 + 1 waits, 1, 1 unexplained`."""
        parts = [f"{len(g.direct)}" + (f" + {_waits(len(g.blocked))}" if g.blocked else "") for g in self.groups]
        return ", ".join([*parts, f"{len(self.left)} unexplained"])

    def html(self, *, page: bool = False) -> str:
        """Nested lists: count, cause with its proof, chain."""
        label = ' aria-label="Failing objects by first cause"' if page else ""
        rungs = "".join(_group_html(g, page) for g in self.groups) + _left_html(self.left, self.beside)
        return f'<ol class="ladder"{label}>{rungs}</ol>' + _gaps_html(self.explanation.not_evaluated)

    def text(self) -> str:
        """The same, indented; every line in at most 100 columns."""
        lines = [f"First causes  {self.headline()}"]
        for group in self.groups:
            lines += _group_text(group)
        lines += _left_text(self.left, self.beside)
        lines += [
            line
            for gap in self.explanation.not_evaluated
            for line in wrap(f"   ?  not evaluated: {short(gap.what)}: {short(gap.why)}", TEXT_WIDTH)
        ]
        return "\n".join(lines)


def first_causes(explanation: Explanation) -> Ladder:
    """What is red, walked to the first thing that went wrong."""
    return Ladder(explanation)


def _waits(number: int) -> str:
    return f"{number} wait{'s' if number == 1 else ''}"


def age_of(cause: FirstCause) -> str:
    """`3 min 46 s old`, with a word when it speaks of things that are gone."""
    parts = [] if cause.age_seconds is None else [f"{span(cause.age_seconds)} old"]
    return ", ".join([*parts, *(["stale: it speaks of what has changed since"] if cause.stale else [])])


def proof_html(proof: str) -> str:
    """fact with a solid underline, hypothesis with a dashed one; the word says it without either."""
    return f'<span class="label{" h" if proof == "hypothesis" else ""}">{escape(proof)}</span>'


def act_kind(act: NextAct) -> str:
    """The first words of an act: whether it only reads. What is safe is the command, not the sentence before it."""
    if act.safe:
        return "Safe: the command only reads." if act.command else "Safe."
    return "Changes the cluster."


def _group_html(group: CauseGroup, page: bool) -> str:
    lead = group.causes[0]
    waits = f"<small>+ {_waits(len(group.blocked))}</small>" if group.blocked else ""
    count = f"{len(group.direct)}"
    age = age_of(lead)
    decides = "" if lead.proof == "fact" or not lead.decides else f"Decided by: {lead.decides}"
    proof = "fact" if group.is_fact else "hypothesis"
    said = "".join(f'<div class="msg">{escape(one_line(line))}</div>' for line in (age, decides) if line)
    left = (
        f'<strong>{escape(cause_title(group.cause))}</strong><br><span class="m small">{escape(one_line(group.cause))}</span> '
        f'{proof_html(proof)}<div class="msg m">{folded(lead.message)}</div>{said}'
    )
    return (
        f'<li id="c-{_anchor(group.cause)}"><div class="count">{count}{waits}</div><div>{left}</div>'
        f'{_arrow(page)}<div class="chain">{_rungs_html(group)}{_next_html(lead, page)}</div></li>'
    )


def _arrow(page: bool) -> str:
    return '<div class="arrow" aria-hidden="true">→</div>' if page else ""


def _anchor(name: str) -> str:
    return escape("".join(c if c.isalnum() and c.isascii() else "-" for c in name))


def _rungs_html(group: CauseGroup) -> str:
    lead = group.causes[0]
    objects = ", ".join(str(c.object) for c in group.causes[:1])
    at_fault = objects if len(group.causes) == 1 else f"{objects} and {len(group.causes) - 1} more at fault"
    steps = [f'<li class="root m">{escape(one_line(at_fault))}</li>']
    steps += [f'<li class="m">{escape(short(step, 120))}</li>' for step in _steps(lead)]
    ends = f"{counted(group.counts, len(group.direct))} {'fails' if len(group.direct) == 1 else 'fail'}"
    waiting = "".join(
        f'<div class="wait"><strong>1 is blocked by</strong> {escape(one_line(by.name))}: {escape(one_line(ref.name))} '
        f'<span class="muted">(no cause of its own)</span></div>'
        for ref, by in group.blocked[:_NAMES]
    )
    below = _others(group)
    note = f'<div class="msg">{escape(below)}</div>' if below else ""
    return f'<ul class="rungs">{"".join(steps)}<li>{escape(ends)}{name_list(group.direct)}{waiting}{note}</li></ul>'


def _steps(lead: FirstCause) -> tuple[str, ...]:
    """What lies between the cause and the release, upwards from the cause, without how each edge is known."""
    longest = max((e.via for e in lead.explains if e.relation != "blocked-by"), key=len, default=())
    plain = (step.partition(" (")[0] for step in reversed(longest))
    return tuple(dict.fromkeys(step for step in plain if step != str(lead.object)))[:_STEPS]


def _others(group: CauseGroup) -> str:
    kinds = [r.kind for r in group.others]
    if not kinds:
        return ""
    return "and beneath: " + ", ".join(counted(kind, kinds.count(kind)) for kind in sorted(set(kinds)))


def name_list(refs: tuple[ObjectRef, ...]) -> str:
    """Names as a list of small boxes; namespaces where two would look alike."""
    plain = [r.name for r in refs]
    shown = [r.name if plain.count(r.name) == 1 else f"{r.name} ({r.namespace})" for r in refs]
    more = f"<li>and {len(shown) - _NAMES} more</li>" if len(shown) > _NAMES else ""
    return '<ul class="names">' + "".join(f"<li>{escape(short(n, 80))}</li>" for n in shown[:_NAMES]) + more + "</ul>"


def _next_html(lead: FirstCause, page: bool) -> str:
    command = code_block(lead.next.command, page=page, label="Command to copy") if lead.next.command else ""
    return f'<div class="act"><strong>{act_kind(lead.next)}</strong> {folded(lead.next.text)}{command}</div>'


def _left_html(left: tuple[Unexplained, ...], beside: tuple[Unexplained, ...]) -> str:
    if not left:
        return (
            '<li id="c-unexplained"><div class="count">0</div><div><strong>Unexplained</strong>'
            '<div class="msg">Every failing object hangs on one of the causes above.</div></div></li>'
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


def _gaps_html(gaps: tuple[Gap, ...]) -> str:
    if not gaps:
        return ""
    items = "".join(f"<li>{folded(g.what)}: {folded(g.why)}</li>" for g in gaps)
    return f'<p><strong>Not evaluated</strong>, so these may hide causes:</p><ul class="small">{items}</ul>'


def _group_text(group: CauseGroup) -> list[str]:
    lead = group.causes[0]
    proof = "fact" if group.is_fact else "hypothesis"
    first, *more = wrap(f"{cause_title(group.cause)} ({short(group.cause, 80)}), {proof}", TEXT_WIDTH - 6)
    lines = [f"{len(group.direct):>4}  {first}", *(f"      {part}" for part in more)]
    said = [short(lead.message), age_of(lead), f"{names(group.direct, limit=8)}"]
    said += [f"+ 1 blocked by {by.name}: {ref.name}" for ref, by in group.blocked]
    said += [_others(group)]
    if lead.proof == "hypothesis" and lead.decides:
        said.append(f"decided by: {short(lead.decides)}")
    kind = "changes the cluster" if not lead.next.safe else "the command only reads" if lead.next.command else "safe"
    said.append(f"next ({kind}): {short(lead.next.text)}")
    for line in filter(None, said):
        lines += [f"      {part}" for part in wrap(one_line(line), TEXT_WIDTH - 6)]
    lines += command_lines(lead.next.command, indent=8)
    return lines


def command_lines(command: str, *, indent: int) -> list[str]:
    """A command's lines, indented; too long ones are continued, never silently cut."""
    lines: list[str] = []
    for line in (one_line(part) for part in command.strip().split("\n") if part.strip()):
        room = TEXT_WIDTH - indent
        lines += [" " * indent + part for part in ([line] if width(line) <= room else wrap(line, room))]
    return lines


def _left_text(left: tuple[Unexplained, ...], beside: tuple[Unexplained, ...]) -> list[str]:
    lines = [f"{len(left):>4}  Unexplained" + ("" if left else ": every failing object hangs on a cause above")]
    for item in (*left, *beside):
        lines += [f"      {part}" for part in wrap(f"{one_line(str(item.object))}: {short(item.why)}", TEXT_WIDTH - 6)]
        for guess in item.hypotheses:
            sentence = f"hypothesis {guess.cause}: {short(guess.because)} Decided by: {short(guess.decides)}"
            lines += [f"      {part}" for part in wrap(one_line(sentence), TEXT_WIDTH - 6)]
    return lines


def causes_count(explanation: Explanation) -> str:
    """`3 + 1`: causes, and what is left without one."""
    return f"{plural(len(grouped(explanation)), 'cause')} + {len(unexplained(explanation))} unexplained"
