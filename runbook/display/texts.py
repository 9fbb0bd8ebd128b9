"""Text that others wrote, made harmless and measurable: escapes shown, one line cut, width as a terminal counts it.

Messages, names and logs come from a cluster, a registry or Git. They may carry terminal codes, direction overrides,
markup and lines of megabytes; whatever they carry, people read it as text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timezone

LINE = 200  # characters of one line that are shown before the rest is folded
_SLACK = 60  # a rest this short is no reason to fold anything
_GLUE = 20  # so few characters are not left out between two parts that are shown
_QUOTED = "Last Helm logs:"
FOLDED = 3000  # characters of the folded rest that a page keeps; all of it stands in result.json
TEXT_WIDTH = 100

# Controls, format characters (bidi overrides, zero width), surrogates, private use, line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PLAIN = str.maketrans({
    "✔": "v", "✗": "x", "⚠": "!", "◐": "w", "–": "-", "—": "-", "·": "-", "►": ">", "✚": "+", "◎": "o",
    "“": '"', "”": '"', "‘": "'", "’": "'", "×": "x", "…": "...", "→": "->", "←": "<-", "☑": "[x]", "☐": "[ ]",
    "\ufe0e": "", "\u00a0": " ", "≤": "<=", "≥": ">=", "†": "*", "└": "`",
})  # fmt: skip


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """The same text with every control, bidi and otherwise hidden character shown as an escape; newlines stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c) for c in text.replace("\r\n", "\n").replace("\t", "    "))


def _shown(char: str) -> str:
    return _escape(char) if char != "\n" and unicodedata.category(char) in _HIDDEN else char


def one_line(text: str) -> str:
    """Visible text on one line: newlines become ` ⏎ `, so that nothing can pretend to be a second row."""
    return " ⏎ ".join(part.strip() for part in visible(text).strip().split("\n") if part.strip())


def cut(text: str, limit: int = LINE) -> tuple[str, str]:
    """The first line up to `limit` characters, and all that follows (empty when nothing does)."""
    shown = visible(text).strip()
    head, _, rest = shown.partition("\n")
    if len(head) > limit + (_SLACK if limit >= LINE else 0):
        return head[:limit], head[limit:] + ("\n" + rest if rest else "")
    return head, rest.strip("\n")


def short(text: str, limit: int = LINE) -> str:
    """One line of at most about `limit` characters that says how much it leaves out."""
    head, rest = cut(text, limit)
    return f"{head} … (+{len(rest)} characters)" if rest else head


def telling(text: str, words: str = "", limit: int = LINE) -> str:
    """One line of about `limit` characters: the beginning, the end, and the words that proved something, wherever they stand.

    A message is wrapped from outside inwards: its beginning says who complains, its end what is wrong. What a program
    wrote before (Helm quotes it last) is not its end.
    """
    whole = one_line(text)
    if len(whole) <= limit + _SLACK:
        return whole
    end, share = len(whole.partition(_QUOTED)[0].rstrip(" ⏎")), limit * 2 // 5
    at = whole.lower().find(one_line(words).lower()) if words.strip() else -1
    spans = [(0, share), (max(share, end - share), end)]
    spans += [(at, at + min(len(one_line(words)), limit))] if at >= 0 else []
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1] + _GLUE:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    left = len(whole) - sum(stop - start for start, stop in merged)
    kept = " … ".join(whole[start:stop].strip() for start, stop in merged)
    return f"{kept} … (+{left} characters)" if left else kept


def ascii_text(text: str) -> str:
    """The text for a terminal or a font that knows ASCII only: our glyphs become letters, the rest escapes."""
    return text.translate(_PLAIN).encode("ascii", "backslashreplace").decode("ascii")


def char_width(char: str) -> int:
    """Columns one character takes in a terminal: 0 for combining marks, 2 for wide ones, else 1."""
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def width(text: str) -> int:
    """Columns a text takes in a terminal."""
    return len(text) if text.isascii() else sum(map(char_width, text))


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """The text filled with spaces to a width in columns."""
    space = " " * max(0, columns - width(text))
    return space + text if right else text + space


def clip(text: str, columns: int) -> str:
    """The text cut to a width in columns, with an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    kept, used = [], 0
    for char in text:
        used += char_width(char)
        if used > columns - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most `columns` columns, broken between words and inside a word only when it is longer than a line."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in _words(paragraph, columns):
            if not line:
                line = word
            elif width(line) + 1 + width(word) <= columns:
                line += " " + word
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return lines


def _words(text: str, columns: int) -> Iterator[str]:
    for word in text.split(" "):
        rest = word
        while width(rest) > columns:
            head = clip(rest, columns + 1)[:-1] or rest[:1]
            yield head
            rest = rest[len(head) :]
        if rest:
            yield rest


def utc(moment: datetime | None, *, day: bool = True) -> str:
    """`2025-10-17 11:43:26Z`, or `11:43:26Z` without the day; `not known` for None."""
    if moment is None:
        return "not known"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if day else f"{moment.astimezone(UTC):%H:%M:%SZ}"


def iso(moment: datetime) -> str:
    """The moment for a `datetime` attribute: ISO 8601 with Z."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"  # noqa: UP017


def span(seconds: float) -> str:
    """A duration as people say it: `0.4 s`, `24 s`, `3 min 46 s`, `2 h 05 min`, `3 d 4 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds % 1 >= 0.05 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 release`, `8 releases`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def listed(parts: Iterable[str]) -> str:
    """Parts joined by commas; `nothing` when there are none."""
    return ", ".join(parts) or "nothing"
