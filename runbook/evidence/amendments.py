"""An inventory that is edited during a run: said by a person, kept as a file of its own with its diff, never silent.

What should be true decides every answer, so each attempt is judged by the inventory that was in force when it began.
"""

from __future__ import annotations

import difflib
from datetime import datetime
from pathlib import Path

from runbook.errors import RunFolderError
from runbook.evidence.entries import INVENTORY
from runbook.evidence.files import moment, stamp, write_whole
from runbook.evidence.layout import Run


def amend(run: Run, text: str, digest: str, *, who: str, why: str, when: datetime) -> Path | None:
    """Take an edited inventory (redacted text, digest of the file) into a run; gives the diff's file.

    None when it is the one in force already. Raises RunFolderError for a sealed run.
    """
    if run.sealed:
        raise RunFolderError(f"{run.path} is sealed", hint="Open a new run with the edited inventory.")
    run = Run.load(run.path)
    name, before = in_force(run, when)
    if before == digest:
        return None
    known = list(run.facts.get("inventories", ()))
    stem = f"inventory-{2 + len(known):02d}"
    old = (run.path / name).read_text(encoding="utf-8")
    lines = difflib.unified_diff(old.splitlines(keepends=True), text.splitlines(keepends=True), name, f"{stem}.yaml")
    write_whole(run.path / f"{stem}.yaml", text.encode("utf-8", errors="backslashreplace"))
    diff = write_whole(run.path / f"{stem}.diff", "".join(lines).encode("utf-8", errors="backslashreplace"))
    entry = {"file": f"{stem}.yaml", "diff": diff.name, "digest": digest, "since": stamp(when), "who": who, "why": why}
    run.mark(inventories=[*known, entry])
    return diff


def in_force(run: Run, when: datetime) -> tuple[str, str]:
    """File name and digest of the inventory that was in force at a time (real UTC)."""
    name, digest = INVENTORY, str(run.facts["inventory_digest"])
    for entry in run.facts.get("inventories", ()):
        if moment(entry["since"]) <= when:
            name, digest = str(entry["file"]), str(entry["digest"])
    return name, digest
