"""The operator's Lease while an API is away, when another takes it, and at the end: it holds no longer than it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpcore
import pytest
import stamina
from acting_pair import status
from acting_wire import Wire, said

from runbook.acting.hands import performed
from runbook.acting.operatorlease import OperatorLease
from runbook.clients.kubernetes.answers import Answer
from runbook.clients.kubernetes.wire import Request
from runbook.errors import EvidenceError, LockedError
from runbook.evidence import read_journal
from runbook.model import Action, ObjectRef
from runbook.stage import applying

REF = ObjectRef("Lease", "flux-system", "runbook-operator")
COLLECTION = "/apis/coordination.k8s.io/v1/namespaces/flux-system/leases"
PATH = f"{COLLECTION}/{REF.name}"
ME, OTHER = "me@here run/1", "she@there run/2"
AWAY = httpcore.ConnectError("refused")


class Office:
    """A Lease as a server keeps it, in front of a wire, and the clock of the cluster."""

    def __init__(self, folder: Path) -> None:
        self.wire = Wire(folder, frozenset({REF.namespace}))
        self.clock = datetime(2025, 10, 17, 11, 0, tzinfo=UTC)
        self.wire.answer = self.answer
        self.fails: list[Answer | Exception] = []  # what the next writes are answered in the server's place
        self.lease = OperatorLease(
            self.wire.client, self.wire.writer, self.wire.journal, REF, ME, "plan", 120, lambda: self.clock
        )

    def answer(self, request: Request) -> Answer:
        if self.fails:
            failure = self.fails.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        return self.store(request)

    def store(self, request: Request) -> Answer:
        body = json.loads(request.body or b"")
        number = str(len(self.wire.sent))
        body["metadata"] = {"name": REF.name, "namespace": REF.namespace, "uid": "u-lease", "resourceVersion": number}
        self.wire.reads[PATH] = body
        return said(body)

    def away(self) -> dict[str, Any]:
        """The API cannot be reached; gives what it kept."""
        kept: dict[str, Any] = self.wire.reads[PATH]
        self.wire.reads[PATH] = AWAY
        return kept

    def later(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)

    def holder(self) -> str:
        return str(self.wire.reads[PATH]["spec"]["holderIdentity"])

    def events(self) -> list[str]:
        return [f"{e.event} {e.what}" for e in read_journal(self.wire.journal.path).entries]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    stamina.set_testing(True)  # one try for each request, and no pause: the waits have tests of their own
    yield Office(tmp_path)
    stamina.set_testing(False)


@pytest.fixture
def held(office: Office) -> Office:
    office.lease.take()
    return office


class TestRenewing:
    def test_it_is_renewed_when_a_third_of_its_time_is_over_and_not_before(self, held: Office) -> None:
        held.later(39)
        held.lease.renew()
        assert held.wire.asked() == [f"POST {COLLECTION}"]
        held.later(1)
        held.lease.hold()
        assert held.wire.asked()[1:] == [f"PUT {PATH}"]
        spec = held.wire.reads[PATH]["spec"]
        assert (spec["acquireTime"], spec["renewTime"]) == (
            "2025-10-17T11:00:00.000000Z",
            "2025-10-17T11:00:40.000000Z",
        )

    def test_an_api_that_is_away_while_it_holds_ends_nothing_and_is_asked_again(self, held: Office) -> None:
        kept = held.away()
        for _ in range(3):
            held.later(25)
            held.lease.renew()
        held.wire.reads[PATH] = kept
        held.later(25)
        held.lease.renew()
        assert held.wire.reads[PATH]["spec"]["renewTime"] == "2025-10-17T11:01:40.000000Z"

    def test_one_that_ran_out_ends_the_apply_before_its_next_act(self, held: Office) -> None:
        held.away()
        held.later(119)
        done: list[str] = []
        hands: Any = SimpleNamespace(ready=held.lease.hold, turn=threading.Lock())
        act = Action("A1", "delete-pod", ObjectRef("Pod", "ffl", "web"), "r", "u", "c")
        performed(act, lambda a, _hands: done.append(a.id) or "done", hands)
        held.later(1)
        with pytest.raises(LockedError, match="could not be renewed in its time") as caught:
            performed(act, lambda a, _hands: done.append(a.id) or "done", hands)
        assert (done, caught.value.exit_code) == (["A1"], 2)

    def test_a_renewal_that_was_refused_ends_nothing_while_it_holds(self, held: Office) -> None:
        held.fails = [status(500, "InternalError", "etcdserver: leader changed"), status(409, "Conflict", "modified")]
        for _ in range(2):
            held.later(45)
            held.lease.renew()
        held.later(1)
        held.lease.renew()
        assert held.events()[-2:] == [f"intended renew {REF}", f"done renew {REF}"]

    def test_a_renewal_that_was_not_answered_and_was_done_is_done(self, held: Office) -> None:
        real = held.wire.answer

        def done_in_silence(request: Request) -> Answer:
            real(request)
            raise httpcore.ReadError("reset")

        held.wire.answer = done_in_silence
        held.later(50)
        held.lease.renew()
        assert held.events()[-1] == f"done renew {REF}"

    def test_one_that_another_has_taken_ends_the_apply_at_once(self, held: Office) -> None:
        held.wire.reads[PATH]["spec"]["holderIdentity"] = OTHER
        held.later(50)
        with pytest.raises(LockedError, match=f"is held by {OTHER} now"):
            held.lease.renew()
        assert len(held.wire.sent) == 1

    def test_a_lease_that_was_deleted_is_made_again(self, held: Office) -> None:
        del held.wire.reads[PATH]
        held.later(50)
        held.lease.renew()
        assert held.holder() == ME


class TestGivingBack:
    def test_it_is_nobodys_then_and_is_not_given_back_twice(self, held: Office) -> None:
        held.lease.give_back()
        assert held.holder() == ""
        held.lease.give_back()
        assert len(held.wire.sent) == 2

    def test_one_that_was_never_taken_is_left_alone(self, office: Office) -> None:
        office.lease.give_back()
        assert (office.wire.sent, office.wire.journal.path.exists()) == ([], False)

    def test_anothers_is_left_alone(self, held: Office) -> None:
        held.wire.reads[PATH]["spec"]["holderIdentity"] = OTHER
        held.lease.give_back()
        assert (held.holder(), len(held.wire.sent)) == (OTHER, 1)

    @pytest.mark.parametrize("how", ["away", "denied", "refused", "unknown"])
    def test_one_that_cannot_be_given_back_is_noted_and_hides_no_error(
        self, held: Office, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Through Apply itself: what ended it is what is raised."""
        journal = held.wire.journal
        hands: Any = SimpleNamespace(journal=journal, plan="plan")

        def broken(*_: Any) -> None:
            if how == "away":
                held.away()
            elif how == "denied":
                monkeypatch.setattr(
                    held.wire.client.transport, "_once", lambda *_: status(403, "Forbidden", "leases is forbidden")
                )
            held.fails = [status(403, "Forbidden", "no")] if how == "refused" else [httpcore.ReadError("reset")] * 2
            raise EvidenceError("captures could not be written: No space left on device")

        for name, made in (("_hands", hands), ("_lease", held.lease), ("settle_earlier", [])):
            monkeypatch.setattr(applying, name, lambda *_, made=made: made)
        monkeypatch.setattr(applying, "_rounds", broken)
        setting: Any = SimpleNamespace(run=None, attempt=None)
        with pytest.raises(EvidenceError, match="No space left"):
            applying.apply(setting, None, (), 0.0)  # type: ignore[arg-type]
        assert held.events()[-1] == f"noted {REF} was not given back"


