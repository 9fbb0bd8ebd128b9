"""What a person waits for: notebooks, whole commands, the card."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Row, interleaved, median


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


def commands(small: bool) -> list[Row]:
    """`runbook plan verify` on a large cluster, whole, against a notebook with the `kubernetes` client; and the help."""
    from benchmarks.commands import measure

    pods, endpoints, rounds = (200, 10, 1) if small else (10_000, 200, 5)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), pods, endpoints, rounds)
    ours, theirs, brief, asking = map(median, (found.ours, found.notebook, found.brief, found.with_endpoints))
    peak = statistics.median(s.peak_mb for s in found.ours)
    help_ = interleaved({"help": [sys.executable, "-m", "runbook", "--help"]}, rounds=3 if small else 11)["help"]
    return [
        (f"a notebook with `kubernetes` ÷ runbook plan verify, {pods} pods", f"{theirs / ours:.1f}", f"goal ≥ 5; {theirs:.1f} s"),
        ("  one that asks for warnings alone ÷ the same", f"{brief / ours:.1f}", f"{brief:.1f} s"),
        ("  runbook plan verify, no soak", f"{ours:.2f} s", f"peak {peak:.0f} MB of all its processes, keeps {found.kept_mb:.1f} MB"),
        (f"  … and {endpoints} TLS endpoints", f"{asking:.2f} s", "goal ≤ 10 s at 10,000 pods, 1,000 releases, 200 endpoints"),
        ("runbook --help", f"{median(help_):.2f} s", "goal ≤ 0.35 s"),
    ]  # fmt: skip


def embedded(small: bool) -> list[Row]:
    """`runbook status` and `runbook plan verify`, the whole commands, on the embedded cluster."""
    from benchmarks.embedded import card, verify

    few, many, endpoints = (100, 200, 10) if small else (1_000, 10_000, 200)
    with tempfile.TemporaryDirectory() as folder:
        cards = card(Path(folder), few, 2 if small else 7)
    with tempfile.TemporaryDirectory() as folder:
        verified = verify(Path(folder), many, endpoints, 1 if small else 5)
    codes, red = {s.exit_code for s in cards}, {s.exit_code for s in verified}
    what = f"runbook plan verify, no soak, {many} pods, {many // 10} releases, {endpoints} TLS endpoints"
    return [
        (f"runbook status, {few} pods", f"{median(cards):.2f} s", f"goal ≤ 2 s at 1,000 pods; exit {codes}"),
        (what, f"{median(verified):.2f} s", f"goal ≤ 10 s at 10,000 pods; exit {red}"),
    ]
