"""An allow-list for the HTML of notebook outputs: a notebook is a file anybody could have edited before it was reported.

What is not on the list is dropped, with its content where the content is code. Ids are dropped, because a page has
its own; of styles only layout stays.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

from runbook.display.texts import visible

_TAGS = frozenset(
    [
        "a",
        "b",
        "br",
        "caption",
        "code",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h4",
        "i",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "small",
        "span",
        "strong",
        "summary",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_HEADINGS = {"h1": "h4", "h2": "h4", "h3": "h4", "h5": "h4", "h6": "h4"}
_VOID = frozenset({"br", "img"})
_CODE = frozenset(
    [
        "script",
        "style",
        "svg",
        "math",
        "template",
        "iframe",
        "object",
        "embed",
        "noscript",
        "title",
        "head",
        "textarea",
        "select",
    ]
)
_ATTRIBUTES = {
    "*": frozenset({"class"}),
    "th": frozenset({"scope", "colspan", "rowspan"}),
    "td": frozenset({"colspan", "rowspan"}),
    "img": frozenset({"alt", "width", "height", "src"}),
    "a": frozenset({"href"}),
}
_STYLE = re.compile(r"^(text-align|vertical-align|padding|font-weight|border-bottom|margin)\s*:\s*[\w .%#-]{1,40}$")
_PICTURE = re.compile(r"^data:image/png;base64,[A-Za-z0-9+/=\s]+$")
_RELATIVE = re.compile(r"^(#[\w.-]+|[\w][\w./-]*\.html(#[\w.-]+)?)$")


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.open: list[str] = []
        self.skipping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = _HEADINGS.get(tag, tag)
        if self.skipping or name in _CODE:
            if name in _CODE:
                self.skipping.append(name)
            return
        if name not in _TAGS:
            return
        kept = _attributes(name, attrs)
        if name == "img" and " src=" not in kept:
            return
        self.parts.append(f"<{name}{kept}>")
        if name not in _VOID:
            self.open.append(name)

    def handle_endtag(self, tag: str) -> None:
        name = _HEADINGS.get(tag, tag)
        if self.skipping:
            if name == self.skipping[-1]:
                self.skipping.pop()
            return
        if name not in self.open or name in _VOID:
            return
        while self.open:
            last = self.open.pop()
            self.parts.append(f"</{last}>")
            if last == name:
                break

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.parts.append(escape(visible(data), quote=False))


def _attributes(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    allowed = _ATTRIBUTES["*"] | _ATTRIBUTES.get(tag, frozenset())
    kept = ""
    for name, value in attrs:
        text = _checked(name, value or "") if name in allowed or name == "style" else ""
        if text or (name == "alt" and tag == "img"):
            kept += f' {name}="{escape(visible(text))}"'
    return kept


def _checked(name: str, value: str) -> str:
    if name == "style":
        return ";".join(p.strip() for p in value.split(";") if _STYLE.match(p.strip()))
    if name == "src":
        return value if _PICTURE.match(value) else ""
    if name == "href":
        return value if _RELATIVE.match(value) else ""
    return value


def sanitize(html: str) -> str:
    """The same HTML with nothing in it but what a page may show; always balanced."""
    cleaner = _Cleaner()
    cleaner.feed(html)
    cleaner.close()
    return "".join(cleaner.parts) + "".join(f"</{name}>" for name in reversed(cleaner.open))
