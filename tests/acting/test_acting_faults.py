"""A server that conflicts, throttles, breaks off, denies or forgets: each act ends as done, not done or unknown, never twice."""

from __future__ import annotations

from collections.abc import Callable

import httpcore
import pytest
from acting_pair import Pair, events, named, ready_to_delete, status

from runbook.clients.kubernetes.answers import Answer
from runbook.evidence.acts import CUT

Intercept = Callable[..., list[str]]


def first_of_each(
    answer: Callable[[], Answer | Exception],
) -> Callable[[str, str], Answer | Exception | None]:
    """Answer the first request of each path in the server's place."""
    seen: set[str] = set()

    def hook(method: str, path: str) -> Answer | Exception | None:
        if f"{method} {path}" in seen:
            return None
        seen.add(f"{method} {path}")
        return answer()

    return hook


def deletes(pair: Pair) -> list[str]:
    """Deletions the server carried out."""
    return [w["path"] for w in pair.writes() if w["verb"] == "delete" and w["status"] < 400]


def conflicts(pair: Pair) -> int:
    """Deletions that met a kubelet's write of the pod's status, as they do on a busy machine: each is asked again."""
    return sum(w["verb"] == "delete" and w["status"] == 409 for w in pair.writes())


def test_a_conflict_on_every_first_write_is_looked_at_and_tried_once_more(pair: Pair, intercept: Intercept) -> None:
    ready_to_delete(pair)
    stage = pair.begin("cleanup")
    stage.plan()
    intercept(before=first_of_each(lambda: status(409, "Conflict", "the object has been modified")))
    stage.apply()
    act = named(stage, "Pod/notes/")
    assert act.outcome == "changed"
    assert len(deletes(pair)) == 1
    journal = [e for e in events(stage) if act.id in e.split()[1:2]]
    assert [e.split()[0] for e in journal] == ["intended", "failed"] * (1 + conflicts(pair)) + ["intended", "done"]


def test_429_is_put_again_when_the_server_says_so(pair: Pair, intercept: Intercept) -> None:
    ready_to_delete(pair)
    stage = pair.begin("cleanup")
    stage.plan()
    sent = intercept(before=first_of_each(lambda: status(429, "TooManyRequests", "slow down", **{"Retry-After": "1"})))
    stage.apply()
    assert named(stage, "Pod/notes/").outcome == "changed"
    assert len([s for s in sent if s.startswith("DELETE")]) == 2 + conflicts(pair)
    assert len(deletes(pair)) == 1


def test_an_answer_that_never_came_is_looked_for(pair: Pair, intercept: Intercept) -> None:
    ready_to_delete(pair)
    stage = pair.begin("cleanup")
    stage.plan()
    intercept(after=lambda method, _path: httpcore.ReadError("reset by peer") if method == "DELETE" else None)
    stage.apply()
    act = named(stage, "Pod/notes/")
    assert act.outcome == "changed"
    assert act.object.name not in pair.pods("notes")
    assert len(deletes(pair)) == 1


def test_a_request_that_never_arrived_is_not_called_done(pair: Pair, intercept: Intercept) -> None:
    ready_to_delete(pair)
    stage = pair.begin("cleanup")
    stage.plan()
    intercept(before=lambda method, _path: httpcore.ConnectError("refused") if method == "DELETE" else None)
    stage.apply()
    act = named(stage, "Pod/notes/")
    assert (act.outcome, "it was not done" in act.said) == ("failed", True)
    assert act.object.name in pair.pods("notes")


def test_when_nobody_can_look_either_it_is_unknown_and_the_next_apply_looks(
    pair: Pair, intercept: Intercept, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready_to_delete(pair)
    stage = pair.begin("cleanup")
    stage.plan()
    with monkeypatch.context() as silent:
        intercept(after=lambda method, _path: httpcore.ReadError("reset") if method == "DELETE" else None)
        silent.setattr("runbook.acting.hands.Hands.is_gone", lambda *_args: None)
        stage.apply()
    act = named(stage, "Pod/notes/")
    assert act.outcome == "unknown"
    assert "nobody knows" in act.said
    monkeypatch.undo()
    again = pair.run("cleanup", run=str(stage.setting.run.path))
    assert any(f"{act.id} {act.name}" in note and "it was done" in note for note in again.notes)


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (403, "Forbidden", "pods is forbidden: User cannot delete"),
        (401, "Unauthorized", "the token has expired"),
        (400, "BadRequest", 'admission webhook "guard.example.com" denied the request: not tonight'),
        (500, "InternalError", 'failed calling webhook "guard.example.com": no endpoints available'),
    ],
)
def test_a_refusal_is_said_in_the_servers_words(
    pair: Pair, intercept: Intercept, code: int, reason: str, message: str
) -> None:
    ready_to_delete(pair)
    stage = pair.begin("cleanup")
    stage.plan()
    intercept(before=lambda method, _path: status(code, reason, message) if method == "DELETE" else None)
    stage.apply()
    act = named(stage, "Pod/notes/")
    assert (act.outcome, message in act.said) == ("failed", True)
    assert deletes(pair) == []
    assert act.object.name in pair.pods("notes")


def test_ctrl_c_in_the_middle_leaves_the_act_open_and_the_record_says_so(pair: Pair, intercept: Intercept) -> None:
    ready_to_delete(pair)
    stage = pair.begin("cleanup")
    stage.plan()

    def stop(method: str, _path: str) -> None:
        if method == "DELETE":
            raise KeyboardInterrupt

    intercept(after=stop)
    with pytest.raises(KeyboardInterrupt):
        stage.apply()
    act = named(stage, "Pod/notes/")
    assert (act.outcome, act.said) == ("unknown", CUT)
    assert act.object.name not in pair.pods("notes")


def test_a_lease_whose_first_write_conflicts_is_taken_at_the_second_try(pair: Pair, intercept: Intercept) -> None:
    ready_to_delete(pair)
    stage = pair.begin("cleanup")
    stage.plan()
    intercept(before=first_of_each(lambda: status(409, "Conflict", "object modified")))
    stage.apply()
    lease = pair.get("Lease", "flux-system", "runbook-operator")
    assert lease["spec"]["holderIdentity"] == ""
