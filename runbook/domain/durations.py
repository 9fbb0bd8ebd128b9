"""Durations as Go and Kubernetes write them (`5m`, `1h30m`, `9m58.5s`), and as people read them."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|h|m|s))+")
_UNIT = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def seconds(text: str) -> float | None:
    """Seconds of a Go duration, or None when the text is not one (an empty text included)."""
    if not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _UNIT[unit] for number, unit in _PART.findall(text))


def human(value: float) -> str:
    """`45 s`, `3 m 10 s`, `2 h 05 m`, `4 d 3 h`: at most two units, for sentences and tables."""
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
