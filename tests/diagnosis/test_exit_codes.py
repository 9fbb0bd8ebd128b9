"""How a container ended: an exit code is told in words, and alone makes a hypothesis where nothing else names a cause."""

from __future__ import annotations

from typing import Any

import pytest
import test_own_causes as own
from recorded_worlds import pod, saved
from test_explanation_logs import DENIED, NO_PROGRAM, POD, causes, crashed, world

from runbook.diagnosis import explain
from runbook.diagnosis.catalogue import load
from runbook.diagnosis.classify import classify
from runbook.domain import exitcodes

OURS = own.OURS.replace("- {versions: from 3, reasons: [LicenceExpired]}", "- {exit_codes: [42, 43]}")
assert OURS != own.OURS


@pytest.mark.parametrize("code", [126, 127])
def test_the_codes_of_a_shell_are_a_hypothesis_of_the_command(code: int) -> None:
    found = world(status=crashed(code))
    assert [(c.cause, c.proof, c.object) for c in found.first_causes] == [
        ("container-command-error", "hypothesis", POD)
    ]
    assert f"exit code {code} ({exitcodes.words(code)})" in found.first_causes[0].message
    assert found.first_causes[0].decides


@pytest.mark.parametrize(
    ("code", "words"),
    [(1, "exit code 1"), (139, "exit code 139 (SIGSEGV: "), (137, "exit code 137 (SIGKILL: "), (255, "exit code 255"),
     (132, "exit code 132 (SIGILL)")],
)  # fmt: skip
def test_another_code_is_told_and_names_no_cause(code: int, words: str) -> None:
    found = world(status=crashed(code))
    assert found.first_causes == ()
    (left,) = found.unexplained
    assert words in left.why
    assert [h.cause for h in left.hypotheses] == ["crash-loop"]


def test_words_of_the_state_or_of_the_log_are_better_than_a_code() -> None:
    assert causes(world(DENIED, status=crashed(127))) == [("db-connection", "hypothesis", DENIED)]
    ((cause, proof, _),) = causes(world(status=crashed(127, reason="StartError", message=NO_PROGRAM)))
    assert (cause, proof) == ("container-command-error", "fact")
    ((cause, proof, _),) = causes(world(status=crashed(127, reason="OOMKilled")))
    assert (cause, proof) == ("oom-killed", "fact")


def test_another_cause_that_is_possible_is_not_pushed_aside() -> None:
    two = ("Error: dial tcp 10.0.0.3:5432: connect: connection refused", "Caused by: getaddrinfo ENOTFOUND db.ns")
    found = world(*two, status=crashed(127))
    assert found.first_causes == ()
    assert {h.cause for h in found.unexplained[0].hypotheses} >= {"db-connection", "dns-failure"}


class TestOnesOwn:
    def test_two_containers_of_two_causes_are_none(self) -> None:
        one, other = crashed(127), crashed(42) | {"name": "side"}
        both = pod("ns", "web-0", one, phase="Running")
        both["status"]["containerStatuses"].append(other)
        found = explain(saved(both), catalogue=load([("ours.yaml", OURS)]))
        assert found.first_causes == ()
        assert "exit code 127" in found.unexplained[0].why
        assert "exit code 42" in found.unexplained[0].why

    @pytest.mark.parametrize(("code", "cause"), [(42, "licence-expired"), (43, "licence-expired"), (44, "")])
    def test_a_code_of_the_teams_own_file(self, code: int, cause: str) -> None:
        snapshot = saved(pod("ns", "web-0", crashed(code), phase="Running"))
        found = explain(snapshot, catalogue=load([("ours.yaml", OURS)]))
        assert [(c.cause, c.proof) for c in found.first_causes] == ([(cause, "hypothesis")] if cause else [])

    @pytest.mark.parametrize(("code", "message", "reason", "found"), [
        (42, "boom 7", "Error", True), (42, "", "Error", False), (41, "boom 7", "Error", False), (42, "boom 7", "Completed", False),
    ])  # fmt: skip
    def test_of_a_container_its_reason_and_last_message_count_too(
        self, code: int, message: str, reason: str, found: bool
    ) -> None:
        text = OURS.replace("exit_codes", "match: 'boom \\d', reasons: [Error], exit_codes")
        snapshot = saved(pod("ns", "web-0", crashed(code, reason=reason, message=message), phase="Running"))
        causes_ = [c.cause for c in explain(snapshot, catalogue=load([("ours.yaml", text)])).first_causes]
        assert causes_ == (["licence-expired"] if found else [])

    @pytest.mark.parametrize(
        ("message", "code", "found"),
        [
            ("boom 7", 42, "licence-expired"),
            ("boom 7", 41, "unknown"),
            ("", 42, "unknown"),
            ("boom 7", None, "unknown"),
        ],
    )
    def test_beside_words_both_must_hold(self, message: str, code: int | None, found: str) -> None:
        ours: Any = load([("ours.yaml", OURS.replace("exit_codes", "match: 'boom \\d', exit_codes"))])
        assert classify(message, exit_code=code, catalogue=ours).cause == found


def test_signals_have_their_names() -> None:
    assert [exitcodes.name(code) for code in (137, 139, 143, 1, 127, 255, None)] == [
        "SIGKILL", "SIGSEGV", "SIGTERM", "", "", "", "",
    ]  # fmt: skip
