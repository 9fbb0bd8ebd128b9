"""Runbook notebooks for a rebuilt Kubernetes cluster: the names a notebook may use, and the version.

Everything is imported on first use, so that `import runbook` costs next to nothing in a kernel or a shell.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runbook.version import __version__

if TYPE_CHECKING:
    from runbook.notebook import begin, record, review

_LAZY = {"begin": "runbook.notebook", "record": "runbook.notebook", "review": "runbook.notebook"}

__all__ = ["__version__", "begin", "record", "review"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'runbook' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
