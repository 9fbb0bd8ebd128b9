"""Was the cluster quiet for as long as wanted, measured by a watch? Without a measurement it is not known."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.durations import human
from runbook.domain.probes import SoakWindow
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.model import Finding, Snapshot

QUESTION = "Was the cluster quiet for as long as wanted, measured by a watch?"
NEEDS = ("SoakWindow",)
STAGES = ("verify",)
answer = Answers("soak")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer: the measured window."""
    windows = snapshot.of(SoakWindow)
    ref = cluster_ref(snapshot)
    if not windows:
        yield answer.unknown(ref, "no soak was measured")
    for window in windows:
        quiet, wanted = human(window.quiet_seconds), human(window.wanted_seconds)
        facts = {
            "quiet_seconds": window.quiet_seconds,
            "wanted_seconds": window.wanted_seconds,
            "resets": len(window.resets),
        }
        if window.started is None:
            yield answer.unknown(ref, f"0 s of {wanted} measured: {window.why_not}", **facts)
        elif window.wanted_seconds <= 0:
            yield answer.unknown(ref, "the inventory wants a soak of 0 s: that measures nothing", **facts)
        elif window.quiet_seconds < window.wanted_seconds:
            last = window.resets[-1] if window.resets else None
            why = f"; last reset {last.at:%H:%M:%SZ}: {last.reason} ({last.object})" if last else ""
            yield answer.failed(ref, f"quiet for {quiet} of {wanted}, {len(window.resets)} reset(s){why}", **facts)
        else:
            ended = f"{window.ended:%H:%M:%SZ}" if window.ended else "now"
            yield answer.passed(ref, f"quiet for {quiet} until {ended}, {len(window.resets)} reset(s)", **facts)
