"""One operator at a time: a coordination.k8s.io Lease, held for the length of an apply and renewed while it waits.

Two operators at once would each prove what the other has changed. The Lease is a promise among people who use this
tool; it does not stop kubectl. Its times are the cluster's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbook.clients.kubernetes import KubeClient
from runbook.clients.kubernetes.writing import Writer
from runbook.clients.permit import Permit
from runbook.errors import (
    ActionError,
    ConflictError,
    DeniedError,
    LockedError,
    MissingError,
    ObservationError,
    OutcomeUnknownError,
    RefusedError,
)
from runbook.evidence import Journal
from runbook.inventory.model import Inventory
from runbook.judgement.permissions import flux_namespace
from runbook.model import ObjectRef

NAME = "runbook-operator"
HINT = "Speak with them first. `without_lease = yes` acts without the Lease, and the record says so."


def lease_ref(inventory: Inventory) -> ObjectRef:
    """Where the Lease lies: in Flux's namespace."""
    return ObjectRef("Lease", flux_namespace(inventory), NAME)


@dataclass
class OperatorLease:
    """`holder` names who acts, from where, in which run. `seconds` of the cluster's time is how long it holds unrenewed."""

    client: KubeClient
    writer: Writer
    journal: Journal
    ref: ObjectRef
    holder: str
    plan: str
    seconds: int
    now: Callable[[], datetime]
    _renewed: datetime | None = None

    def take(self) -> None:
        """Take it, or raise LockedError saying who holds it, or that Leases may not be written."""
        try:
            self._take()
        except ConflictError as error:
            raise LockedError(f"{self.ref} was taken at this very moment: {error.why}", hint=HINT) from error
        except RefusedError as error:
            raise LockedError(f"{self.ref} may not be written: {error.why}", hint=HINT) from error
        except ActionError as error:
            raise LockedError(f"{self.ref} could not be taken: {error.why}", hint=HINT) from error

    def _take(self) -> None:
        """A conflict may be another operator, who is then named, or a server that wants the request once more."""
        for last in (False, True):
            held = read_lease(self.client, self.ref)
            refuse_if_held(held, self.holder, self.now())
            try:
                self._write(held, acquired=True)
            except ConflictError:
                if last:
                    raise
            else:
                return

    def hold(self) -> None:
        """Before an act: take it, or renew it. Raises LockedError as both do."""
        self.take() if self._renewed is None else self.renew()

    def renew(self) -> None:
        """Renew it when a third of its time is over. Raises LockedError when another one has taken it, or it ran out."""
        if self._renewed is None or self.now() - self._renewed < timedelta(seconds=self.seconds / 3):
            return
        try:
            self._write(read_lease(self.client, self.ref), acquired=False)
        except (ActionError, ObservationError) as error:
            if self.now() - self._renewed >= timedelta(seconds=self.seconds):
                raise LockedError(f"{self.ref} could not be renewed in its time: {error.why}", hint=HINT) from error
            # it still holds: an API that is away for some seconds is asked again at the next beat

    def give_back(self) -> None:
        """Let go of it. One that cannot be given back ends by itself, and the journal says so."""
        if self._renewed is None:
            return
        self._renewed = None
        try:
            self._give_back()
        except (ActionError, ObservationError) as error:
            self.journal.append("noted", f"{self.ref} was not given back", why=error.why)
        except LockedError as error:
            self.journal.append("noted", f"{self.ref} was not given back", why=error.message)

    def _give_back(self) -> None:
        for last in (False, True):
            held = read_lease(self.client, self.ref)
            if held is None or _holder(held) != self.holder:
                return
            try:
                self._send(held, {**held["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}, "give back")
            except ConflictError:
                if last:
                    raise
            else:
                return

    def _write(self, held: Mapping[str, Any] | None, *, acquired: bool) -> None:
        now = self.now()
        if held is not None and not acquired and _holder(held) != self.holder:
            raise LockedError(f"{self.ref} is held by {_holder(held) or 'nobody'} now", hint=HINT)
        before = dict(held["spec"]) if held is not None else {}
        spec = {
            **before,
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.seconds,
            "renewTime": _micro(now),
            "acquireTime": _micro(now) if acquired else before.get("acquireTime", _micro(now)),
        }
        self._send(held, spec, "take" if acquired else "renew")
        self._renewed = now

    def _send(self, held: Mapping[str, Any] | None, spec: Mapping[str, Any], verb: str) -> None:
        uid = str(held["metadata"]["uid"]) if held is not None else ""
        what, act = f"{verb} {self.ref}", f"lease-{verb.replace(' ', '-')}"
        request = f"{'POST' if held is None else 'PUT'} {self.ref}"
        entry = self.journal.append("intended", what, act=act, plan=self.plan, uid=uid, request=request)
        permit = Permit(self.plan, act, uid, self.journal.path, entry.offset)
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": dict(spec)}
        try:
            if held is None:
                self.writer.create(self.ref, {**body, "metadata": {"name": self.ref.name}}, permit)
            else:
                kept = {k: held["metadata"][k] for k in ("name", "namespace", "uid", "resourceVersion")}
                self.writer.replace(self.ref, uid, {**body, "metadata": kept}, permit)
        except OutcomeUnknownError as error:
            if not self._is_mine(spec):
                self.journal.append("failed", what, act=act, why=f"looked again, it was not done: {error.why}")
                raise
        except ActionError as error:
            self.journal.append("failed", what, act=act, why=error.why)
            raise
        self.journal.append("done", what, act=act)

    def _is_mine(self, spec: Mapping[str, Any]) -> bool:
        held = read_lease(self.client, self.ref)
        marks = ("holderIdentity", "renewTime")
        return held is not None and all(held["spec"].get(m) == spec.get(m) for m in marks)


def read_lease(client: KubeClient, ref: ObjectRef) -> Mapping[str, Any] | None:
    """The Lease as it is, or None. Raises LockedError when it may not be read, an ObservationError otherwise."""
    try:
        found: Mapping[str, Any] = json.loads(client.get(ref.kind, ref.namespace, ref.name))
    except MissingError:
        return None
    except DeniedError as error:
        raise LockedError(f"whether another operator acts cannot be read: {error.why}", hint=HINT) from error
    return found if isinstance(found.get("spec"), dict) else {**found, "spec": {}}


def refuse_if_held(held: Mapping[str, Any] | None, holder: str, now: datetime) -> None:
    """Raises LockedError when somebody else holds the Lease and its time is not over."""
    if held is None or _holder(held) in ("", holder):
        return
    spec = held["spec"]
    renewed = datetime.fromisoformat(str(spec["renewTime"])) if spec.get("renewTime") else None
    ends = renewed + timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0)) if renewed else None
    if ends is not None and ends <= now:
        return
    until = f", renewed {renewed:%H:%M:%SZ}, held until {ends:%H:%M:%SZ}" if renewed and ends else ""
    raise LockedError(f"{_holder(held)} acts on this cluster now{until}", hint=HINT)


def _holder(held: Mapping[str, Any]) -> str:
    return str(held["spec"].get("holderIdentity") or "")


def _micro(when: datetime) -> str:
    """MicroTime, as Leases have it."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
