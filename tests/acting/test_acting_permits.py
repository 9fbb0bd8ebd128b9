"""No change without its permit: each promise is broken at the client itself, and no request may have left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpcore
import pytest
from acting_pair import Pair, status
from acting_wire import Wire

from runbook.clients.kubernetes.answers import Answer
from runbook.clients.kubernetes.wire import Request
from runbook.clients.nodewriting import identity, write_file
from runbook.clients.permit import Permit
from runbook.errors import ActionError, ConflictError, OutcomeUnknownError, RefusedError
from runbook.inventory.model import NodeEntry, Transport
from runbook.judgement.permissions import writes
from runbook.model import ObjectRef
from runbook.stage import applying

POD, OTHER = ObjectRef("Pod", "ffl", "web"), ObjectRef("Pod", "ffl", "web2")
PLAN, UID = "a" * 16, "uid-web"
LABEL = {"metadata": {"labels": {"a": "b"}}}


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path)


def permit(wire: Wire, request: str = f"PATCH {POD}", **changed: Any) -> Permit:
    """A good permit, with its line in the journal; `changed` are fields of the permit alone."""
    facts = {"act": "A1", "plan": PLAN, "uid": UID, "request": request}
    entry = wire.journal.append("intended", "A1 something", **facts)
    given = {"plan": PLAN, "action": "A1", "uid": UID, "journal": wire.journal.path, "offset": entry.offset}
    return Permit(**{**given, **changed})


def patch(wire: Wire, given: Permit, ref: ObjectRef = POD, uid: str = UID) -> None:
    wire.writer.patch(ref, uid, LABEL, given)


class TestWhatAPermitIsFor:
    def test_the_one_request_it_was_made_for_and_that_once(self, wire: Wire) -> None:
        given = permit(wire)
        patch(wire, given)
        with pytest.raises(RefusedError, match="was used before"):
            patch(wire, given)
        assert wire.asked() == ["PATCH /api/v1/namespaces/ffl/pods/web"]
        (sent,) = wire.sent
        assert json.loads(sent.body or b"") == {"metadata": {"labels": {"a": "b"}, "uid": UID}}
        assert sent.query["fieldManager"] == "runbook"

    def test_a_request_that_was_refused_by_the_server_has_used_it_too(self, wire: Wire) -> None:
        wire.answer = lambda _r: status(409, "Conflict", "modified")
        given = permit(wire)
        with pytest.raises(ConflictError):
            patch(wire, given)
        with pytest.raises(RefusedError, match="was used before"):
            patch(wire, given)
        assert len(wire.sent) == 1

    @pytest.mark.parametrize(
        "break_it",
        [
            lambda w: patch(w, permit(w), uid="uid-of-a-namesake"),
            lambda w: patch(w, permit(w, uid="uid-of-another"), uid="uid-of-another"),
            lambda w: patch(w, permit(w, plan="b" * 16)),
            lambda w: patch(w, permit(w, action="A2")),
            lambda w: patch(w, permit(w), ref=OTHER),
            lambda w: w.writer.delete(POD, UID, "7", permit(w)),
            lambda w: w.writer.replace(POD, UID, {}, permit(w)),
            lambda w: w.writer.create(OTHER, {}, permit(w, f"POST {POD}", uid="")),
        ],
        ids=[
            "another uid", "another uid than the journal's", "another plan", "another act", "another object",
            "a deletion with a patch's", "a replacement with a patch's", "another creation",
        ],
    )  # fmt: skip
    def test_nothing_else(self, wire: Wire, break_it: Callable[[Wire], None]) -> None:
        with pytest.raises(RefusedError):
            break_it(wire)
        assert wire.sent == []


class TestTheLineInTheJournal:
    def test_no_line_no_request(self, wire: Wire, tmp_path: Path) -> None:
        for bad in (
            permit(wire, offset=10_000),
            permit(wire, offset=3),
            permit(wire, journal=tmp_path / "another.jsonl"),
            permit(wire, journal=tmp_path),
        ):
            with pytest.raises(RefusedError, match="A1 is not in the journal as intended"):
                patch(wire, bad)
        assert wire.sent == []

    @pytest.mark.parametrize("line", ['"intended"', "[]", '{"event": "done", "facts": {}}', '{"event": "int'])
    def test_a_line_that_says_something_else(self, wire: Wire, line: str) -> None:
        wire.journal.path.write_text(line + "\n")
        with pytest.raises(RefusedError, match="not in the journal"):
            patch(wire, Permit(PLAN, "A1", UID, wire.journal.path, 0))
        assert wire.sent == []

    def test_a_line_of_an_act_that_has_ended(self, wire: Wire) -> None:
        facts = {"act": "A1", "plan": PLAN, "uid": UID, "request": f"PATCH {POD}"}
        entry = wire.journal.append("done", "A1 something", **facts)
        with pytest.raises(RefusedError, match="not in the journal"):
            patch(wire, Permit(PLAN, "A1", UID, wire.journal.path, entry.offset))
        assert wire.sent == []

    def test_a_journal_that_was_cut_after_the_line_was_written(self, wire: Wire) -> None:
        given = permit(wire)
        text = wire.journal.path.read_bytes()
        wire.journal.path.write_bytes(text[:-20])
        with pytest.raises(RefusedError, match="not in the journal"):
            patch(wire, given)
        assert wire.sent == []


class TestWhere:
    @pytest.mark.parametrize("namespace", ["kube-system", ""])
    def test_outside_the_inventorys_namespaces_nothing_is_sent_whatever_the_permit(
        self, wire: Wire, namespace: str
    ) -> None:
        ref = ObjectRef("Pod" if namespace else "Node", namespace, "web")
        calls: dict[str, Callable[[Permit], Any]] = {
            "PATCH": lambda p: wire.writer.patch(ref, UID, LABEL, p),
            "DELETE": lambda p: wire.writer.delete(ref, UID, "7", p),
            "PUT": lambda p: wire.writer.replace(ref, UID, {}, p),
            "POST": lambda p: wire.writer.create(ref, {}, p),
        }
        for method, call in calls.items():
            with pytest.raises(RefusedError, match="the inventory does not speak of the namespace"):
                call(permit(wire, f"{method} {ref}", uid="" if method == "POST" else UID))
        assert wire.sent == []

    @pytest.mark.parametrize("stage", ["registry-trust", "cleanup", "reconcile"])
    def test_a_stages_writer_reaches_what_preflight_asked_leave_for_and_no_more(self, still: Pair, stage: str) -> None:
        still.edit(lambda data: data["sealed_secrets"].__setitem__("namespace", "sealing"))
        opened = still.begin(stage)
        hands = applying._hands(opened.setting, PLAN, time.monotonic())
        allowed = {p.namespace for p in writes(stage, opened.setting.file.inventory)}
        assert ("sealing" in allowed) is (stage == "reconcile")
        for namespace in ("sealing", "mail", "flux-system", "default"):
            ref = ObjectRef("Pod", namespace, "web")
            given = Permit(PLAN, "A1", UID, opened.setting.attempt.journal.path, 0)
            said = "not in the journal" if namespace in allowed else "the inventory does not speak"
            with pytest.raises(RefusedError, match=said):
                hands.writer.patch(ref, UID, LABEL, given)
        assert still.writes() == []


class TestAnswers:
    """What the server's word means for the act: refused, moved on, or nobody knows."""

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (status(404, "NotFound", "pods web not found"), ConflictError),
            (status(409, "Conflict", "modified"), ConflictError),
            (status(422, "Invalid", "metadata.uid: Invalid value"), ConflictError),
            (status(422, "Invalid", "spec.x: Invalid value"), RefusedError),
            (status(403, "Forbidden", "no"), RefusedError),
            (status(429, "TooManyRequests", "slow down"), RefusedError),
            (status(500, "InternalError", 'failed calling webhook "a.b"'), RefusedError),
            (status(500, "InternalError", "etcdserver: request timed out"), OutcomeUnknownError),
            (status(504, "Timeout", "the request may have been done"), OutcomeUnknownError),
            (httpcore.ReadError("reset"), OutcomeUnknownError),
        ],
    )
    def test_each_is_told_apart(self, wire: Wire, answer: Answer | Exception, kind: type[ActionError]) -> None:
        def answered(_request: Request) -> Answer:
            if isinstance(answer, Exception):
                raise answer
            return answer

        wire.answer = answered
        with pytest.raises(kind) as caught:
            patch(wire, permit(wire))
        assert type(caught.value) is kind

    def test_an_object_that_is_gone_need_not_be_deleted(self, wire: Wire) -> None:
        wire.answer = lambda _r: status(404, "NotFound", "gone")
        wire.writer.delete(POD, UID, "7", permit(wire, f"DELETE {POD}"))
        (sent,) = wire.sent
        assert json.loads(sent.body or b"")["preconditions"] == {"uid": UID, "resourceVersion": "7"}


