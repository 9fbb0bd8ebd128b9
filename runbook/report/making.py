"""A page that cannot be made must not cost the record it is about: the reason is given back, recorded, and ends with exit 1."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

from runbook.evidence import Redactor

FAILED = "report: failed"


def attempted(page: str, make: Callable[[], object]) -> str:
    """Make a page; give back why it could not be made, or nothing. Any bug of a renderer ends here, by name and line."""
    try:
        make()
    except Exception as error:  # noqa: BLE001  # whatever a renderer raises is told by the caller; the run is sealed all the same
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(str(error).split())[:200]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        return Redactor().text(f"{FAILED}: {page}: {type(error).__name__}: {said} ({where})")
    return ""
