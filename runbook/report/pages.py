"""The one environment that makes pages: escaping on, hidden characters shown, files replaced whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from runbook.display.texts import visible

LIMIT = 1_500_000  # bytes a page may have at most
BUDGET = 150_000  # bytes a page should have: what is optional yields above it


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the path to a page; the last one has no link."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: `body` is markup made by displays, `intro` is plain text."""

    id: str
    title: str
    body: Markup
    count: str = ""
    intro: str = ""


@dataclass(frozen=True)
class Page:
    """What a template needs. Strings are plain text and are escaped; markup is of type Markup."""

    title: str
    heading: str
    edge: str
    stamps: Sequence[Markup]
    sub: Sequence[str]
    sections: Sequence[Section]
    crumbs: Sequence[Crumb] = ()
    strip: Sequence[tuple[str, str | Markup]] = ()
    card: Markup = field(default_factory=Markup)
    lead: Markup = field(default_factory=Markup)
    facts: Sequence[tuple[str, str]] = ()
    footer: str = ""
    tally: Sequence[tuple[Markup, int]] = ()
    tally_label: str = ""
    alarm: str = ""
    alarm_title: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value)


@cache
def environment() -> Environment:
    """Jinja with autoescape; every string is first shown with its hidden characters as escapes."""
    return Environment(
        loader=PackageLoader("runbook", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> Markup:
    source = environment().loader
    assert source is not None
    return Markup(source.get_source(environment(), "style.css.j2")[0])  # noqa: S704  our own file


def render(template: str, page: Page) -> str:
    """One page as text."""
    return environment().get_template(template).render(page=page, style=_style())


def write_page(path: Path, text: str) -> Path:
    """Write by rename, so that a reader never sees half a page and an interrupted run keeps the old one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o600)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def markup(*parts: str) -> Markup:
    """Join markup made by displays, which escape what they are given."""
    return Markup("\n".join(part for part in parts if part))  # noqa: S704  displays escape


def fold(summary: str, body: str, *, keep: bool = False) -> str:
    """A folded part; its summary says what is in it and how many. `keep` opens it in print."""
    css = ' class="keep"' if keep else ""
    return f"<details{css}><summary>{escape(summary)}</summary>{body}</details>" if body else ""


def section(id_: str, title: str, *parts: str, count: str = "", intro: str = "") -> Section:
    """A section from display markup."""
    return Section(id_, title, markup(*parts), count, intro)
