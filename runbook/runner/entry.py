"""`papermill --engine runbook`: what papermill loads whenever it is imported, so nothing else is imported here yet."""

from __future__ import annotations

import importlib
from typing import Any


class Engine:
    """The engine as papermill asks for it; the real one is imported when it is used."""

    @staticmethod
    def execute_notebook(nb: Any, kernel_name: str, **options: Any) -> Any:
        """Run the cells and give the notebook back."""
        return _real().execute_notebook(nb, kernel_name, **options)

    @staticmethod
    def nb_kernel_name(nb: Any, name: str | None = None) -> Any:
        """The kernel's name, as papermill finds it."""
        return _real().nb_kernel_name(nb, name)

    @staticmethod
    def nb_language(nb: Any, language: str | None = None) -> Any:
        """The notebook's language, as papermill finds it."""
        return _real().nb_language(nb, language)


def _real() -> Any:
    return importlib.import_module("runbook.runner.engine").WarmEngine
