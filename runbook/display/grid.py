"""A table as text: columns shrunk until the row fits into 100 columns, cells wrapped, widths as a terminal counts them."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.display.texts import TEXT_WIDTH, pad, wrap

GAP = 2


def fit(wanted: Sequence[int], tight: Sequence[bool]) -> list[int]:
    """Shrink the widest columns, never below their own head or 6, until the row fits into the text's width."""
    sizes = list(wanted)
    least = [min(w, 6) for w in wanted]
    room = TEXT_WIDTH - GAP * (len(sizes) - 1)
    while sum(sizes) > room:
        open_ = [i for i in range(len(sizes)) if sizes[i] > least[i] and not tight[i]]
        open_ = open_ or [i for i in range(len(sizes)) if sizes[i] > 1]
        widest = max(open_, key=lambda i: sizes[i])
        sizes[widest] -= max(1, min(sum(sizes) - room, (sizes[widest] - least[widest]) // 2))
    return sizes


def text_row(cells: Sequence[str], sizes: Sequence[int], right: Sequence[bool]) -> list[str]:
    """The lines of one row: each cell wrapped to its column, numbers to the right."""
    wrapped = [wrap(cell, size) for cell, size in zip(cells, sizes, strict=True)]
    return [
        (" " * GAP).join(
            pad(lines[n] if n < len(lines) else "", size, right=number)
            for lines, size, number in zip(wrapped, sizes, right, strict=True)
        )
        for n in range(max(map(len, wrapped)))
    ]
