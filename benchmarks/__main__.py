"""`python -m benchmarks [NAME…] [--small] [--json FILE]`: prints a table and, if asked, writes JSON."""

from __future__ import annotations

import argparse
import json
import statistics
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


def explain(small: bool) -> list[Row]:
    """First causes of a large cluster's night against reading it; how both grow; what a file of 200 MB costs in memory."""
    from benchmarks.explaining import measure, write

    base, large, huge = (500, 2_000, 2_500) if small else (10_000, 50_000, 56_000)
    with tempfile.TemporaryDirectory() as folder:
        one, many = measure(Path(folder), base), measure(Path(folder), large)
        path = write(Path(folder), huge)
        size = path.stat().st_size / 1e6
        sample = run([sys.executable, "-m", "runbook", "explain", "--from", str(path), "--format", "json"])
    growth = many.explaining / one.explaining * base / large
    return [
        (
            f"explain ÷ read, {one.pods} pods",
            f"{one.explaining / one.reading:.2f}",
            f"goal ≤ 0.5; {one.failing} failing",
        ),
        (f"  explain, {one.pods} pods", f"{one.explaining:.2f} s", f"read {one.reading:.2f} s, {one.megabytes:.0f} MB"),
        (
            f"  explain, {many.pods} pods",
            f"{many.explaining:.2f} s",
            f"read {many.reading:.2f} s, {many.megabytes:.0f} MB",
        ),
        (f"  time of one pod, {many.pods} ÷ {one.pods}", f"{growth:.2f}", "1 is linear"),
        (f"runbook explain --from a file of {size:.0f} MB", f"{sample.seconds:.1f} s", "from start to end"),
        ("  peak memory", f"{sample.peak_mb:.0f} MB", f"{sample.peak_mb / size:.1f} × the file"),
    ]


def classification(small: bool) -> list[Row]:
    """Telling messages apart with the whole catalogue, none remembered."""
    from benchmarks.classify import rates, worst_megabyte

    alone, explained = rates(1_000 if small else 20_000, 3 if small else 7)
    return [
        ("messages told apart a second", f"{alone:,.0f}", "goal ≥ 20,000, of one processor"),
        ("  with why, and what they name", f"{explained:,.0f}", "the same messages, put into words"),
        ("  a hostile megabyte", f"{worst_megabyte():.1f} ms", "goal < 50 ms"),
    ]


def notebooks(small: bool) -> list[Row]:
    """Four notebooks of 16 cells, tables and 2 plots each, and their pages, against papermill with nbconvert and scripts."""
    from benchmarks.notebooks import measure, ratio

    rounds = 2 if small else 5
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), 2_000 if small else 20_000, rounds)
    ways = {"runbook execute": found.ours, "papermill + nbconvert": found.stock, "four plain scripts": found.scripts}
    stock, slow, fast = ratio(found.ours, found.stock)
    scripts, most, least = (1 / r for r in ratio(found.ours, found.scripts))
    rows = [
        (
            "papermill + nbconvert ÷ runbook execute",
            f"{stock:.1f}",
            f"goal ≥ 6; {slow:.1f} to {fast:.1f}, {rounds} rounds",
        ),
        ("runbook execute ÷ four plain scripts", f"{scripts:.2f}", f"goal ≤ 1.3; {least:.2f} to {most:.2f}"),
    ]
    for name, samples in ways.items():
        peak, codes = statistics.median(s.peak_mb for s in samples), {s.exit_code for s in samples}
        rows.append((f"  {name}", f"{median(samples):.2f} s", f"peak {peak:.0f} MB, exit {codes}"))
    return rows


def listing(small: bool) -> list[Row]:
    """Listing and classifying all pods, whole processes: what people use ÷ ours, the same pages for all."""
    from benchmarks.listing import measure

    pods, rounds = (500, 2) if small else (10_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), pods, rounds)
    ours = median(found.samples["runbook"])
    goals = {
        "kubectl get pods": "≥ 15", "kubectl get -o json": "≥ 50", "kubernetes client": "≥ 45", "kubectl get --raw": "≥ 0.67",
    }  # fmt: skip
    rows = [(f"list and classify {pods} pods, 8 kB each", f"{ours:.2f} s", "the whole process")]
    for name, goal in goals.items():
        if name in found.samples:
            ratio = median(found.samples[name]) / ours
            rows.append((f"  {name} ÷ ours", f"{ratio:.1f}", f"goal {goal}; {median(found.samples[name]):.2f} s"))
    peak = statistics.median(s.peak_mb for s in found.samples["runbook"])
    bare = statistics.median(s.peak_mb for s in found.samples["nothing"])
    rows.append(("  memory that the list adds", f"{peak - bare:.0f} MB", "goal ≤ 40 MB at 10,000 pods"))
    return rows + [(f"  {name}", "-", "not measured: it is not on the PATH") for name in found.missing]


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
            (f"  {fault}, up to three times: noticed", f"{len(one.late)}", f"all, none wrong; {one.requests} requests")
        )
    return rows


def handshakes(small: bool) -> list[Row]:
    """Probing TLS endpoints at once: with three that hang ÷ the timeout, and with none ÷ `curl --parallel`."""
    from benchmarks.handshakes import TIMEOUT, measure

    count, rounds = (30, 2) if small else (200, 9)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), count, rounds)
    late = [seconds / TIMEOUT for seconds in found.hanging["ours"]]
    rows = [
        (
            f"probe {count} TLS endpoints, 3 hanging ÷ the timeout of {TIMEOUT:g} s",
            f"{statistics.median(late):.3f}",
            f"goal ≤ 1.05; {min(late):.3f} to {max(late):.3f}, {rounds} rounds",
        )
    ]
    if "curl" in found.answering:
        rows.append(("  none hanging, in process ÷ curl --parallel", f"{found.ratio():.2f}", "goal ≤ 1.3"))
    rows += [(f"  none hanging: {n}", f"{statistics.median(s):.2f} s", "") for n, s in found.answering.items()]
    return rows + [(f"  3 hanging: {n}", f"{statistics.median(s):.2f} s", "") for n, s in found.hanging.items()]


BENCHMARKS: dict[str, Callable[[bool], list[Row]]] = {
    "imports": imports,
    "rehearse": rehearse,
    "deletions": deletions,
    "listing": listing,
    "explain": explain,
    "classify": classification,
    "notebooks": notebooks,
    "waiting": waiting,
    "handshakes": handshakes,
}


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
