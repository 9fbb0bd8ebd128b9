"""What reading costs: imports, lists, snapshots, causes, messages."""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Row, interleaved, median, python, run

if TYPE_CHECKING:
    from benchmarks.listing import Measured


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


def listing(small: bool) -> list[Row]:
    """Listing and classifying all pods, whole processes: what people use ÷ ours, the same pages for all."""
    from benchmarks.listing import measure, measure_embedded

    pods, rounds = (200, 1) if small else (10_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        rows = _listing(measure(Path(folder), pods, rounds), f"{pods} pods, 8 kB each")
    with tempfile.TemporaryDirectory() as folder:
        return rows + _listing(measure_embedded(Path(folder), pods, rounds), f"{pods} pods of the embedded cluster")


def _listing(found: Measured, what: str) -> list[Row]:
    ours = median(found.samples["runbook"])
    goals = {
        "kubectl get pods": "≥ 15", "kubectl get -o json": "≥ 50", "kubernetes client": "≥ 45", "kubectl get --raw": "≥ 0.67",
    }  # fmt: skip
    rows = [(f"list and classify {what}", f"{ours:.2f} s", "the whole process")]
    for name, goal in goals.items():
        if name in found.samples:
            ratio = median(found.samples[name]) / ours
            rows.append((f"  {name} ÷ ours", f"{ratio:.1f}", f"goal {goal}; {median(found.samples[name]):.2f} s"))
    peak = statistics.median(s.peak_mb for s in found.samples["runbook"])
    bare = statistics.median(s.peak_mb for s in found.samples["nothing"])
    rows.append(("  memory that the list adds", f"{peak - bare:.0f} MB", "goal ≤ 40 MB at 10,000 pods"))
    return rows + [(f"  {name}", "-", "not measured: it is not on the PATH") for name in found.missing]


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


def snapshot(small: bool) -> list[Row]:
    """14 kinds of a large cluster to its first causes, whole processes, against what only lists them."""
    from benchmarks.snapshot import measure

    pods, rounds = (300, 1) if small else (10_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), pods, rounds)
    ours = median(found.samples["runbook"])
    peaks = {name: statistics.median(s.peak_mb for s in samples) for name, samples in found.samples.items()}
    rows = [
        (f"14 kinds, {found.megabytes:.0f} MB, to first causes", f"{ours:.2f} s", f"peak {peaks['runbook']:.0f} MB")
    ]
    for name, goal in (("kubernetes client", "≥ 45"), ("kubectl get -o json", "≥ 80")):
        if name in found.samples:
            took = median(found.samples[name])
            told = f"goal {goal}; {took:.2f} s, peak {peaks[name]:.0f} MB, no cause found"
            rows.append((f"  {name}, lists alone ÷ ours", f"{took / ours:.1f}", told))
    return rows + [(f"  {name}", "-", "not measured: it is not on the PATH") for name in found.missing]


def growth(small: bool) -> list[Row]:
    """A list and a snapshot's causes at three sizes: what one pod more costs must not grow."""
    from benchmarks.growth import measure, slope

    sizes, rounds = ((100, 300, 600), 1) if small else ((1_000, 10_000, 50_000), 3)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), sizes, rounds)
    rows = [
        (
            f"{one.pods} pods: list, and snapshot to causes",
            f"{one.list_seconds:.2f} s",
            f"+{one.list_mb:.0f} MB; causes {one.causes_seconds:.2f} s, +{one.causes_mb:.0f} MB",
        )
        for one in found
    ]
    for low, high in itertools.pairwise(found):
        told = ", ".join(
            f"{what.replace('_', ' ')} {slope(low, high, what):.2f}"
            for what in ("list_mb", "causes_seconds", "causes_mb")
        )
        figure = f"{slope(low, high, 'list_seconds'):.2f}"
        rows.append((f"  a pod of {high.pods} ÷ a pod of {low.pods}, list seconds", figure, f"goal ≤ 1; {told}"))
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
