"""What papermill leaves behind, made true: which cells ran, which did not, and no traceback for a red verdict.

papermill marks cells that never ran `completed` after a time-out, a Ctrl-C or a dead kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.evidence import Redactor

ERROR_MARK = "papermill-error-cell-tag"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_STEP = re.compile(r"\bstage\.(\w+)\(")


@dataclass(frozen=True, slots=True)
class Ended:
    """How the cells ended: the error that ended them (empty when none did), and the steps that never ran."""

    error: str = ""
    message: str = ""
    not_run: tuple[str, ...] = ()

    @property
    def is_verdict(self) -> bool:
        """Whether it only is the verdict, raised after everything was recorded."""
        return self.error == "VerdictFailed"


def how_it_ended(notebook: Any) -> Ended:
    """Read the executed notebook: the first error output, and the steps of cells that were never started."""
    ended = next(_errors(notebook), Ended())
    return Ended(ended.error, ended.message, tuple(_steps(c for c in notebook.cells if not _started(c))))


def make_honest(notebook: Any, ended: Ended, *, last_status: str, name: str) -> None:
    """Set each cell's status to what happened; `last_status` is that of the cell that was running at the end."""
    notebook.cells = [c for c in notebook.cells if ERROR_MARK not in c.metadata.get("tags", [])]
    unfinished = _running_at_the_end(notebook, ended, last_status)
    for cell in notebook.cells:
        told = cell.metadata.setdefault("papermill", {})
        if not _started(cell):
            told.update(status="not-run", start_time=None, end_time=None, duration=None)
        elif cell is unfinished and not ended.is_verdict:
            told.update(status=last_status, exception=True)
        elif ended.is_verdict and _is_verdict_cell(cell):
            told.update(status="completed", exception=False)
            cell.outputs = [o for o in cell.outputs if o.output_type != "error"]
    whole = notebook.metadata.setdefault("papermill", {})
    whole.update(input_path=name, output_path=name, exception=None if ended.is_verdict else whole.get("exception"))
    if last_status != "completed" and not ended.is_verdict:
        whole["exception"] = True


def redact_notebook(notebook: Any, redactor: Redactor) -> None:
    """Cut secrets from sources, outputs and parameters before the notebook is written."""
    for cell in notebook.cells:
        cell.source = redactor.text(cell.source)
        for output in cell.get("outputs", []):
            for key in ("text", "evalue"):
                if key in output:
                    output[key] = redactor.text(_joined(output[key]))
            if "traceback" in output:
                output["traceback"] = [redactor.text(line) for line in output["traceback"]]
            for mime, data in output.get("data", {}).items():
                if mime.startswith("text/"):
                    output["data"][mime] = redactor.text(_joined(data))
    told = notebook.metadata.get("papermill", {})
    if "parameters" in told:
        told["parameters"] = redactor.value(dict(told["parameters"]))


def write_notebook(notebook: Any, path: Path) -> Path:
    """Write it whole or not at all. Raises EvidenceError."""
    import nbformat

    from runbook.evidence.files import write_whole

    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return write_whole(path, (text + "\n").encode())


def _errors(notebook: Any) -> Iterator[Ended]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                yield Ended(str(output.ename), _ANSI.sub("", str(output.evalue)))


def _steps(cells: Iterable[Any]) -> Iterator[str]:
    for cell in cells:
        if cell.cell_type == "code":
            yield from _STEP.findall(cell.source)


def _started(cell: Any) -> bool:
    return bool(cell.metadata.get("papermill", {}).get("start_time"))


def _running_at_the_end(notebook: Any, ended: Ended, last_status: str) -> Any:
    if last_status == "completed" and not ended.error:
        return None
    started = [c for c in notebook.cells if _started(c) and c.cell_type == "code"]
    return started[-1] if started else None


def _is_verdict_cell(cell: Any) -> bool:
    return any(o.output_type == "error" and o.ename == "VerdictFailed" for o in cell.get("outputs", []))


def _joined(text: Any) -> str:
    return "".join(text) if isinstance(text, list) else str(text)
