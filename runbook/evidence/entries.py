"""The names of a run folder: its files, the folders of its stages, and one attempt as run.json lists it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook.evidence.files import moment, stamp
from runbook.model import Verdict

MANIFEST, INVENTORY, RUN, RESULT = "MANIFEST.sha256", "inventory.yaml", "run.json", "result.json"
FOLDERS = {
    "preflight": "00-preflight",
    "registry-trust": "10-registry-trust",
    "cleanup": "20-cleanup",
    "reconcile": "30-reconcile",
    "verify": "40-verify",
    "diagnose": "50-diagnose",
    "retrospective": "90-retrospective",
}


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One attempt; without a verdict it has not ended, or nobody recorded its end."""

    stage: str
    attempt: int
    path: str
    verdict: Verdict | None = None
    started: datetime | None = None
    ended: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The entry as run.json holds it."""
        return {
            "stage": self.stage,
            "attempt": self.attempt,
            "path": self.path,
            "verdict": self.verdict.value if self.verdict else None,
            "started": stamp(self.started) if self.started else None,
            "ended": stamp(self.ended) if self.ended else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StageEntry:
        """Read an entry. Raises KeyError, ValueError or TypeError."""
        if data["stage"] not in FOLDERS or not str(data["path"]).startswith(FOLDERS[data["stage"]]):
            raise ValueError(f"a stage {data['stage']!r} in {data['path']!r}")
        return cls(
            data["stage"],
            int(data["attempt"]),
            str(data["path"]),
            Verdict(data["verdict"]) if data["verdict"] else None,
            moment(data["started"]) if data["started"] else None,
            moment(data["ended"]) if data["ended"] else None,
        )
