"""One notebook through stock papermill and through `engine=runbook`, each in a folder of its own; and what must not differ."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

FIXTURES = Path(__file__).parent / "fixtures"
ENGINES = {"stock": "nbclient", "ours": "runbook"}
_TIMES = ("start_time", "end_time", "duration")
_MADE = {"papermill-error-cell-tag", "injected-parameters"}
_MOVING = (
    (re.compile(r"ipykernel_\d+/\d+\.py"), "ipykernel_N/N.py"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0xN"),
)


@dataclass(frozen=True)
class Executed:
    """What was left: the notebook, the error that papermill raised (empty: none), and files that the cells wrote."""

    notebook: dict[str, Any]
    raised: str
    files: dict[str, str]


def execute(name: str, way: str, tmp_path: Path, parameters: dict[str, Any] | None = None, **options: Any) -> Executed:
    """Run a fixture in one way."""
    folder = tmp_path / way
    (folder / "work").mkdir(parents=True)
    source = shutil.copy(FIXTURES / f"{name}.ipynb", folder / "in.ipynb")
    raised = ""
    try:
        papermill.execute_notebook(
            str(source), str(folder / "out.ipynb"), parameters, engine_name=ENGINES[way], progress_bar=False,
            cwd=str(folder / "work"), **options,
        )  # fmt: skip
    except (PapermillExecutionError, CellTimeoutError, DeadKernelError, KeyboardInterrupt) as error:
        raised = f"{type(error).__name__}: {error}"
    assert not list(folder.glob("*.jsonl"))
    return read(folder, raised)


def read(folder: Path, raised: str = "") -> Executed:
    """What one way left in its folder, normalised."""
    notebook = json.loads((folder / "out.ipynb").read_text())
    files = {p.name: p.read_text() for p in sorted((folder / "work").iterdir()) if p.is_file()}
    return Executed(normal(notebook, str(folder)), _text(raised, str(folder)), files)


def normal(notebook: dict[str, Any], folder: str) -> dict[str, Any]:
    """Without what must differ: times, process ids, addresses, the folder, and in which pieces a stream came."""
    found: dict[str, Any] = _walk(notebook, folder)
    for told in (found["metadata"].get("papermill", {}), *(c["metadata"].get("papermill", {}) for c in found["cells"])):
        told.update({k: bool(told[k] is not None) for k in _TIMES if k in told})
    for cell in found["cells"]:
        if "execution" in cell["metadata"]:
            cell["metadata"]["execution"] = sorted(cell["metadata"]["execution"])
        if _MADE & set(cell["metadata"].get("tags", [])):
            cell["id"] = "made by papermill"
        if "outputs" in cell:
            cell["outputs"] = list(_joined(cell["outputs"]))
    return found


def _joined(outputs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Streams that follow one another, by name: in which order two of them are flushed is a matter of time."""
    waiting: dict[str, dict[str, Any]] = {}
    for output in outputs:
        if output["output_type"] == "stream":
            before = waiting.setdefault(output["name"], {**output, "text": ""})
            before["text"] += "".join(output["text"])
            continue
        yield from (waiting[n] for n in sorted(waiting))
        waiting = {}
        yield output
    yield from (waiting[n] for n in sorted(waiting))


def _walk(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        return {k: _walk(v, folder) for k, v in value.items()}
    if isinstance(value, list):
        return [_walk(v, folder) for v in value]
    return _text(value, folder) if isinstance(value, str) else value


def _text(text: str, folder: str) -> str:
    for pattern, instead in _MOVING:
        text = pattern.sub(instead, text.replace(folder, "FOLDER"))
    return text
