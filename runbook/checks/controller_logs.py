"""Did the controllers log no errors in the window, at any level's name, in any of their namespaces?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook.domain.probes import LogGroup, LogWindow
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Did the controllers log no errors in the window?"
NEEDS = ("LogWindow", "LogGroup")
STAGES = ("verify",)
answer = Answers("controller-logs")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each controller pod. Zero errors counts only when its log was read."""
    windows = snapshot.of(LogWindow)
    for namespace in inventory.logs.namespaces:
        if not any(w.namespace == namespace for w in windows):
            ref = ObjectRef("Namespace", "", namespace)
            yield answer.unknown(ref, f"no controller pod was found in {namespace}: no log was read")
    allowed = [re.compile(pattern) for pattern in inventory.logs.allow]
    for window in windows:
        groups = [
            g
            for g in snapshot.of(LogGroup)
            if (g.namespace, g.pod) == (window.namespace, window.pod)
            and not any(a.search(g.sample or g.message) for a in allowed)
        ]
        yield _judged(window, groups)


def _judged(window: LogWindow, groups: list[LogGroup]) -> Finding:
    ref = ObjectRef("Pod", window.namespace, window.pod)
    minutes = (window.until - window.since).total_seconds() / 60
    facts = {"lines": window.lines, "errors": sum(g.count for g in groups if g.level == "error")}
    if window.error:
        return answer.unknown(ref, f"its log could not be read: {window.error}", **facts)
    if not window.lines and not window.older:
        return answer.unknown(
            ref, f"its log holds no line, of {minutes:.0f} min or before: that is no quiet log", **facts
        )
    errors = [g for g in groups if g.level == "error"]
    if errors:
        total, worst = sum(g.count for g in errors), max(errors, key=lambda g: g.count)
        said = tuple(f"{g.count} × {g.message}" for g in sorted(errors, key=lambda g: -g.count)[:5])
        return answer.failed(
            ref,
            f"{total} error line(s) of {len(errors)} kind(s) in {minutes:.0f} min: {worst.message[:120]}",
            *said,
            **facts,
        )
    if groups:
        return answer.warned(
            ref,
            f"no error, {sum(g.count for g in groups)} warning line(s) in {minutes:.0f} min",
            groups[0].message,
            **facts,
        )
    return answer.passed(ref, f"no error in {window.lines} line(s) of {minutes:.0f} min", **facts)
