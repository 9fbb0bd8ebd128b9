"""What acting and keeping cost: the rehearsed night, deletions, requests to Flux, evidence."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Sample, median, peak, run
from benchmarks.rows import Found, Numbers, Row, turns

ONCE = "one run, as it takes minutes"


def rehearse(small: bool) -> Found:
    """The main job, whole, by both endings: seconds and peak memory of all its processes together."""
    scenario, rows, samples = "pair" if small else "night", list[Row](), dict[str, list[Sample]]()
    for ending, goal, code in (("seed", 120, "3: it ends red, and says so"), ("healed", 180, "0 (night)")):
        with tempfile.TemporaryDirectory() as folder:
            argv = [sys.executable, "-m", "runbook", "rehearse", "--ending", ending, "--scenario", scenario]
            sample = run([*argv, "--outputs", str(Path(folder) / "outputs")])
        what = f"rehearse --ending {ending}, scenario {scenario}"
        samples[what] = [sample]
        rows += [
            Row(what, sample.seconds, "s", f"≤ {goal} s (night)", ONCE, digits=1),
            Row("  peak memory of all its processes", sample.peak_mb, "MB", "≤ 700 MB (night)", digits=0),
            Row("  exit code", sample.exit_code, note=code, digits=0),
        ]
    return Found(rows, samples)


def deletions(small: bool) -> Found:
    """Deleting with everything that is kept of each pod, against the very same API requests sent bare."""
    from benchmarks.deletions import compare

    count, rounds = (10, 2) if small else (100, 5)
    ours, bare = compare(count, rounds)
    ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    each = statistics.median(ours) / count * 1000
    what = f"{count} deletions with capture ÷ their requests alone, in process"
    row = Row(what, ratio, goal="≤ 1.3", note=f"{each:.1f} ms each, {turns(rounds)}")
    return Found([row], {"with capture": Numbers("s", ours), "requests alone": Numbers("s", bare)})


def reconcile(small: bool) -> Found:
    """`runbook apply reconcile`, whole, against the bare resets of the same exhausted releases, each on its own cluster."""
    from benchmarks.reconciling import Fleet, compare

    fleet = Fleet(3, 45, 20) if small else Fleet(27, 45, 1)
    found = compare(fleet)
    goal = f"≤ 1.10 at a real clock; this one goes at {fleet.time_scale:g} times its speed"
    what = f"apply reconcile of {fleet.releases} releases ÷ what the cluster takes"
    rows = [
        Row(what, found.ours / found.bare, goal=goal, note=f"{ONCE}, both at the same time", digits=3),
        Row("  bare resets to the last release ready", found.bare, "s", note=f"{fleet.migration} s of migration each", digits=1),
        Row("  what the command adds", found.ours - found.bare, "s", note="start, look, plan, capture, proof and report", digits=1),
        Row("  peak memory of the command", found.peak_mb, "MB", digits=0),
    ]  # fmt: skip
    return Found(rows, {"apply reconcile": Numbers("s", [found.ours]), "bare resets": Numbers("s", [found.bare])})


def evidence(small: bool) -> Found:
    """A whole stage, kernel, notebook, page, leak gate and seal, that keeps its evidence ÷ one that keeps none."""
    from benchmarks.evidence import measure

    scenario, rounds = ("pair", 1) if small else ("night", 11)
    with tempfile.TemporaryDirectory() as folder:
        kept, bare = measure(Path(folder), scenario, rounds)
    told = (
        f"{median(kept):.2f} s ÷ {median(bare):.2f} s, peak {peak(kept):.0f} and {peak(bare):.0f} MB, {turns(rounds)}"
    )
    what = f"plan verify of {scenario}, whole and sealed, with evidence ÷ without"
    row = Row(what, median(kept) / median(bare), goal="≤ 1.05", note=told, digits=3)
    return Found([row], {"with evidence": kept, "without": bare})


def waiting(small: bool) -> Found:
    """Waiting for releases: requests and notice time beside kubectl's, and that nothing is missed whatever the server does."""
    from benchmarks.waiting import faults, measure

    count, rounds = (100, 2) if small else (1_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        found, faulty = measure(Path(folder), count, rounds), faults(Path(folder), 60 if small else 300)
    rows, samples = list[Row](), dict[str, Numbers]()
    for name, waited in found.items():
        ours = name.startswith("ours")
        shown = f"{name}{' releases, in process' if ours else ' releases'}"
        requests, p95 = [float(w.requests) for w in waited], [w.p95 * 1000 for w in waited]
        samples |= {f"{name}: requests": Numbers("requests", requests), f"{name}: 95 of 100 within": Numbers("ms", p95)}
        asked, soon = ("≤ 2", "≤ 5 ms") if ours else ("", "")
        rows.append(Row(f"wait: {shown}: requests", statistics.median(requests), goal=asked, digits=0))
        rows.append(
            Row("  noticed, 95 of 100 within", statistics.median(p95), "ms", soon, f"{turns(rounds)}", digits=1)
        )
    for fault, one in faulty.items():
        told = f"all, none wrong; {one.requests} requests, in process"
        rows.append(Row(f"  {fault} three times: noticed", len(one.late), note=told, digits=0))
    return Found(rows, samples)
