"""Asks checks: one that cannot be evaluated answers ERROR with the reason, and one that answers nothing is not a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from runbook.inventory.model import Inventory
from runbook.model import Finding, NotObserved, Result, Snapshot

Ask = Callable[[Snapshot, Inventory], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question: its id is its file's name, `needs` are the kinds and probes it asks of a snapshot."""

    id: str
    question: str
    needs: tuple[str, ...]
    stages: tuple[str, ...]
    ask: Ask


def ask(checks: Iterable[Check], snapshot: Snapshot, inventory: Inventory) -> tuple[Finding, ...]:
    """Every check's answers, and one for each object that was served and could not be read."""
    found = [f for check in checks for f in answers(check, snapshot, inventory)]
    return (*found, *_malformed(snapshot))


def answers(check: Check, snapshot: Snapshot, inventory: Inventory) -> Sequence[Finding]:
    """One check's answers: never none."""
    from runbook.judgement.answers import cluster_ref

    try:
        found = list(check.ask(snapshot, inventory))
    except NotObserved as error:
        gap = error.gap
        needs = (f"permission needed: {gap.permission}",) if gap.permission else ()
        return [Finding(check.id, cluster_ref(snapshot), Result.ERROR, f"{gap.what}: {gap.why}", needs)]
    if not found:
        return [Finding(check.id, cluster_ref(snapshot), Result.ERROR, "the check found nothing to answer about")]
    return found


def _malformed(snapshot: Snapshot) -> Iterator[Finding]:
    for ref, why in snapshot.malformed:
        yield Finding("access", ref, Result.ERROR, f"the server's object cannot be read: {why}")
