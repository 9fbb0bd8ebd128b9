"""The registry's CA as the inventory names and pins it: a CA, not a leaf, not a key, and the very one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from runbook.domain.certificates import MAX_CA, ca_problem, facts, same_fingerprint
from runbook.inventory.model import Inventory

UNNAMED = "the inventory must name the CA (registry.ca_file) and pin it (registry.ca_fingerprint)"


def authority(inventory: Inventory, base: Path, now: datetime) -> tuple[bytes, str]:
    """The PEM and an empty string, or nothing and what is wrong with the file. `base` is the inventory's folder."""
    entry = inventory.registry
    if entry is None or not entry.ca_file or entry.ca_fingerprint is None:
        return b"", UNNAMED
    path = base / entry.ca_file
    try:
        size = path.stat().st_size
        pem = path.read_bytes() if size <= MAX_CA else b""
    except OSError as error:
        return b"", f"{path.name} cannot be read: {error.strerror}"
    problem = f"it has {size} bytes, a CA has some thousand" if size > MAX_CA else ca_problem(pem, now)
    if problem:
        return b"", f"{path.name} is not installed: {problem}"
    found = facts(pem).fingerprint
    if not same_fingerprint(found, entry.ca_fingerprint):
        return b"", f"{path.name} has the fingerprint {found}, the inventory pins {entry.ca_fingerprint}"
    return pem, ""
