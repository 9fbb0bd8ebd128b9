"""A table that says the same in a notebook, on a page, in a terminal and to a screen reader.

pandas and great-tables lose caption, scope or text form in an untrusted JupyterLab, or carry random ids; this one is
deterministic, so that a replay can compare it word by word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from runbook.display.blocks import Shown, css_attribute, folded
from runbook.display.grid import fit, text_row
from runbook.display.texts import TEXT_WIDTH, one_line, telling, width, wrap
from runbook.display.words import FAIL, NOT_EVALUATED, Word

if TYPE_CHECKING:
    import pandas

_UNDER_LIMIT = 6
# Layout alone: an untrusted Lab keeps these, and a dark theme is not broken by them.
_LEFT = "text-align:left;vertical-align:top;padding:.3em .9em .3em 0"
_RIGHT = "text-align:right;vertical-align:top;padding:.3em .9em .3em 0"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title; `num` aligns right, `mono` is for what a machine said, `tight` never wraps.

    `whole` is for names: they break at hyphens only. Give it to wide tables alone, which scroll in a box of their own.
    """

    title: str
    num: bool = False
    mono: bool = False
    tight: bool = False
    whole: bool = False

    def __str__(self) -> str:
        return self.title


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, the evidence under it, and class names. `href` is only ever made by us: an anchor or a relative path.

    `spoken` is what a screen reader says where the text is a mere letter; `word` puts a badge before the text, `marks`
    a row of small ones (None for what did not happen).
    """

    text: str = ""
    under: tuple[str, ...] = ()
    css: str = ""
    word: Word | None = None
    href: str = ""
    spoken: str = ""
    marks: tuple[Word | None, ...] = ()

    def __str__(self) -> str:
        badge = str(self.word) if self.word else " ".join(m.glyph if m else "·" for m in self.marks)
        return " ".join(part for part in (badge, one_line(self.text)) if part)


CellLike = str | Cell | Word | int


@dataclass(frozen=True)
class Table(Shown):
    """Caption with a muted count, column heads and row heads with scope, rows of text, cells or words.

    `header` is the column whose cells name the row; `wide` gives the table a sideways scrolling box of its own on a
    page; `css` adds class names, `ids` and `marked` ids and class names of rows. `count` defaults to the number of rows.
    """

    caption: str
    columns: Sequence[str | Column]
    rows: Sequence[Sequence[CellLike]]
    count: str = ""
    header: int = 0
    css: str = ""
    wide: bool = False
    empty: str = "nothing"
    ids: Sequence[str] = field(default=())
    marked: Sequence[str] = field(default=())

    @property
    def counted(self) -> str:
        """The muted half of the caption."""
        return self.count or str(len(self.rows))

    def _heads(self) -> list[Column]:
        return [c if isinstance(c, Column) else Column(c) for c in self.columns]

    def html(self, *, page: bool = False) -> str:
        """Markup; a page adds roles and the scroll box that a notebook would lose."""
        style = "" if page else ' style="text-align:left;padding:.5em 0"'
        name = escape(one_line(self.caption)) if page else f"<strong>{escape(one_line(self.caption))}</strong>"
        caption = f'<caption{style}>{name} <span class="muted">{escape(one_line(self.counted))}</span></caption>'
        roles = page and "check" in self.css.split()
        attributes = css_attribute(" ".join(filter(None, ("edge", self.css, "wide" if self.wide else ""))))
        head = self._head(page, roles) if self.rows else ""
        table = f"<table{attributes}{_role('table', roles)}>{caption}{head}{self._body(page, roles)}</table>"
        if not (page and self.wide):
            return table
        label = escape(one_line(self.caption))
        hint = '<p class="hint">Wide table: scroll sideways.</p>'
        return (
            f'{hint}<div class="scroll" tabindex="0" role="region" aria-label="{label}, scrolls sideways">{table}</div>'
        )

    def _head(self, page: bool, roles: bool) -> str:
        heads = "".join(
            f'<th scope="col"{_role("columnheader", roles)}{_layout(c, page)}>{escape(c.title)}</th>'
            for c in self._heads()
        )
        return f"<thead{_role('rowgroup', roles)}><tr{_role('row', roles)}>{heads}</tr></thead>"

    def _body(self, page: bool, roles: bool) -> str:
        rows = [self._row(i, page, roles) for i in range(len(self.rows))]
        if not rows:
            # A row head keeps the table well formed for a screen reader; the word says that it is empty on purpose.
            span = len(self.columns)
            rows = [f'<tr><th scope="row" colspan="{span}" class="none">{escape(self.empty)}</th></tr>']
        return f"<tbody{_role('rowgroup', roles)}>{''.join(rows)}</tbody>"

    def _row(self, index: int, page: bool, roles: bool) -> str:
        row, heads = self.rows[index], self._heads()
        ident = f' id="{escape(self.ids[index])}"' if page and index < len(self.ids) and self.ids[index] else ""
        cells = "".join(
            _cell_html(cell, heads[i], page=page, roles=roles, head=i == self.header) for i, cell in enumerate(row)
        )
        return f"<tr{ident}{css_attribute(self._row_class(index))}{_role('row', roles)}>{cells}</tr>"

    def _row_class(self, index: int) -> str:
        mark = self.marked[index] if index < len(self.marked) else ""
        return " ".join(filter(None, (_emphasis(self.rows[index]), mark)))

    def text(self) -> str:
        """At most 100 columns: caption and count, heads, a rule, rows; evidence stands indented under its row."""
        caption = wrap(f"{one_line(self.caption)}  {one_line(self.counted)}".rstrip(), TEXT_WIDTH)
        if not self.rows:
            return "\n".join([*caption, f"  {self.empty}"])
        heads = self._heads()
        grid = [[str(c) for c in self.columns], *([_plain(cell) for cell in row] for row in self.rows)]
        sizes = fit([max(width(row[i]) for row in grid) for i in range(len(heads))], [h.tight for h in heads])
        right = [h.num for h in heads]
        lines = [*caption, *text_row(grid[0], sizes, right), "  ".join("-" * s for s in sizes)]
        for cells, row in zip(grid[1:], self.rows, strict=True):
            lines += text_row(cells, sizes, right)
            lines += _text_under(row)
        return "\n".join(line.rstrip() for line in lines)

    def frame(self) -> pandas.DataFrame:
        """The rows as a pandas DataFrame, for whoever wants to ask further in a notebook."""
        import pandas as pd

        return pd.DataFrame([[str(c) for c in row] for row in self.rows], columns=[str(c) for c in self.columns])

    def __str__(self) -> str:
        return self.text()


def _role(name: str, wanted: bool) -> str:
    return f' role="{name}"' if wanted else ""


def _layout(column: Column, page: bool) -> str:
    if page:
        return css_attribute("num t" if column.num else "t" if column.tight else "")
    return f' style="{_RIGHT if column.num else _LEFT}"'


def _emphasis(row: Sequence[CellLike]) -> str:
    words = [c if isinstance(c, Word) else c.word for c in row if isinstance(c, Word | Cell)]
    if FAIL in words:
        return "bad"
    return "unk" if NOT_EVALUATED in words else ""


def _cell_html(cell: CellLike, column: Column, *, page: bool, roles: bool, head: bool) -> str:
    whole = cell if isinstance(cell, Cell) else Cell(word=cell) if isinstance(cell, Word) else Cell(str(cell))
    tag, scope = ("th", ' scope="row"') if head else ("td", "")
    role = _role("rowheader" if head else "cell", roles)
    names = " ".join(filter(None, (whole.css, _column_css(column))))
    if page:
        attributes = css_attribute(" ".join(filter(None, ("num" if column.num else "", names))))
    else:
        attributes = css_attribute(names) + f' style="{_RIGHT if column.num else _LEFT}"'
    return f"<{tag}{scope}{attributes}{role}>{_content(whole, page)}</{tag}>"


def _content(cell: Cell, page: bool) -> str:
    parts = [cell.word.html(page=page)] if cell.word else []
    text = folded(cell.text) + _marks_html(cell)
    if cell.href:
        text = f'<a href="{escape(cell.href)}">{text}</a>'
    if "cell" in cell.css.split():
        text = f'<span class="c {cell.css.split()[-1]}">{text}</span>'
    if cell.spoken and page:
        text = f'<span aria-hidden="true">{text}</span><span class="vh">{escape(cell.spoken)}</span>'
    parts += [text] if text else []
    content = " ".join(parts)
    shown = cell.under[:_UNDER_LIMIT]
    content += "".join(f'<div class="ev">{folded(line)}</div>' for line in shown)
    if len(cell.under) > len(shown):
        content += f'<div class="ev">and {len(cell.under) - len(shown)} more in result.json</div>'
    return content


def _marks_html(cell: Cell) -> str:
    shown = "".join(f'<b class="{m.css}">{m.glyph}</b>' if m else '<b class="n">·</b>' for m in cell.marks)
    return f'<span class="marks">{shown}</span>' if shown else ""


def _column_css(column: Column) -> str:
    flags = (("m", column.mono), ("t", column.tight), ("name", column.whole))
    return " ".join(name for name, wanted in flags if wanted)


def _plain(cell: CellLike) -> str:
    return str(cell) if isinstance(cell, int) else telling(str(cell))


def _text_under(row: Sequence[CellLike]) -> list[str]:
    lines: list[str] = []
    for cell in row:
        if isinstance(cell, Cell):
            for line in cell.under[:_UNDER_LIMIT]:
                lines += [f"    {part}" for part in wrap(telling(line), TEXT_WIDTH - 4)]
            if len(cell.under) > _UNDER_LIMIT:
                lines.append(f"    and {len(cell.under) - _UNDER_LIMIT} more in result.json")
    return lines
