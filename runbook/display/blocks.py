"""What every displayed thing has in common: HTML for a notebook, HTML for a page, and text for everything else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from runbook.display.texts import FOLDED, TEXT_WIDTH, cut, one_line, short, visible, wrap


class Shown:
    """Base of displayed things. Subclasses write `html` and `text`; the notebook protocol follows from them."""

    __slots__ = ()

    def html(self, *, page: bool = False) -> str:
        """Markup. In a notebook (not `page`) it carries class names and layout only, so that an untrusted Lab keeps it."""
        raise NotImplementedError

    def text(self) -> str:
        """The same in at most 100 columns, with the same counts in the same order."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/html": self.html(), "text/plain": self.text()}

    def __str__(self) -> str:
        return self.text()


class Stack(Shown):
    """Several things below each other, as one cell's result."""

    __slots__ = ("parts",)

    def __init__(self, *parts: Shown | None) -> None:
        self.parts: tuple[Shown, ...] = tuple(p for p in parts if p is not None)

    def html(self, *, page: bool = False) -> str:
        """All parts' markup, in order."""
        return "\n".join(part.html(page=page) for part in self.parts)

    def text(self) -> str:
        """All parts' text, with an empty line between."""
        return "\n\n".join(part.text() for part in self.parts)


class Paragraph(Shown):
    """One sentence or two of ours; what others wrote in it is escaped like everything else."""

    __slots__ = ("css", "sentence")

    def __init__(self, sentence: str, css: str = "") -> None:
        self.sentence, self.css = sentence, css

    def html(self, *, page: bool = False) -> str:
        """A paragraph."""
        return f"<p{css_attribute(self.css)}>{escape(one_line(self.sentence))}</p>"

    def text(self) -> str:
        """The sentence, wrapped."""
        return "\n".join(wrap(one_line(self.sentence), TEXT_WIDTH))


def css_attribute(names: str) -> str:
    """` class="…"`, or nothing."""
    return f' class="{names}"' if names else ""


def folded(text: str, *, what: str = "the rest") -> str:
    """Foreign text as markup: one line of 200 characters, what follows folded, all of it escaped."""
    head, rest = cut(text)
    if not rest:
        return escape(head)
    kept = rest[:FOLDED]
    more = f"\n… {len(rest) - FOLDED} more characters stand in result.json" if len(rest) > FOLDED else ""
    return (
        f"{escape(head)} … <details><summary>{what}, {len(rest)} characters</summary>"
        f'<div class="m rest">{escape(kept + more)}</div></details>'
    )


def code_block(text: str, *, page: bool = False, label: str = "Commands to copy") -> str:
    """Lines a person may copy. Foreign text in them is shown, never interpreted."""
    shown = escape(visible(text).strip("\n"))
    roles = f' tabindex="0" role="region" aria-label="{escape(label)}"' if page else ""
    return f'<pre class="cmd"{roles}>{shown}</pre>'


def plain_list(items: Sequence[str], *, limit: int = 60) -> str:
    """Items joined by commas; what is over the limit is counted."""
    kept = ", ".join(short(i, 80) for i in items[:limit])
    return kept + (f" and {len(items) - limit} more" if len(items) > limit else "")
