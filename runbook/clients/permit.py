"""A permit: the proof, asked for by every method that changes anything, that this very change is on disk as intended.

It is single-use and bound to one plan, act, object and journal line; import-linter lets only `runbook.acting` make one.
It guards against mistakes, not against malice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from runbook.errors import RefusedError


@dataclass
class Permit:
    """`plan` is the digest of the plan, `uid` the object's (empty for one to be created), `offset` the journal's byte."""

    plan: str
    action: str
    uid: str
    journal: Path
    offset: int
    _spent: bool = field(default=False, init=False)

    def spend(self, what: str, uid: str, request: str) -> None:
        """Use it for this one request to the object `uid`.

        Raises RefusedError when it was used before, is for another object, or the journal's line is not about this.
        """
        if self._spent:
            raise RefusedError(what, f"the permit of {self.action} was used before")
        if uid != self.uid:
            raise RefusedError(what, f"the permit of {self.action} is for the object {self.uid}, not {uid}")
        if not self._is_journalled(request):
            raise RefusedError(
                what, f"{self.action} is not in the journal as intended", hint="Nothing was sent; look at the disk."
            )
        self._spent = True

    def _is_journalled(self, request: str) -> bool:
        try:
            with self.journal.open("rb") as file:
                file.seek(self.offset)
                line = json.loads(file.readline())
        except (OSError, ValueError):
            return False
        if not isinstance(line, dict) or line.get("event") != "intended":
            return False
        facts, wanted = line.get("facts", {}), (self.action, self.plan, self.uid, request)
        return tuple(facts.get(name) for name in ("act", "plan", "uid", "request")) == wanted
