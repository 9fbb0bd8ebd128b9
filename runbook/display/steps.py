"""The steps at one object: its cause, what was seen and said there, and the one next act. One block for each object."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from runbook.display.blocks import Paragraph, Shown, Stack, code_block, folded
from runbook.display.causes import proof_html
from runbook.display.causewords import act_kind, command_lines
from runbook.display.texts import TEXT_WIDTH, one_line, short, wrap
from runbook.model import NextAct


class Steps(Shown):
    """A heading (`title` with its proof, the object), what was said there, the object in full (folded), the next act."""

    __slots__ = ("act", "full", "object", "proof", "said", "title")

    def __init__(
        self, title: str, proof: str, object_: str, said: Sequence[Shown], full: Shown | None, act: NextAct | None
    ) -> None:
        self.title, self.proof, self.object = title, proof, object_
        self.said, self.full, self.act = Stack(*said), full, act

    def html(self, *, page: bool = False) -> str:
        """A heading, tables, a folded part, the act."""
        tag = "h3" if page else "p"
        head = f"<{tag}><strong>{escape(self.title)}</strong> {proof_html(self.proof) if self.proof else ''}</{tag}>"
        parts = [head, f'<p class="m">{escape(one_line(self.object))}</p>', self.said.html(page=page)]
        if self.full is not None:
            parts.append(
                f"<details><summary>The object in full: makers, conditions, containers, what it refers to, events</summary>"
                f"{self.full.html(page=page)}</details>"
            )
        if self.act is not None:
            command = code_block(self.act.command, page=page, label="Command to copy") if self.act.command else ""
            kind = f"<strong>{act_kind(self.act)}</strong>"
            parts.append(f'<div class="act">{kind} {folded(self.act.text)}{command}</div>')
        return f'<div class="steps">{"".join(parts)}</div>'

    def text(self) -> str:
        """The same, in order, indented by nothing: it is long enough."""
        proof = f" ({self.proof})" if self.proof else ""
        blocks = ["\n".join(wrap(f"{self.title}{proof}: {one_line(self.object)}", TEXT_WIDTH)), self.said.text()]
        if self.full is not None:
            blocks.append(self.full.text())
        if self.act is not None:
            lines = wrap(f"next: {act_kind(self.act)} {short(self.act.text)}", TEXT_WIDTH)
            blocks.append("\n".join([*lines, *command_lines(self.act.command, indent=2)]))
        return "\n\n".join(filter(None, blocks))


def steps_of(some: Sequence[Steps], left_out: Sequence[str], why: str) -> Shown:
    """All blocks, and what was left out by name."""
    if not some:
        return Paragraph("Nothing red has a log, a Service or an Ingress that could be asked.")
    rest = Paragraph(f"Not asked about, {why}: {', '.join(left_out)}.") if left_out else None
    return Stack(*some, rest)