class TestANodesFile:
    NODE = NodeEntry(name="n1", runtime="docker", transport=Transport(kind="local", root="root"))
    PATH = "/etc/docker/certs.d/r:5000/ca.crt"

    def given(self, wire: Wire, request: str = "", **changed: Any) -> Permit:
        where = identity(self.NODE, self.PATH)
        entry = wire.journal.append(
            "intended", "x", act="A1", plan=PLAN, uid=where, request=request or f"WRITE {where}"
        )
        return Permit(**{"plan": PLAN, "action": "A1", "uid": where, "journal": wire.journal.path,
                         "offset": entry.offset, **changed})  # fmt: skip

    def test_it_is_written_once_with_one_permit(self, wire: Wire, tmp_path: Path) -> None:
        given = self.given(wire)
        (tmp_path / "root").mkdir()
        write_file(self.NODE, tmp_path, self.PATH, b"one", given)
        with pytest.raises(RefusedError, match="was used before"):
            write_file(self.NODE, tmp_path, self.PATH, b"two", given)
        assert (tmp_path / "root" / self.PATH.lstrip("/")).read_bytes() == b"one"

    def test_not_another_path_not_without_its_line(self, wire: Wire, tmp_path: Path) -> None:
        (tmp_path / "root").mkdir()
        for path, given in (
            ("/etc/shadow", self.given(wire)),
            (self.PATH, self.given(wire, plan="b" * 16)),
            (self.PATH, self.given(wire, request="DELETE Pod/ffl/web")),
        ):
            with pytest.raises(RefusedError):
                write_file(self.NODE, tmp_path, path, b"x", given)
        assert list((tmp_path / "root").iterdir()) == []
