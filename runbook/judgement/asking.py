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
    """Every check's answers, and one for each object that was served and could not be read, in each check it is kept from."""
    asked = tuple(checks)
    found = [f for check in asked for f in answers(check, snapshot, inventory)]
    return (*found, *_malformed(asked, snapshot))


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


def _malformed(checks: Sequence[Check], snapshot: Snapshot) -> Iterator[Finding]:
    """An object nobody could read is missing from every answer about its kind; where no check asks, it is `access`'s."""
    for ref, why in snapshot.malformed:
        for name in [c.id for c in checks if ref.kind in c.needs] or ["access"]:
            yield Finding(name, ref, Result.ERROR, f"the server's object cannot be read: {why}")
