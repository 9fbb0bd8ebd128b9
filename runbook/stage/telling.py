"""Who hears what a stage says while it works: the cell itself, or our runner, which passes it on to the terminal.

Under the runner nothing of it lands in the notebook's outputs: they hold answers only, the same ones at every replay.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol

RELAY = "RUNBOOK_TALK"


class Teller(Protocol):
    """The six verbs of `display.Talk`."""

    def action(self, stage: str, sentence: str) -> None:
        """► Begins or does something."""

    def generate(self, stage: str, sentence: str) -> None:
        """✚ Writes a file."""

    def success(self, stage: str, sentence: str) -> None:
        """✔ Succeeded."""

    def warning(self, stage: str, sentence: str) -> None:
        """⚠ Look here."""

    def failure(self, stage: str, sentence: str) -> None:
        """✗ Failed."""

    def waiting(self, stage: str, sentence: str, *, done: float | None = None, total: float | None = None) -> None:
        """◎ Waits."""


class Relay:
    """Writes each sentence as one JSON line to a file that the runner reads; without a file it says nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def action(self, stage: str, sentence: str) -> None:
        """► Begins or does something."""
        self._pass("action", stage, sentence)

    def generate(self, stage: str, sentence: str) -> None:
        """✚ Writes a file."""
        self._pass("generate", stage, sentence)

    def success(self, stage: str, sentence: str) -> None:
        """✔ Succeeded."""
        self._pass("success", stage, sentence)

    def warning(self, stage: str, sentence: str) -> None:
        """⚠ Look here."""
        self._pass("warning", stage, sentence)

    def failure(self, stage: str, sentence: str) -> None:
        """✗ Failed."""
        self._pass("failure", stage, sentence)

    def waiting(self, stage: str, sentence: str, *, done: float | None = None, total: float | None = None) -> None:
        """◎ Waits."""
        self._pass("waiting", stage, sentence, done=done, total=total)

    def _pass(self, verb: str, stage: str, sentence: str, **more: float | None) -> None:
        if self._path is None:
            return
        line = json.dumps({"verb": verb, "stage": stage, "sentence": sentence, **more}, ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def teller(how: str) -> Teller:
    """The one who listens to this process."""
    if how in ("runner", "replay"):
        path = os.environ.get(RELAY, "")
        return Relay(Path(path) if path else None)
    from runbook.display import Talk

    return Talk()
