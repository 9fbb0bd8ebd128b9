"""The page of a notebook that is no stage of ours: nbconvert's own, as `jupyter nbconvert --to html` makes it.

But for long tables: nbconvert takes a thousandth of a second for a row, and a browser that again. They are cut in the page
alone, which says so and links the notebook.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from runbook.report.longtables import shortened

_FILE = "runbook_file"  # where nbconvert passes on to us which file it reads


def notebook_page(notebook: Path) -> Path:
    """Write NAME.html beside NAME.ipynb. Raises what nbconvert raises."""
    body, _ = _exporter().from_filename(str(notebook), resources={_FILE: notebook.name})
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

    exporter = HTMLExporter()  # type: ignore[no-untyped-call]
    exporter.register_preprocessor(_cut, enabled=True)  # type: ignore[no-untyped-call]
    return exporter


def _cut(notebook: Any, resources: Any) -> tuple[Any, Any]:
    """Cut what is long in nbconvert's own copy of the notebook."""
    for cell in notebook.cells:
        for data in (output.get("data", {}) for output in cell.get("outputs", ())):
            if isinstance(data.get("text/html"), str):
                data["text/html"] = shortened(data["text/html"], resources[_FILE])
    return notebook, resources
