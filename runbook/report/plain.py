"""The page of a notebook that is no stage of ours: nbconvert's own, as `jupyter nbconvert --to html` makes it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any


def notebook_page(notebook: Path) -> Path:
    """Write NAME.html beside NAME.ipynb. Raises what nbconvert raises."""
    body, _ = _exporter().from_filename(str(notebook))
    target = notebook.with_suffix(".html")
    target.write_text(str(body), encoding="utf-8")
    return target


def load() -> None:
    """Import what makes a page, and compile its templates, while there is something else to wait for."""
    import nbformat

    _exporter().from_notebook_node(nbformat.v4.new_notebook())  # type: ignore[no-untyped-call]


@cache
def _exporter() -> Any:
    """One for all pages, as nbconvert's own command has it: its templates are compiled once."""
    from nbconvert.exporters import HTMLExporter

    return HTMLExporter()  # type: ignore[no-untyped-call]
