"""How a change is made: look again, write the intention to disk, get a permit, send, write what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from runbook.clients.kubernetes import KubeClient
from runbook.clients.kubernetes.writing import KEEP, Writer
from runbook.clients.permit import Permit
from runbook.errors import ActionError, ConflictError, MissingError, ObservationError, OutcomeUnknownError
from runbook.evidence import Attempt, Journal, Redactor
from runbook.inventory.model import Inventory
from runbook.model import Action, ObjectRef

Made = Callable[[], bool | None]


class NotDone(Exception):
    """An act that is not done, and why: not an error of the program but an answer. `outcome` as in `Action`."""

    def __init__(self, outcome: str, said: str) -> None:
        super().__init__(said)
        self.outcome, self.said = outcome, said


@dataclass
class Hands:
    """One attempt's way of changing a cluster. `plan` is the plan's digest; `base` the inventory file's folder.

    `ready` is called before each act and `beat` while one is waited for: they hold the operator's Lease.
    """

    client: KubeClient
    writer: Writer
    inventory: Inventory
    base: Path
    attempt: Attempt
    now: Callable[[], datetime]
    plan: str
    redactor: Redactor
    ready: Callable[[], None]
    beat: Callable[[], None]
    journal: Journal = field(init=False)
    turn: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self) -> None:
        self.journal = self.attempt.journal

    def fresh(self, action: Action) -> Mapping[str, Any]:
        """The object as it is now. Raises NotDone when it is not the one that was planned about, or must be kept."""
        ref = action.object
        try:
            obj: Mapping[str, Any] = json.loads(self.client.get(ref.kind, ref.namespace, ref.name))
        except MissingError as error:
            raise NotDone("unchanged", f"{ref} is gone already") from error
        except ObservationError as error:
            raise NotDone("failed", f"{ref} could not be looked at again: {error.why}") from error
        metadata = obj["metadata"]
        if action.uid and metadata.get("uid") != action.uid:
            raise NotDone(
                "failed", f"{ref} was made anew since the plan: uid {metadata.get('uid')}, planned {action.uid}"
            )
        if KEEP in (metadata.get("labels") or {}):
            raise NotDone("skipped", f"{ref} carries the label {KEEP}")
        if metadata.get("deletionTimestamp"):
            waits = f"; it waits for its finalizers {metadata['finalizers']}" if metadata.get("finalizers") else ""
            raise NotDone("unchanged", f"{ref} is being deleted already{waits}")
        return obj

    def change(
        self,
        action: Action,
        uid: str,
        request: str,
        send: Callable[[Permit], Any],
        *,
        made: Made,
        **facts: str,
    ) -> Any:
        """Journal the request as intended, send it with a permit, journal what came of it. Gives what `send` gave.

        `made` looks whether it was carried out, for a request that was not answered. Raises ActionError.
        """
        what = f"{action.id} {action.name}"
        entry = self.journal.append(
            "intended", what, act=action.id, plan=self.plan, uid=uid, request=request, why=action.reason, **facts
        )
        permit = Permit(self.plan, action.id, uid, self.journal.path, entry.offset)
        try:
            answer = send(permit)
        except OutcomeUnknownError as error:
            return self._settled(what, action.id, error, made)
        except ActionError as error:
            self.journal.append("failed", what, act=action.id, why=self.redactor.text(error.why))
            raise
        except KeyboardInterrupt:
            self.journal.append("noted", what, act=action.id, why="interrupted while it was sent: not known yet")
            raise
        self.journal.append("done", what, act=action.id, outcome="changed")
        return answer

    def _settled(self, what: str, act: str, error: OutcomeUnknownError, made: Made) -> None:
        found = made()
        if found is None:
            self.journal.append(
                "noted", what, act=act, why=f"not known whether it was done: {self.redactor.text(error.why)}"
            )
            raise error
        if not found:
            why = f"looked again, it was not done: {self.redactor.text(error.why)}"
            self.journal.append("failed", what, act=act, why=why)
            raise ActionError(error.what, f"it was not done: {error.why}") from error
        why = "no answer came; looked again: it was done"
        self.journal.append("done", what, act=act, outcome="changed", why=why)

    def patch(
        self, action: Action, obj: Mapping[str, Any], body: Mapping[str, Any], *, made: Made, **facts: str
    ) -> Any:
        """Merge-patch the object that was looked at; after a conflict look once more and try once more."""
        for last in (False, True):
            uid = str(obj["metadata"]["uid"])
            try:
                return self.change(
                    action,
                    uid,
                    f"PATCH {action.object}",
                    lambda permit, uid=uid: self.writer.patch(action.object, uid, body, permit),  # type: ignore[misc]
                    made=made,
                    **facts,
                )
            except ConflictError:
                if last:
                    raise
                obj = self.fresh(action)
        raise AssertionError("the second try returns or raises")

    def holds(self, ref: ObjectRef, test: Callable[[Mapping[str, Any]], bool]) -> bool | None:
        """Whether an object that is there passes a test; None when it could not be looked at."""
        try:
            return test(json.loads(self.client.get(ref.kind, ref.namespace, ref.name)))
        except MissingError:
            return False
        except ObservationError:
            return None

    def is_gone(self, ref: ObjectRef, uid: str) -> bool | None:
        """Whether the object of that uid is gone or going; None when it could not be looked at."""
        found = self.holds(
            ref, lambda o: o["metadata"].get("uid") == uid and not o["metadata"].get("deletionTimestamp")
        )
        return None if found is None else not found

    def finalizers(self, ref: ObjectRef, uid: str) -> list[str]:
        """What holds an object of that uid whose deletion was accepted; empty when it is gone or cannot be looked at."""
        held: list[str] = []

        def keep(obj: Mapping[str, Any]) -> bool:
            if obj["metadata"].get("uid") == uid:
                held.extend(obj["metadata"].get("finalizers") or [])
            return True

        self.holds(ref, keep)
        return held


def performed(action: Action, do: Callable[[Action, Hands], str], hands: Hands) -> Action:
    """Do one act, and say what came of it. Raises only what concerns more than this act (the record, an interrupt)."""
    with hands.turn:  # one Lease for all who act side by side
        hands.ready()
    try:
        said = do(action, hands)
    except NotDone as answer:
        return replace(action, outcome=answer.outcome, said=answer.said)
    except OutcomeUnknownError as error:
        return replace(action, outcome="unknown", said=f"{error.why}; nobody knows whether it was done: look again")
    except ActionError as error:
        return replace(action, outcome="failed", said=hands.redactor.text(error.why))
    return replace(action, outcome="changed", said=said)
