"""What a person waits for: notebooks, whole commands, the card."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import interleaved, median, peak
from benchmarks.rows import Found, Row, turns


def notebooks(small: bool) -> Found:
    """Four notebooks of 16 cells, tables and 2 plots each, and their pages, against papermill with nbconvert and scripts."""
    from benchmarks.notebooks import measure, ratio

    rounds = 1 if small else 5
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), 2_000 if small else 20_000, rounds)
    samples = {
        "runbook execute": found.ours,
        "papermill + nbconvert": found.stock,
        "papermill + nbconvert once for all four": found.at_once,
        "four plain scripts": found.scripts,
    }
    rows = []
    for name in ("papermill + nbconvert", "papermill + nbconvert once for all four"):
        middle, least, most = ratio(found.ours, samples[name])
        told = f"{least:.1f} to {most:.1f}, {turns(rounds)}"
        rows.append(Row(f"{name} ÷ runbook execute", middle, goal="≥ 6", note=told, digits=1))
    scripts, most, least = (1 / r for r in ratio(found.ours, found.scripts))
    told = f"{least:.2f} to {most:.2f}"
    rows.append(Row("runbook execute ÷ four plain scripts", scripts, goal="≤ 1.3", note=told))
    rows += [Row(f"  {name}", median(s), "s", note=f"peak {peak(s):.0f} MB") for name, s in samples.items()]
    return Found(rows, samples)


def commands(small: bool) -> Found:
    """`runbook plan verify` on a large cluster, whole, against a notebook with the `kubernetes` client; and the help."""
    from benchmarks.commands import measure

    pods, endpoints, rounds = (200, 10, 1) if small else (10_000, 200, 5)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), pods, endpoints, rounds)
    ours, theirs, brief, asking = map(median, (found.ours, found.notebook, found.brief, found.with_endpoints))
    help_ = interleaved({"help": [sys.executable, "-m", "runbook", "--help"]}, rounds=3 if small else 11)["help"]
    large = "≤ 10 s at 10,000 pods, 1,000 releases, 200 endpoints"
    kept = f"peak {peak(found.ours):.0f} MB of all its processes, keeps {found.kept_mb:.1f} MB"
    rows = [
        Row(f"a notebook with `kubernetes` ÷ runbook plan verify, {pods} pods", theirs / ours, goal="≥ 5", digits=1,
            note=f"{theirs:.1f} s, peak {peak(found.notebook):.0f} MB"),
        Row("  one that asks for warnings alone ÷ the same", brief / ours, note=f"{brief:.1f} s, peak {peak(found.brief):.0f} MB", digits=1),
        Row("  runbook plan verify, no soak", ours, "s", note=kept),
        Row(f"  … and {endpoints} TLS endpoints", asking, "s", large, f"peak {peak(found.with_endpoints):.0f} MB"),
        Row("runbook --help", median(help_), "s", "≤ 0.35 s", f"peak {peak(help_):.0f} MB"),
    ]  # fmt: skip
    return Found(rows, {
        "plan verify": found.ours, "notebook": found.notebook, "notebook, warnings alone": found.brief,
        "plan verify with endpoints": found.with_endpoints, "--help": help_,
    })  # fmt: skip


def embedded(small: bool) -> Found:
    """`runbook status` and `runbook plan verify`, the whole commands, on the embedded cluster."""
    from benchmarks.embedded import card, verify

    few, many, endpoints = (100, 200, 10) if small else (1_000, 10_000, 200)
    with tempfile.TemporaryDirectory() as folder:
        cards = card(Path(folder), few, 1 if small else 7)
    with tempfile.TemporaryDirectory() as folder:
        verified = verify(Path(folder), many, endpoints, 1 if small else 5)
    rows = []
    for what, goal, found in (
        (f"runbook status, {few} pods", "≤ 2 s at 1,000 pods", cards),
        (f"runbook plan verify, no soak, {many} pods, {many // 10} releases, {endpoints} TLS endpoints", "≤ 10 s at 10,000 pods", verified),
    ):  # fmt: skip
        codes = ", ".join(sorted({str(s.exit_code) for s in found}))
        rows.append(
            Row(what, median(found), "s", goal, f"peak {peak(found):.0f} MB, exit {codes}, {turns(len(found))}")
        )
    return Found(rows, {"status": cards, "plan verify": verified})
