"""`python -m benchmarks [NAME…] [--small] [--json FILE]`: prints a table and, if asked, writes JSON."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import interleaved, machine, median, python, run

Row = tuple[str, str, str]


def imports(small: bool) -> list[Row]:
    """`import runbook` against the Kubernetes client's own import: ours should cost at most 0.15 of it."""
    samples = interleaved(
        {
            "bare": python("pass"),
            "runbook": python("import runbook"),
            "kubernetes": python("from kubernetes.client import CoreV1Api"),
        },
        rounds=5 if small else 11,
    )
    bare, ours, theirs = (median(samples[n]) for n in ("bare", "runbook", "kubernetes"))
    ratio = max(0.0, ours - bare) / (theirs - bare)
    return [("import runbook ÷ import kubernetes client", f"{ratio:.3f}", "goal ≤ 0.15, interpreter start taken off")]


def rehearse(small: bool) -> list[Row]:
    """The main job, whole: seconds and peak memory of all its processes together."""
    scenario = "pair" if small else "night"
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-m", "runbook", "rehearse", "--ending", "seed", "--scenario", scenario]
        sample = run([*argv, "--outputs", str(Path(folder) / "outputs")])
    return [
        (f"rehearse --ending seed, scenario {scenario}: time", f"{sample.seconds:.1f} s", "goal ≤ 120 s (night)"),
        ("  peak memory of all its processes", f"{sample.peak_mb:.0f} MB", "goal ≤ 700 MB (night)"),
        ("  exit code", str(sample.exit_code), "3: the night ends red, and says so"),
    ]


BENCHMARKS: dict[str, Callable[[bool], list[Row]]] = {"imports": imports, "rehearse": rehearse}


def main() -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--small", action="store_true", help="a small size, to see that it works")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    rows = [row for name in options.names or BENCHMARKS for row in BENCHMARKS[name](options.small)]
    about = machine()
    print(" · ".join(f"{k} {v}" for k, v in about.items()))
    width = max(len(r[0]) for r in rows)
    for what, figure, goal in rows:
        print(f"{what:<{width}}  {figure:>10}  {goal}")
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "rows": rows}, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
