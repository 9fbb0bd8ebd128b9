"""One look: everything a stage wants, redacted and on disk before it is judged; in a replay, what is on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runbook.clients.observe import observe
from runbook.evidence import Observed, Redactor, load_snapshot, observations_digest
from runbook.evidence.acts import note_list
from runbook.inventory.load import InventoryFile
from runbook.model import Snapshot
from runbook.stage.stages import STAGES, wants
from runbook.stage.telling import Teller

if TYPE_CHECKING:
    from runbook.stage.setting import Setting


def look(setting: Setting, *, part: str = "") -> Observed:
    """Observe and store, or read back what was stored. `part` names a look after the first: PROVED, or one of a round."""
    attempt = setting.attempt
    if setting.reached is None:
        folder = attempt.path / "observations" / part
        digest = observations_digest(attempt.path, part=part)
        snapshot = load_snapshot(attempt.path, part=part)
        objects = {k: v for k, v in snapshot.objects.items() if k != "SoakWindow"}  # measured, not looked at
        return Observed(folder, replace(snapshot, objects=objects), Redactor(), digest)
    if not part:
        attempt.forget_proof()
    reached = setting.reached
    seen = observe(
        reached.client,
        setting.file.inventory,
        wants=wants(setting.asked.stage),
        base=base_of(setting.file),
        now=reached.now,
        server=reached.server,
        progress=progress(setting.talk),
    )
    for note in seen.notes:
        tell_list(setting, note)
    redactor = Redactor()
    if STAGES[setting.asked.stage].asks and not part:
        seen = replace(seen, snapshot=_inquired(setting, seen.snapshot, redactor))
    stored = attempt.store(seen, part=part, redactor=redactor)
    tell_gaps(setting.talk, stored)
    return stored


def _inquired(setting: Setting, snapshot: Snapshot, redactor: Redactor) -> Snapshot:
    """What is asked about first causes, once and before it is judged: what is kept is all that is ever judged."""
    from runbook.stage.questions import inquired

    assert setting.reached is not None
    inventory, catalogue = setting.file.inventory, setting.causes.catalogue
    return inquired(setting.reached.client, snapshot, inventory, catalogue, cut=redactor.text, talk=setting.talk)


def tell_list(setting: Setting, note: str) -> None:
    """Say how a list came about, to who listens and into the record: the result and its page show it too."""
    said = Redactor().text(note)
    setting.talk.warning("observe", said)
    note_list(setting.attempt.journal, said)


def base_of(file: InventoryFile) -> Path:
    """The folder that relative paths of an inventory start from."""
    return file.path.parent


def progress(talk: Teller) -> Callable[[str, int, int], None]:
    """How far a look is, told as a wait."""

    def tell(what: str, done: int, total: int) -> None:
        talk.waiting("observe", f"{done} of {total} {what}", done=done, total=total)

    return tell


def tell_gaps(talk: Teller, stored: Observed) -> None:
    """What was seen, and each thing that could not be."""
    snapshot = stored.snapshot
    for gap in dict.fromkeys((g.what, g.why) for g in snapshot.gaps.values()):
        talk.warning("observe", f"not evaluated: {gap[0]}: {gap[1]}")
    count = sum(len(v) for v in snapshot.objects.values())
    talk.success("observe", f"{count} objects, observed {snapshot.observed_at:%Y-%m-%dT%H:%M:%SZ}")