class TestTaking:
    def test_anothers_that_holds_is_refused_by_name_and_nothing_is_written(self, held: Office) -> None:
        her = OperatorLease(
            held.wire.client, held.wire.writer, held.wire.journal, REF, OTHER, "plan", 120, lambda: held.clock
        )
        held.later(119)
        with pytest.raises(
            LockedError, match=f"{ME} acts on this cluster now, renewed 11:00:00Z, held until 11:02:00Z"
        ):
            her.hold()
        assert len(held.wire.sent) == 1
        held.later(1)
        her.hold()
        assert held.holder() == OTHER

    def test_one_that_may_not_be_written_stops_before_the_first_act(self, office: Office) -> None:
        office.fails = [status(403, "Forbidden", "leases is forbidden")]
        with pytest.raises(LockedError, match="may not be written") as caught:
            office.lease.hold()
        assert "without_lease" in caught.value.hint

    def test_two_at_the_same_moment(self, office: Office) -> None:
        """The server lets one win; the other looks again and is told who it was."""
        won = {
            "metadata": {"name": REF.name, "uid": "u"},
            "spec": {"holderIdentity": OTHER, "leaseDurationSeconds": 120},
        }
        won["spec"]["renewTime"] = "2025-10-17T11:00:00.000000Z"

        def lost(_request: Request) -> Answer:
            office.wire.reads[PATH] = won
            return status(409, "AlreadyExists", "leases already exists")

        office.wire.answer = lost
        with pytest.raises(LockedError, match=f"{OTHER} acts on this cluster now"):
            office.lease.take()
        assert office.events() == [f"intended take {REF}", f"failed take {REF}"]
