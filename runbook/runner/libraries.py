"""papermill and what it stands on, imported in half a second instead of three.

nbformat's validator can check IRIs and builds a grammar for that when it is imported (rfc3987_syntax, two seconds and
more). No notebook holds one, and jsonschema does without when the grammar cannot be had.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterable

from runbook.domain.collecting import held_back
from runbook.runner.foresight import FIGURES

_GRAMMAR = "rfc3987_syntax"


def load() -> None:
    """Import nbformat and papermill."""
    spared = "jsonschema" not in sys.modules and _GRAMMAR not in sys.modules
    if spared:
        sys.modules[_GRAMMAR] = None  # type: ignore[assignment]  # Python's own word for: not to be imported
    try:
        with held_back():  # nothing that is imported is garbage
            importlib.import_module("nbformat")
            importlib.import_module("papermill")
    finally:
        if spared:
            del sys.modules[_GRAMMAR]


def load_for_pages() -> None:
    """Import in the background what makes a page, while the kernel works: a run that is stopped is then recorded at once."""
    threading.Thread(target=_import_all, args=(("nbconvert.exporters", *FIGURES),), daemon=True).start()


def _import_all(names: Iterable[str]) -> None:
    with held_back():
        for name in names:
            importlib.import_module(name)
