"""What a stage's kernel has around it; and the warm parent of all stages' kernels, started before anything else is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook.runner import warm
from runbook.runner.foresight import FIGURES, STAGE
from runbook.stage.telling import RELAY

_NAMES = ("RUN", "INVENTORY", "KUBECONFIG", "CONTEXT", "REPLAY")
_OURS = {"JPY_SESSION_NAME", *(f"RUNBOOK_{name}" for name in _NAMES)}


@contextmanager
def warm_kernels(*stages: str) -> Iterator[None]:
    """For the length of a `with` block, these stages' kernels are forked from one parent, which is started at once."""
    draws = len(stages) > 1 or "verify" in stages
    with warm.kept(kernel_environment(Path()), (*STAGE, *(FIGURES if draws else ()))):
        yield


def kernel_environment(folder: Path) -> dict[str, str]:
    """This process's environment, and the names of the private files of one stage."""
    kept = {k: v for k, v in os.environ.items() if k not in _OURS}
    if "KUBECONFIG" in kept:  # the kernel stands in another folder
        kept["KUBECONFIG"] = os.pathsep.join(str(Path(p).absolute()) for p in kept["KUBECONFIG"].split(os.pathsep) if p)
    return {
        **kept,
        "RUNBOOK_HOW": "runner",
        RELAY: str(folder / "talk.jsonl"),
        "RUNBOOK_HANDOVER": str(folder / "handover.json"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "agg",
    }
