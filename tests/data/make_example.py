"""Makes outputs/example anew: one sealed red verify (the night's end) and one sealed green one (scenario healthy).

    python tests/data/make_example.py

The tests replay both with no cluster, so make them anew whenever checks, causes or the record's format change.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from runbook.display import Talk
from runbook.embedded import EmbeddedCluster
from runbook.sequence import run_stages

# What a record says of the place it was made in: nothing that is only true of the maker's own machine.
os.environ["RUNBOOK_WHO"] = "operator"
os.environ["LC_ALL"], os.environ["TZ"] = "C.UTF-8", "UTC"
tempfile.tempdir = "/tmp"  # a folder every machine has, whatever TMPDIR says here
EXAMPLE = Path(__file__).resolve().parents[2] / "outputs" / "example"


def verify(scenario: str, *, frame: str, soak: str) -> Path:
    """One sealed verify of a scenario at a frame."""
    with EmbeddedCluster(scenario, time_scale=60) as cluster:
        while (found := cluster.wait_for_frame(lambda event: None)) and found["name"] != frame:
            cluster.proceed()
        outcome = run_stages(
            ["verify"],
            inventory=cluster.inventory,
            outputs=Path(tempfile.mkdtemp(prefix="example-")),
            soak=soak,
            kubeconfig=str(cluster.kubeconfig),
            context=None,
            deadline=None,
            talk=Talk(),
            allow_waived=False,
        )
    return outcome.run_path


def keep(run: Path, name: str) -> None:
    """Put a run where the tests look for it."""
    target = EXAMPLE / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run, target)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


if __name__ == "__main__":
    EXAMPLE.mkdir(parents=True, exist_ok=True)
    keep(verify("night", frame="the-end", soak="none"), "red")
    keep(verify("healthy", frame="calm", soak="inventory"), "green")
