"""A whole stage with its evidence kept, against the same stage that keeps nothing: one process each, the same cluster.

Kept is what a replay starts from: observations with their secrets cut, a line of the journal on disk before and after each
step, the result. The other way opens its run all the same, looks, judges and shows, and writes none of that.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.measure import Sample, run
from runbook.embedded import EmbeddedCluster

_FORGET = """
from runbook.evidence import Attempt, Observed, Redactor
from runbook.evidence.journal import Journal
Attempt.store = lambda self, seen, *, part="", redactor=None: Observed(self.path, seen.snapshot, Redactor(), "")
Attempt.store_soak = lambda self, window, redactor: self.path
Attempt.write_result = lambda self, result: self.path
Observed.compact = lambda self, keep: self
Journal.append = lambda self, event, what, **facts: None
"""
_STAGE = """
import sys
from runbook.errors import VerdictFailed
from runbook.stage import begin
{forget}
stage = begin("verify", inventory={inventory!r}, kubeconfig={kubeconfig!r}, outputs={outputs!r}, soak="none")
for step in (stage.observe, stage.check, stage.explain, stage.plan, stage.apply, stage.prove):
    step().html()
try:
    stage.record()
except VerdictFailed as error:
    sys.exit(error.exit_code)
"""


def measure(folder: Path, scenario: str, rounds: int) -> tuple[list[Sample], list[Sample]]:
    """Samples with evidence and without, in turn, where the scenario's first frame stands still."""
    kept, not_kept = list[Sample](), list[Sample]()
    with EmbeddedCluster(scenario, time_scale=60) as cluster:
        if not cluster.wait_for_frame(lambda event: None):
            raise RuntimeError(f"{scenario} has no frame")
        for turn in range(rounds):
            with_, without = folder / f"kept-{turn}", folder / f"not-{turn}"
            kept.append(run(_stage(cluster, with_)))
            not_kept.append(run(_stage(cluster, without, _FORGET)))
            _check(with_, without)
    return kept, not_kept


def _stage(cluster: EmbeddedCluster, outputs: Path, forget: str = "") -> list[str]:
    code = _STAGE.format(
        forget=forget, inventory=str(cluster.inventory), kubeconfig=str(cluster.kubeconfig), outputs=str(outputs)
    )
    return [sys.executable, "-c", code]


def _check(with_: Path, without: Path) -> None:
    """One kept all of it, the other opened its run and kept nothing. Raises RuntimeError."""
    counts = [len(list(folder.glob("*/40-verify/*"))) for folder in (with_, without)]
    whole = list(with_.glob("*/40-verify/result.json"))
    if not whole or counts[1]:
        raise RuntimeError(f"{counts[0]} entries were kept, {counts[1]} where none were to be")
