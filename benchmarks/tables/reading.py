"""What reading costs: imports, snapshots, growth, causes, messages, endpoints."""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Sample, ended_well, interleaved, median, peak, python, run
from benchmarks.rows import Found, Numbers, Row, turns


def imports(small: bool) -> Found:
    """`import runbook` against the Kubernetes client's own import: ours should cost at most 0.15 of it."""
    samples = interleaved(
        {
            "bare": python("pass"),
            "runbook": python("import runbook"),
            "kubernetes": python("from kubernetes.client import CoreV1Api"),
        },
        rounds=5 if small else 11,
    )
    ended_well(samples)
    bare, ours, theirs = (median(samples[n]) for n in ("bare", "runbook", "kubernetes"))
    told = f"interpreter start taken off; peak {peak(samples['runbook']):.0f} and {peak(samples['kubernetes']):.0f} MB"
    ratio = max(0.0, ours - bare) / (theirs - bare)
    return Found([Row("import runbook ÷ import kubernetes client", ratio, goal="≤ 0.15", note=told, digits=3)], samples)


def explain(small: bool) -> Found:
    """First causes of a large cluster's night against reading it; how both grow; what a file of 200 MB costs in memory."""
    from benchmarks.explaining import measure, write

    base, large, huge, rounds = (500, 2_000, 2_500, 1) if small else (10_000, 50_000, 56_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        one, many = measure(Path(folder), (base, large), rounds)
        path = write(Path(folder), huge)
        size = path.stat().st_size / 1e6
        whole = [
            run([sys.executable, "-m", "runbook", "explain", "--from", str(path), "--format", "json"])
            for _ in range(rounds)
        ]
    read, explained = statistics.median(one.reading), statistics.median(one.explaining)
    ratio = statistics.median(e / r for e, r in zip(one.explaining, one.reading, strict=True))
    more = statistics.median(many.explaining)
    told = f"{one.failing} failing by {one.causes} causes, {turns(rounds)}"
    rows = [
        Row(f"explain ÷ read, {base} pods, in process", ratio, goal="≤ 0.5", note=told),
        Row(f"  explain, {base} pods, in process", explained, "s", note=f"read {read:.2f} s, {one.megabytes:.0f} MB"),
        Row(f"  explain, {large} pods, in process", more, "s",
            note=f"read {statistics.median(many.reading):.2f} s, {many.megabytes:.0f} MB"),
        Row(f"  time of one pod, {large} ÷ {base}", more / explained * base / large, note="1 is linear"),
        Row(f"runbook explain --from a file of {size:.0f} MB", median(whole), "s", note="from start to end", digits=1),
        Row("  peak memory", peak(whole), "MB", note=f"{peak(whole) / size:.1f} × the file", digits=0),
    ]  # fmt: skip
    samples: dict[str, list[Sample] | Numbers] = {"explain --from": whole}
    for found in (one, many):
        samples[f"read, {found.pods} pods"] = Numbers("s", found.reading)
        samples[f"explain, {found.pods} pods"] = Numbers("s", found.explaining)
    return Found(rows, samples)


def classification(small: bool) -> Found:
    """Telling messages apart with the whole catalogue, none remembered."""
    from benchmarks.classify import rates, worst_megabyte

    alone, explained = rates(1_000 if small else 20_000, 3 if small else 7)
    hostile = worst_megabyte()
    rows = [
        Row("messages told apart a second, in process", max(alone), goal="≥ 20,000", note="of one processor, the best round", digits=0),
        Row("  with why, and what they name", max(explained), note="the same messages, put into words", digits=0),
        Row("  a hostile megabyte", hostile, "ms", "< 50 ms", digits=1),
    ]  # fmt: skip
    return Found(rows, {"alone": Numbers("messages/s", alone), "with why": Numbers("messages/s", explained)})


def snapshot(small: bool) -> Found:
    """14 kinds of a large cluster to its first causes, whole processes, against what only lists them."""
    from benchmarks.snapshot import measure

    pods, rounds = (300, 1) if small else (10_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), pods, rounds)
    ours = found.samples["runbook"]
    told = f"peak {peak(ours):.0f} MB, {turns(rounds)}"
    rows = [Row(f"14 kinds, {found.megabytes:.0f} MB, to first causes", median(ours), "s", note=told)]
    for name, goal in (("kubernetes client", "≥ 45"), ("kubectl get -o json", "≥ 80")):
        if samples := found.samples.get(name):
            note = f"{median(samples):.2f} s, peak {peak(samples):.0f} MB, no cause found"
            rows.append(
                Row(f"  {name}, lists alone ÷ ours", median(samples) / median(ours), goal=goal, note=note, digits=1)
            )
    rows += [Row(f"  {name}", None, note="not measured: it was not found") for name in found.missing]
    return Found(rows, found.samples)


def growth(small: bool) -> Found:
    """A list and a snapshot's causes at three sizes: what one pod more costs must not grow."""
    from benchmarks.growth import measure, slope

    sizes, rounds = ((100, 300, 600), 1) if small else ((1_000, 10_000, 50_000), 5)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), sizes, rounds)
    rows = [
        Row(f"{one.pods} pods: list, and snapshot to causes", one.list_seconds, "s",
            note=f"+{one.list_mb:.0f} MB; causes {one.causes_seconds:.2f} s, +{one.causes_mb:.0f} MB; {turns(rounds)}")
        for one in found.sizes
    ]  # fmt: skip
    for low, high in itertools.pairwise(found.sizes):
        for what in ("list_seconds", "list_mb", "causes_seconds", "causes_mb"):
            shown = what.replace("_", " ").replace("mb", "memory")
            rows.append(
                Row(f"  a pod of {high.pods} ÷ a pod of {low.pods}, {shown}", slope(low, high, what), goal="≤ 1")
            )
    return Found(rows, found.samples)


def handshakes(small: bool) -> Found:
    """Probing TLS endpoints at once: with three that hang ÷ the timeout, and with none ÷ `curl --parallel`."""
    from benchmarks.handshakes import TIMEOUT, measure

    count, rounds = (30, 2) if small else (200, 9)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), count, rounds)
    late = [seconds / TIMEOUT for seconds in found.hanging["ours"]]
    what = f"probe {count} TLS endpoints, 3 hanging ÷ the timeout of {TIMEOUT:g} s, in process"
    told = f"{min(late):.3f} to {max(late):.3f}, {turns(rounds)}"
    rows = [Row(what, statistics.median(late), goal="≤ 1.05", note=told, digits=3)]
    if "curl" in found.answering:
        rows.append(Row("  none hanging, in process ÷ curl --parallel", found.ratio(), goal="≤ 1.3"))
    samples = {f"{when}: {name}": Numbers("s", seconds)
               for when, ways in (("none hanging", found.answering), ("3 hanging", found.hanging))
               for name, seconds in ways.items()}  # fmt: skip
    rows += [Row(f"  {name}", statistics.median(s.values), "s") for name, s in samples.items()]
    return Found(rows, samples)
