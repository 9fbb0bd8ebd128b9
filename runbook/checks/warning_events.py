"""Are there no current Warning events about the objects of the inventory's namespaces? Their absence proves nothing more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from runbook.domain.cluster import Event
from runbook.domain.durations import seconds
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref, namespaces_of
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Are there no current Warning events about the objects of the inventory's namespaces?"
NEEDS = ("Event",)
STAGES = ("verify",)
answer = Answers("warning-events")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One failure for each object with Warning events in the logs' window; else a pass that says what was looked at."""
    namespaces = namespaces_of(inventory)
    since = snapshot.observed_at - timedelta(seconds=seconds(inventory.logs.since) or 900)
    events = snapshot.of(Event)
    grouped: defaultdict[ObjectRef, list[Event]] = defaultdict(list)
    for event in events:
        about = event.involved_object
        current = event.when is not None and event.when >= since
        if event.type != "Normal" and current and about.namespace in namespaces:
            grouped[ObjectRef(about.kind, about.namespace, about.name)].append(event)
    for ref, some in sorted(grouped.items()):
        last = max(some, key=lambda e: e.when or snapshot.observed_at)
        yield answer.failed(
            ref, f"{len(some)} Warning event(s), last {last.reason}", last.message or "", reason=last.reason
        )
    if not grouped:
        reason = f"no Warning event since {since:%H:%M:%SZ} among {len(events)} events (kept about an hour)"
        yield answer.passed(cluster_ref(snapshot), reason, events=len(events))
