"""The cells of an executed notebook, folded, for “How it was measured”. nbconvert reads it; our template prints it."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from runbook.display.blocks import folded
from runbook.display.texts import cut, plural, visible
from runbook.report.sanitize import sanitize

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HOPELESS = 20  # times the budget: outputs of such a notebook are left out without trying
_TEXT = 6_000  # characters of one text output that a page keeps
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def cells_html(notebook: Path, *, budget: int) -> str:
    """Code folded, outputs below it while the budget (bytes) lasts; nothing in it runs or points outside.

    A notebook that cannot be read is said so, and the report is still made: the result does not depend on it.
    """
    try:
        if notebook.stat().st_size <= _HOPELESS * budget:
            whole = _convert(notebook, outputs=True)
            if len(whole.encode()) <= budget:
                return whole
        return _convert(notebook, outputs=False) + _LEFT_OUT
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        return f'<p class="broken">notebook.ipynb could not be read: {folded(f"{type(error).__name__}: {error}")}</p>'


_LEFT_OUT = '<p class="small muted">The cells’ outputs are left out here for size; they stand in notebook.ipynb.</p>'


def _convert(notebook: Path, *, outputs: bool) -> str:
    from nbconvert.exporters import TemplateExporter

    templates = Path(__file__).parents[1] / "templates"
    exporter = TemplateExporter(  # type: ignore[no-untyped-call]
        template_name="cells", extra_template_basedirs=[str(templates)], template_extension=".html.j2"
    )
    exporter.register_filter("headings", _headings)  # type: ignore[no-untyped-call]
    exporter.register_filter("escape_text", lambda text: escape(visible(str(text))))  # type: ignore[no-untyped-call]
    exporter.register_filter("what", _what)  # type: ignore[no-untyped-call]
    exporter.register_filter("shown", _shown if outputs else lambda output: "")  # type: ignore[no-untyped-call]
    with notebook.open(encoding="utf-8") as file:
        body, _ = exporter.from_file(file)
    return str(body)


def _headings(source: str) -> str:
    found: list[str] = _HEADING.findall(source)
    return found[-1] if found else ""


def _what(cell: Any, heading: str) -> str:
    """A cell's summary: the heading it stands under, its tag or its last line, whether it ran, what it put out."""
    tags = cell.get("metadata", {}).get("tags", [])
    lines = [line for line in cell.get("source", "").splitlines() if line.strip()]
    first, _ = cut(lines[-1] if lines else "", 70)
    name = next((t.replace("-", " ") for t in ("injected-parameters", "parameters") if t in tags), first)
    ran = cell.get("execution_count")
    state = f"cell {ran}" if ran else "not run"
    return f"{heading + ': ' if heading else ''}{name} ({state}, {plural(len(cell.get('outputs', [])), 'output')})"


def _shown(output: Any) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _pre(_join(output.get("text", "")))
    if kind == "error":
        return _pre("\n".join([*output.get("traceback", []), f"{output.get('ename')}: {output.get('evalue')}"][-1:]))
    data = output.get("data", {})
    if "text/html" in data:
        return f'<div class="out">{sanitize(_join(data["text/html"]))}</div>'
    if "image/png" in data:
        return _picture(output)
    return _pre(_join(data.get("text/plain", "")))


def _join(text: Any) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def _pre(text: str) -> str:
    clean = visible(_ANSI.sub("", text)).strip("\n")
    more = f"\n… {len(clean) - _TEXT} more characters stand in notebook.ipynb" if len(clean) > _TEXT else ""
    return f'<pre class="code">{escape(clean[:_TEXT] + more)}</pre>' if clean else ""


def _picture(output: Any) -> str:
    about = output.get("metadata", {}).get("image/png", {})
    source = "data:image/png;base64," + "".join(_join(output["data"]["image/png"]).split())
    alt = escape(visible(str(about.get("alt") or _join(output["data"].get("text/plain", "")) or "a figure")))
    return f'<div class="out">{sanitize(f"<img src={chr(34)}{escape(source)}{chr(34)} alt={chr(34)}{alt}{chr(34)}>")}</div>'
