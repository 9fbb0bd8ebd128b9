"""A whole stage with its evidence kept, against the same stage that keeps none: `runbook plan verify`, and then the seal.

Both ways are the command as people give it: its kernel, its notebook, its page, and the leak gate over what was written; and
both write run.json, result.json, the executed notebook and report.html, then are sealed as a whole run is. Kept beside that is
what a replay starts from: the objects as served with their secrets cut, shortened after they were judged, and a line of the
journal on disk before and after each step. The other way holds its observations in memory, asks for typed objects alone (but
for SealedSecrets, whose bytes are a question), and its page lacks the table of releases, which is read from the record. It is
made by a module that Python imports at its start (`sitecustomize`), in all processes of the command; the product has no switch.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Sample, run
from runbook.embedded import EmbeddedCluster
from runbook.evidence import Run, seal

_FORGETTING = '''
import importlib.util
import sys


def layout(module):
    def store(self, seen, *, part="", redactor=None):
        from runbook.evidence import Observed, Redactor

        return Observed(self.path, seen.snapshot, redactor or Redactor(), "")

    module.Attempt.store = store
    module.Attempt.store_soak = lambda self, window, redactor: self.path


def observations(module):
    module.Observed.compact = lambda self, keep: self


def journal(module):
    def append(self, event, what, **facts):
        return module.Entry(0, self._now(), event, what, facts, 0)

    module.Journal.append = append


def client(module):
    real = module.KubeClient.list

    def listed(self, kind, *, as_served=False, **more):  # the bytes of SealedSecrets are asked about, kept or not
        return real(self, kind, as_served=as_served and kind == "SealedSecret", **more)

    module.KubeClient.list = listed


FORGOTTEN = {
    "runbook.evidence.layout": layout,
    "runbook.evidence.observations": observations,
    "runbook.evidence.journal": journal,
    "runbook.clients.kubernetes.client": client,
}


class Forgetting:
    """Changes a module as soon as it has been imported."""

    def find_spec(self, name, path=None, target=None):
        if name not in FORGOTTEN:
            return None
        change = FORGOTTEN.pop(name)
        spec = importlib.util.find_spec(name)
        real = spec.loader.exec_module

        def exec_module(module):
            real(module)
            change(module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Forgetting())
'''


def measure(folder: Path, scenario: str, rounds: int) -> tuple[list[Sample], list[Sample]]:
    """Samples with evidence and without, in turn, where the scenario's first frame stands still."""
    (folder / "forgetting").mkdir()
    (folder / "forgetting" / "sitecustomize.py").write_text(_FORGETTING)
    kept, not_kept = list[Sample](), list[Sample]()
    with EmbeddedCluster(scenario, time_scale=60) as cluster:
        if not cluster.wait_for_frame(lambda event: None):
            raise RuntimeError(f"{scenario} has no frame")
        for turn in range(rounds):
            with_, without = folder / f"kept-{turn}", folder / f"not-{turn}"
            kept.append(_stage(cluster, with_))
            not_kept.append(_stage(cluster, without, folder / "forgetting"))
            _check(with_, without)
    return kept, not_kept


def _stage(cluster: EmbeddedCluster, outputs: Path, forgetting: Path | None = None) -> Sample:
    argv = [sys.executable, "-m", "runbook", "plan", "verify", "-i", str(cluster.inventory), "--soak", "none"]
    argv += ["--kubeconfig", str(cluster.kubeconfig), "--outputs", str(outputs)]
    places = filter(None, (str(forgetting or ""), os.environ.get("PYTHONPATH", "")))
    sample = run(argv, environment={"PYTHONPATH": os.pathsep.join(places)} if forgetting else {})
    (made,) = outputs.glob("*/run.json")
    began = time.perf_counter()
    seal(Run.load(made.parent))
    return replace(sample, seconds=sample.seconds + time.perf_counter() - began)


def _check(with_: Path, without: Path) -> None:
    """Both have the same verdict and a page; one kept all of it, the other nothing a replay could use. Raises RuntimeError."""
    verdicts = []
    for outputs in (with_, without):
        (stage,) = outputs.glob("*/40-verify")
        verdicts.append(_verdict(stage))
        kept = {name for name in ("observations", "journal.jsonl") if (stage / name).exists()}
        if kept != ({"observations", "journal.jsonl"} if outputs is with_ else set()):
            raise RuntimeError(f"{stage}: {', '.join(sorted(kept)) or 'nothing'} was kept")
    if verdicts[0] != verdicts[1]:
        raise RuntimeError(f"evidence was kept and the stage ended {verdicts[0]}, or {verdicts[1]} where it was not")


def _verdict(stage: Path) -> tuple[str, list[str]]:
    """The verdict and which checks were made; how each went may differ with the moment. The page is there. Raises OSError."""
    result = json.loads((stage / "result.json").read_text())
    (stage / "report.html").stat()
    return result["verdict"], sorted({c["id"] for c in result["checks"]})
