"""The page of a notebook that is no stage of ours: nbconvert's own, as `jupyter nbconvert --to html` makes it."""

from __future__ import annotations

from pathlib import Path


def load() -> None:
    """Import what makes a page, and its templates, while there is something else to wait for."""
    from nbconvert.exporters import HTMLExporter

    HTMLExporter().template  # type: ignore[no-untyped-call]  # noqa: B018


def notebook_page(notebook: Path) -> Path:
    """Write NAME.html beside NAME.ipynb. Raises what nbconvert raises."""
    from nbconvert.exporters import HTMLExporter

    exporter = HTMLExporter()  # type: ignore[no-untyped-call]
    body, _ = exporter.from_filename(str(notebook))
    target = notebook.with_suffix(".html")
    target.write_text(str(body), encoding="utf-8")
    return target
