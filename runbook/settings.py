"""Where things are: the notebooks in use, the shipped inventories, and the folder that keeps runs."""

from __future__ import annotations

import os
from pathlib import Path

from runbook.errors import RunbookError

PACKAGE = Path(__file__).resolve().parent


def notebooks_dir() -> Path:
    """The notebooks in use: the repository's folder when it lies beside pyproject.toml, else the package's own copy.

    An editable install must see edits, a wheel must work from anywhere.
    """
    return _shipped("notebooks")


def inventories_dir() -> Path:
    """The shipped inventories, found like the notebooks."""
    return _shipped("inventories")


def outputs_dir(option: Path | None = None) -> Path:
    """`--outputs`, else RUNBOOK_OUTPUTS, else `outputs/` beside the notebooks in use (below the current folder for a wheel)."""
    chosen = option or os.environ.get("RUNBOOK_OUTPUTS")
    if chosen:
        return Path(chosen).expanduser().absolute()
    root = PACKAGE.parent
    return root / "outputs" if (root / "pyproject.toml").is_file() else Path.cwd() / "outputs"


def _shipped(name: str) -> Path:
    root = PACKAGE.parent
    if (root / "pyproject.toml").is_file() and (root / name).is_dir():
        return root / name
    packaged = PACKAGE / f"_{name}"
    if not packaged.is_dir():
        raise RunbookError(
            f"this installation holds no {name}", hint="Install it again: pip install --force-reinstall ."
        )
    return packaged
