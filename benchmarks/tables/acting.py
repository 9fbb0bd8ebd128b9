"""What acting and keeping cost: the rehearsed night, deletions, requests to Flux, evidence."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Row, median, run


def rehearse(small: bool) -> list[Row]:
    """The main job, whole, by both endings: seconds and peak memory of all its processes together."""
    scenario, rows = "pair" if small else "night", list[Row]()
    for ending, goal, code in (("seed", 120, "3: it ends red, and says so"), ("healed", 180, "0 (night)")):
        with tempfile.TemporaryDirectory() as folder:
            argv = [sys.executable, "-m", "runbook", "rehearse", "--ending", ending, "--scenario", scenario]
            sample = run([*argv, "--outputs", str(Path(folder) / "outputs")])
        rows += [
            (f"rehearse --ending {ending}, scenario {scenario}", f"{sample.seconds:.1f} s", f"goal ≤ {goal} s (night)"),
            ("  peak memory of all its processes", f"{sample.peak_mb:.0f} MB", "goal ≤ 700 MB (night)"),
            ("  exit code", str(sample.exit_code), code),
        ]
    return rows


def deletions(small: bool) -> list[Row]:
    """Deleting with everything that is kept of each pod, against the very same API requests sent bare."""
    from benchmarks.deletions import compare

    count = 10 if small else 100
    ours, bare = compare(count, 2 if small else 5)
    ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    each = statistics.median(ours) / count * 1000
    return [
        (f"{count} deletions with capture ÷ their requests alone", f"{ratio:.2f}", f"goal ≤ 1.3; {each:.1f} ms each")
    ]


def reconcile(small: bool) -> list[Row]:
    """`runbook apply reconcile`, whole, against the bare resets of the same exhausted releases, each on its own cluster."""
    from benchmarks.reconciling import Fleet, compare

    fleet = Fleet(3, 45, 20) if small else Fleet(27, 45, 1)
    found = compare(fleet)
    return [
        (
            f"apply reconcile of {fleet.releases} releases ÷ what the cluster takes",
            f"{found.ours / found.bare:.3f}",
            f"goal ≤ 1.10 at a real clock; this one goes at {fleet.time_scale:g} times its speed",
        ),
        ("  bare resets to the last release ready", f"{found.bare:.1f} s", f"{fleet.migration} s of migration each"),
        ("  what the command adds", f"{found.ours - found.bare:.1f} s", "start, look, plan, capture, proof and report"),
    ]


def evidence(small: bool) -> list[Row]:
    """A whole stage that keeps its evidence ÷ one that keeps none."""
    from benchmarks.evidence import measure

    scenario, rounds = ("pair", 2) if small else ("night", 11)
    with tempfile.TemporaryDirectory() as folder:
        kept, bare = measure(Path(folder), scenario, rounds)
    ratio = median(kept) / median(bare)
    return [(f"verify of {scenario} with evidence ÷ without", f"{ratio:.3f}", f"goal ≤ 1.05; {median(kept):.2f} s")]


def waiting(small: bool) -> list[Row]:
    """Waiting for releases: requests and notice time beside kubectl's, and that nothing is missed whatever the server does."""
    from benchmarks.waiting import faults, measure

    count, rounds = (100, 2) if small else (1_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        found, faulty = measure(Path(folder), count, rounds), faults(Path(folder), 60 if small else 300)
    rows = list[Row]()
    for name, waited in found.items():
        asked, soon = ("goal ≤ 2", "goal ≤ 5 ms") if name.startswith("ours") else ("", "")
        requests, p95 = statistics.median(w.requests for w in waited), statistics.median(w.p95 for w in waited)
        rows.append((f"wait for releases: {name}: requests", f"{requests:,.0f}", asked))
        rows.append(("  noticed, 95 of 100 within", f"{p95 * 1000:,.1f} ms", soon))
    for fault, one in faulty.items():
        rows.append(
            (f"  {fault} three times: noticed", f"{len(one.late)}", f"all, none wrong; {one.requests} requests")
        )
    return rows
