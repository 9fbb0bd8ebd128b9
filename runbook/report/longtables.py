"""Long tables in an output's HTML, cut for a page, which says how many rows it leaves out and where they stand.

It reads tags and nothing else, once and from the front: what only looks like a row (in a comment, a script, an attribute)
is none, and rows may be left open as HTML allows. An output without a long table stays as it is, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from urllib.parse import quote

ROWS = 400  # of one table, with those of the tables in it: as many as a table of ours shows
CELLS = 20_000  # after these no row of a table begins: a page takes time for each of them
# A quote delimits only after an equals sign; nothing of this is tried twice, so it is linear whatever it is given.
_TAG = re.compile(
    r"""<!--|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]*+)(?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+(?P<whole>>?)"""
)
_RAW = {n: re.compile(rf"</{n}\b", re.IGNORECASE) for n in ("script", "style", "textarea", "title", "xmp", "iframe")}


def shortened(html: str, file: str) -> str:
    """The same with at most so many rows a table; the others stand in `file`, which lies beside the page."""
    lower = html.lower()
    if lower.count("<tr") <= ROWS and lower.count("<td") + lower.count("<th") <= CELLS:
        return html
    cut = _Cut(html, file)
    for name, start, end in _tags(html):
        cut.tag(name, start, end)
    return cut.close()


def _tags(html: str) -> Iterator[tuple[str, int, int]]:
    """Each tag's name in small letters, with its slash when it ends something, and where it begins and ends."""
    at = 0
    while found := _TAG.search(html, at):
        if found.group() == "<!--":
            closed = html.find("-->", found.start() + 2)
            at = closed + 3 if closed >= 0 else len(html)
            continue
        if not found["whole"]:
            return  # never closed: a browser shows nothing from here on
        at, name = found.end(), found["name"].lower()
        yield found["end"] + name, found.start(), at
        if not found["end"] and name in _RAW:
            ended = _RAW[name].search(html, at)
            at = ended.start() if ended else len(html)


class _Cut:
    """What is kept of the HTML while its tags go by."""

    def __init__(self, html: str, file: str) -> None:
        self._html, self._file = html, file
        self._parts: list[str] = []
        self._from = 0  # what comes before it is in the parts, or left out
        self._depth = self._rows = self._cells = self._left = 0
        self._cutting = 0  # the depth of the table whose rows are being left out

    def tag(self, name: str, start: int, end: int) -> None:
        """Take notice of one tag."""
        if name == "table":
            if not self._depth:
                self._rows = self._cells = self._left = 0
            self._depth += 1
        elif not self._depth:
            return
        elif name == "tr":
            self._row(start)
        elif name in ("td", "th"):
            self._cells += 1
        elif name == "/table":
            self._end(start, end)

    def close(self) -> str:
        """The whole. A table that was never closed is, before anything is said of it."""
        if self._cutting:  # tables in a row that was left out are not open in what is kept
            self._from, self._depth = len(self._html), self._cutting
        self._parts.append(self._html[self._from :])
        if self._depth and self._left:
            self._parts += ["</table>" * self._depth, self._words()]
        return "".join(self._parts)

    def _row(self, start: int) -> None:
        if self._cutting:
            self._left += self._cutting == self._depth
        elif self._rows >= ROWS or self._cells >= CELLS:
            self._parts.append(self._html[self._from : start])
            self._cutting = self._depth
            self._left += 1
        else:
            self._rows += 1

    def _end(self, start: int, end: int) -> None:
        if self._cutting == self._depth:
            self._cutting, self._from = 0, start
        self._depth -= 1
        if not self._depth and self._left:
            self._parts += [self._html[self._from : end], self._words()]
            self._from = end

    def _words(self) -> str:
        rows = f"{self._left:,} more row{'' if self._left == 1 else 's'} of this table"
        verb = "stands" if self._left == 1 else "stand"
        return f'<p>{rows} {verb} in <a href="{escape(quote(self._file))}">{escape(self._file)}</a>.</p>'
