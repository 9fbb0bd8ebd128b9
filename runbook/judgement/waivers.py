"""Waivers: an accepted failure becomes a warn that says who accepted it, for which ticket, until when. It is never a pass."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from datetime import date
from fnmatch import fnmatchcase

from runbook.inventory.model import Inventory, WaiverEntry
from runbook.model import Finding, Result, Waiver

_AUTOMATION = re.compile(
    r"^system:serviceaccount:|\[bot\]|(^|[^a-z])(bot|ci|cd|robot|automation|autonomous|agent|pipeline|jenkins)([^a-z]|$)",
    re.IGNORECASE,
)


def is_automation(who: str) -> bool:
    """Whether a name is that of an automation identity: a program cannot accept a failure (conformance T32)."""
    return bool(_AUTOMATION.search(who))


def apply(findings: Iterable[Finding], inventory: Inventory, today: date, operator: str) -> tuple[Finding, ...]:
    """Turn waived fails into warns. An expired waiver, or one given by an automation, leaves the fail and says so."""
    return tuple(_waived(f, inventory.waivers, today, operator) if f.result is Result.FAIL else f for f in findings)


def _waived(finding: Finding, waivers: Iterable[WaiverEntry], today: date, operator: str) -> Finding:
    entry = next((w for w in waivers if w.check == finding.check and fnmatchcase(str(finding.object), w.object)), None)
    if entry is None:
        return finding
    waiver = Waiver(
        entry.id, entry.check, entry.object, entry.who, entry.ticket, entry.until, entry.why, entry.who == operator
    )
    if entry.until < today:
        return dataclasses.replace(finding, reason=f"{finding.reason} (waiver {entry.id} expired on {entry.until})")
    if is_automation(entry.who):
        reason = (
            f"{finding.reason} (waiver {entry.id} refused: {entry.who} is an automation; a person has to accept it)"
        )
        return dataclasses.replace(finding, reason=reason)
    return dataclasses.replace(finding, result=Result.WARN, waiver=waiver)
