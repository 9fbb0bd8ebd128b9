"""What listing and classifying all pods costs, from two servers: ours beside what people use."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.listing import CLIENT, GET, GZIP, JSON, NOTHING, OURS, RAW, SERVED, Measured
from benchmarks.measure import Sample, median, peak
from benchmarks.rows import Found, Row, turns

_GOALS = {GET: "≥ 15", JSON: "≥ 50", CLIENT: "≥ 45"}


def listing(small: bool) -> Found:
    """Listing and classifying all pods, whole processes: what people use ÷ ours, the same answers for all."""
    from benchmarks.listing import measure, measure_embedded

    pods, rounds = (200, 1) if small else (10_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        static = measure(Path(folder), pods, rounds)
    with tempfile.TemporaryDirectory() as folder:
        own = measure_embedded(Path(folder), pods, rounds)
    size = f"{pods} pods, {static.kilobytes:.1f} kB each, {static.managed:.0%} managedFields"
    rows = [*_rows(static, size, ""), *_rows(own, f"{pods} pods of the embedded cluster", "")]
    if OURS + GZIP in static.samples:
        rows += _rows(static, f"{pods} pods, answers packed with gzip", GZIP)
    samples = {
        f"{where}: {name}": s for where, m in (("static", static), ("embedded", own)) for name, s in m.samples.items()
    }
    return Found(rows, samples)


def _rows(found: Measured, what: str, suffix: str) -> list[Row]:
    ours = found.samples[OURS + suffix]
    rows = [Row(f"list and classify {what}", median(ours), "s", note=f"the whole process; {_told(ours)}")]
    for name, goal in _GOALS.items():
        if theirs := found.samples.get(name + suffix):
            note = f"{median(theirs):.2f} s, peak {peak(theirs):.0f} MB"
            rows.append(
                Row(f"  {name} ÷ ours", median(theirs) / median(ours), goal="" if suffix else goal, note=note, digits=1)
            )
    if raw := found.samples.get(RAW + suffix):
        note = f"{median(raw):.2f} s, peak {peak(raw):.0f} MB"
        rows.append(
            Row(f"  ours ÷ {RAW}", median(ours) / median(raw), goal="" if suffix else "≤ 1.5", note=note, digits=1)
        )
    rows.append(_memory(found, ours, "the list adds", "" if suffix else "≤ 40 MB at 10,000 pods"))
    if served := found.samples.get(SERVED + suffix):
        what = "  … with the bytes as served, as evidence wants them"
        rows.append(Row(what, median(served), "s", note=f"the whole process; {_told(served)}"))
        rows.append(_memory(found, served, "that list adds"))
    return rows + [Row(f"  {name}", None, note="not measured: it was not found") for name in found.missing]


def _memory(found: Measured, samples: list[Sample], what: str, goal: str = "") -> Row:
    return Row(f"  memory that {what}", peak(samples) - peak(found.samples[NOTHING]), "MB", goal, digits=0)


def _told(samples: list[Sample]) -> str:
    return f"peak {peak(samples):.0f} MB, {turns(len(samples))}"
