"""Whatever a cluster, a registry, Git or a log says is text: it never becomes markup, a link, Markdown or a terminal code."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from report_samples import HOSTILE, RUN, Reader, hostile, outside

from runbook.display import (
    Shown,
    actions_table,
    card,
    card_text,
    checks_table,
    criteria_tables,
    findings_table,
    first_causes,
    gaps_table,
    provenance,
    redactions_table,
    retrospective_view,
    timings_table,
    versions_table,
    waivers_table,
)
from runbook.display.texts import width
from runbook.model import StageResult
from runbook.report import render_stage
from runbook.report.notebook import cells_html
from runbook.report.sanitize import sanitize
from runbook.retrospective import review, ticket_block

LAB = {"class", "dir", "hidden", "id", "lang", "style", "title"}
LAB_ALSO = {"scope", "colspan", "rowspan", "open", "alt", "src", "width", "height", "href"}
LAYOUT = re.compile(r"^(text-align|vertical-align|padding|margin|font-weight|border-bottom)$")
MADE = {"details", "summary", "div"}  # what a long line is folded into
CONTROLS = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
SHOWN: dict[str, Callable[[StageResult], Shown]] = {
    "actions": lambda r: actions_table(r.actions),
    "card": lambda r: card(r, {**RUN, "cluster": r.error, "who": r.error, "context": r.error}),
    "causes": lambda r: first_causes(r.explanation),  # type: ignore[arg-type]
    "checks": lambda r: checks_table(r.findings),
    "criteria": lambda r: criteria_tables(r.criteria)[0],
    "findings": lambda r: findings_table(r.findings),
    "gaps": lambda r: gaps_table(r.explanation.not_evaluated),  # type: ignore[union-attr]
    "provenance": lambda r: provenance({**RUN, "who": r.error, "server": r.error, "cluster": r.error}, r, more=r.error),
    "redactions": lambda r: redactions_table(r.redactions),
    "retrospective": lambda r: retrospective_view(review([r])),
    "timings": lambda r: timings_table(r.timings),
    "versions": lambda r: versions_table(r.findings),
    "waivers": waivers_table,
}


@cache
def plain_shape(name: str) -> frozenset[str]:
    """The tags of the same display, or of the page, around a text that tries nothing."""
    plain = hostile("plain")
    return frozenset(Reader(SHOWN[name](plain)._repr_html_() if name else render_stage(plain, RUN)).shape)


def hidden(text: str) -> set[str]:
    """Characters that steer a terminal or the direction of reading."""
    return {c for c in text if c != "\n" and unicodedata.category(c) in CONTROLS}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", SHOWN)
def test_display_shows_foreign_text_and_never_obeys_it(name: str, text: str) -> None:
    shown = SHOWN[name](hostile(text))
    read = Reader(shown._repr_html_())
    assert set(read.shape) - MADE <= plain_shape(name)
    assert not outside(read)
    assert not hidden("".join(read.text))
    for tag, attributes in read.tags:
        assert attributes.keys() <= LAB | LAB_ALSO, tag
        for part in filter(None, attributes.get("style", "").split(";")):
            assert LAYOUT.match(part.split(":")[0].strip()), part
    assert not {"script", "style", "svg", "base", "iframe", "link"} & set(read.shape)
    printed = shown.text()
    assert not hidden(printed)
    assert max(map(width, printed.split("\n"))) <= (80 if name == "card" else 100)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_page_shows_foreign_text_and_never_obeys_it(text: str) -> None:
    run = {k: text if isinstance(v, str) else v for k, v in RUN.items()}
    page = render_stage(hostile(text), run)
    read = Reader(page)
    assert set(read.shape) - MADE <= plain_shape("")
    assert not outside(read)
    assert "script" not in read.shape
    assert len(list(read.all("style"))) == len(list(read.all("h1"))) == len(list(read.all("title"))) == 1
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert not hidden("".join(read.text))
    assert len(page.encode()) < 1_500_000


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_card_stays_a_card(text: str) -> None:
    run = {**RUN, "rehearsal": False, "cluster": text, "context": text, "inventory_path": text}
    for ascii_only in (False, True):
        said = card_text(hostile(text), run, usual=text, more=(text,), ascii=ascii_only)
        assert not hidden(said)
        assert len(said.split("\n")) <= 24
        assert max(map(width, said.split("\n"))) <= 80


@pytest.mark.parametrize("text", HOSTILE[:-1], ids=range(len(HOSTILE) - 1))
def test_ticket_block_escapes_what_a_cluster_said_for_markdown(text: str) -> None:
    from dataclasses import replace

    wanted = hostile(text)
    asked = replace(wanted.criteria[0], text="All HelmReleases", group="acceptance")
    block = ticket_block(review([replace(wanted, criteria=(asked,), findings=())]))
    assert not re.search(r"(?<!\\)\[(?![ x]\] )", block), block[:600]
    assert not re.search(r"(?<!\\)<", block)
    assert not hidden(block) - {"\u2060"}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_sanitizer_leaves_text_and_layout_only(text: str) -> None:
    clean = sanitize(f'<div style="color:red;padding:1em;background:url(//e)" onclick="x" id="main">{text}</div>')
    read = Reader(clean)
    assert not outside(read)
    assert not {"script", "style", "svg", "base", "iframe"} & set(read.shape)
    assert not hidden("".join(read.text))
    for _, attributes in read.tags:
        assert attributes.keys() <= {"class", "style", "alt", "width", "height", "src", "scope"}
    assert read.tags[0][1].get("style") == "padding:1em"


def test_outputs_of_an_edited_notebook_cannot_run_or_point_outside(tmp_path: object) -> None:
    outputs = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": [t], "text/plain": [t]}} for t in HOSTILE
    ]
    outputs += [{"output_type": "stream", "name": "stdout", "text": [t]} for t in HOSTILE]
    outputs += [{"output_type": "error", "ename": t, "evalue": t, "traceback": [t]} for t in HOSTILE]
    outputs.append({"output_type": "display_data", "metadata": {"image/png": {"alt": HOSTILE[2]}},
                    "data": {"image/png": 'x" onerror="alert(1)', "text/plain": "p"}})  # fmt: skip
    cells = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": f"# {HOSTILE[3]}{HOSTILE[0]}"},
             {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": 1, "source": HOSTILE[1], "outputs": outputs}]  # fmt: skip
    path = Path(str(tmp_path)) / "notebook.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    read = Reader(cells_html(path, budget=1_000_000))
    assert not outside(read)
    assert not {"script", "style", "svg", "base", "iframe", "h1"} & set(read.shape)
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]


def test_outputs_that_cannot_fit_a_page_are_left_out_and_said_so(tmp_path: Path) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 5_000}
    cell = {
        "cell_type": "code",
        "id": "b",
        "metadata": {},
        "execution_count": 1,
        "source": "look()",
        "outputs": [output],
    }
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}))
    assert "xxx" in cells_html(path, budget=100_000)
    for budget in (3_000, 100):  # tried and too long; not even tried
        page = cells_html(path, budget=budget)
        assert "xxx" not in page
        assert "look()" in page
        assert "they stand in notebook.ipynb" in page
