"""What has become of a request: each word, from what the object says now, and never a green one before its pass ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.domain.helm import HelmRelease
from runbook.domain.kinds import convert
from runbook.domain.requests import FORCE, REQUESTED, RESET, Reply, asked_at, attempts, reply, request_annotations

TOKEN = "2025-10-17T11:15:58.000000000Z-0f3a9c"
OLDER = "2025-10-17T11:00:00.000000000Z-111111"
PROGRESSING = {
    "Ready": ("Unknown", "Progressing", "running"),
    "Reconciling": ("True", "Progressing", "Running 'upgrade'"),
}
READY = {"Ready": ("True", "UpgradeSucceeded", "Helm upgrade succeeded")}
FAILED = {"Ready": ("False", "UpgradeFailed", "timed out")}
BLOCKED = {
    "Ready": ("False", "DependencyNotReady", "dependency 'ffl/backend' is not ready"),
    "Reconciling": ("True", "Progressing", "Fulfilling prerequisites"),
}
STALLED = {**FAILED, "Stalled": ("True", "RetriesExceeded", "Failed to upgrade after 1 attempt(s)")}


def release(
    conditions: dict[str, tuple[str, str, str]],
    *,
    handled: str = TOKEN,
    asked: str = TOKEN,
    observed: int = 1,
    spec: dict[str, Any] | None = None,
    kind: str = "HelmRelease",
    **status: Any,
) -> Any:
    found = [
        {"type": t, "status": s, "reason": reason, "message": message} for t, (s, reason, message) in conditions.items()
    ]
    metadata = {"name": "web", "namespace": "ffl", "generation": 1, "annotations": {REQUESTED: asked} if asked else {}}
    told = {"observedGeneration": observed, "conditions": found, "lastHandledReconcileAt": handled, **status}
    return convert(kind, {"metadata": metadata, "spec": spec or {}, "status": told})


class TestTheTokenWasHandled:
    @pytest.mark.parametrize(
        ("conditions", "word", "said"),
        [
            (READY, "ready", "Helm upgrade succeeded"),
            (FAILED, "failed", "UpgradeFailed: timed out"),
            (STALLED, "failed", "RetriesExceeded: timed out"),
            (BLOCKED, "blocked", "dependency 'ffl/backend' is not ready"),
            ({"Ready": ("False", "SourceNotReady", "no chart")}, "blocked", "no chart"),
            (PROGRESSING, "waiting", "Running 'upgrade'"),
            ({"Ready": ("Unknown", "Progressing", "in progress")}, "waiting", "in progress"),
            ({**READY, "Reconciling": ("True", "Progressing", "a further pass")}, "waiting", "a further pass"),
        ],
    )
    def test_each_state_has_its_word(self, conditions: Any, word: Any, said: str) -> None:
        assert reply(release(conditions), TOKEN) == Reply(word, said)

    def test_ready_of_an_older_generation_is_waited_for(self) -> None:
        answer = reply(release(READY, observed=0), TOKEN)
        assert (answer.word, "older generation" in answer.said) == ("waiting", True)

    def test_without_a_ready_condition_no_pass_has_ended(self) -> None:
        assert reply(release({}), TOKEN).word == "waiting"

    def test_a_reset_that_met_a_dependency_is_blocked_however_its_own_mark_stands(self) -> None:
        """The token is stored without an act: that the reset was 'handled' proves nothing (semantics 1.6)."""
        swallowed = release(BLOCKED, lastHandledResetAt=TOKEN, history=[{"version": 1}])
        assert reply(swallowed, TOKEN).word == "blocked"
        assert attempts(swallowed) == "v1"

    def test_every_word_but_waiting_is_an_end(self) -> None:
        words = ("waiting", "ready", "failed", "blocked", "suspended", "gone")
        assert [w for w in words if not Reply(w).ended] == ["waiting"]


class TestTheTokenWasNotHandled:
    @pytest.mark.parametrize("conditions", [READY, FAILED, STALLED, BLOCKED, PROGRESSING])
    def test_what_it_says_is_of_an_earlier_pass(self, conditions: Any) -> None:
        assert reply(release(conditions, handled=OLDER), TOKEN).word == "waiting"

    def test_a_later_request_that_took_its_place_answers_for_both(self) -> None:
        """Another tool asked meanwhile: the token of ours never comes, and its pass began after ours was asked."""
        flux = "2025-10-17T13:16:10.123456789+02:00"
        assert reply(release(READY, handled=flux, asked=flux), TOKEN).word == "ready"
        assert reply(release(READY, handled=OLDER, asked=flux), TOKEN).word == "waiting"

    @pytest.mark.parametrize("other", [OLDER, "", "by hand"])
    def test_one_that_is_older_or_of_no_time_does_not(self, other: str) -> None:
        assert reply(release(READY, handled=other, asked=other), TOKEN).word == "waiting"


class TestWithoutAToken:
    """What acts by itself is waited for until it rests."""

    @pytest.mark.parametrize(
        ("conditions", "word"),
        [
            (PROGRESSING, "waiting"),
            ({}, "waiting"),
            (READY, "ready"),
            (FAILED, "failed"),
            (STALLED, "failed"),
            (BLOCKED, "blocked"),
        ],
    )
    def test_it_rests_or_is_waited_for(self, conditions: Any, word: str) -> None:
        assert reply(release(conditions, handled="", asked=""), "").word == word

    def test_a_request_of_somebody_else_that_is_open_is_waited_for(self) -> None:
        assert reply(release(READY, handled=OLDER, asked=TOKEN), "").word == "waiting"


class TestNoAnswerCanCome:
    @pytest.mark.parametrize("token", [TOKEN, ""])
    def test_suspended_is_an_end_whatever_its_conditions_say(self, token: str) -> None:
        assert reply(release(READY, spec={"suspend": True}), token).word == "suspended"

    def test_being_deleted_is_gone_even_when_suspended(self) -> None:
        obj = convert(
            "HelmRelease",
            {
                "metadata": {"name": "web", "namespace": "ffl", "deletionTimestamp": "2025-10-17T11:15:58Z"},
                "spec": {"suspend": True},
            },
        )
        assert reply(obj, TOKEN) == Reply("gone", "it is being deleted")

    def test_an_oci_helm_repository_has_no_controller_to_answer(self) -> None:
        answer = reply(release({}, handled="", kind="HelmRepository", spec={"type": "oci"}), TOKEN)
        assert answer.word == "ready"


class TestTokens:
    @pytest.mark.parametrize(
        ("token", "when"),
        [
            (TOKEN, datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)),
            ("2025-10-17T11:15:58Z", datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)),
            ("2025-10-17T13:15:58.123456789+02:00", datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)),
            ("2025-10-17T06:15:58-05:00", datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)),
            ("2025-10-17T11:15:58", None),
            ("2025-13-17T11:15:58Z", None),
            ("1760699758", None),
            ("", None),
        ],
    )
    def test_the_time_in_a_token_is_told_in_utc(self, token: str, when: datetime | None) -> None:
        assert asked_at(token) == when

    def test_reset_and_force_carry_the_same_token_in_the_same_patch(self) -> None:
        assert request_annotations("t") == {REQUESTED: "t"}
        assert request_annotations("t", also=RESET) == {REQUESTED: "t", RESET: "t"}
        assert request_annotations("t", also=FORCE) == {REQUESTED: "t", FORCE: "t"}

    def test_an_attempt_is_the_newest_revision(self) -> None:
        assert attempts(HelmRelease()) == "none"
        assert attempts(release(READY, history=[{"version": 7}, {"version": 6}])) == "v7"
