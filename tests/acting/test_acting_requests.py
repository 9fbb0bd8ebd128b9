"""Asking Flux: in order, only where nothing stands in the way, answered by that very token, and never twice for nothing."""

from __future__ import annotations

import pytest
from acting_pair import Pair, named, outcomes, patch, ready_to_delete

from runbook.domain.readiness import REQUESTED
from runbook.domain.requests import Reply

RELEASE = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/notes/helmreleases/noteboard"

EXHAUSTED = [
    {"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": "timed out"},
    {
        "type": "Stalled",
        "status": "True",
        "reason": "RetriesExceeded",
        "message": "Failed to upgrade after 1 attempt(s)",
    },
]


def healed(pair: Pair) -> None:
    """Trust restored, wreckage removed: what is left is to ask."""
    ready_to_delete(pair)
    pair.run("cleanup")


def test_an_exhausted_release_is_reset_and_its_answer_awaited(pair: Pair) -> None:
    healed(pair)
    stage = pair.run("reconcile")
    act = named(stage, "reset-release HelmRelease/notes/noteboard")
    assert act.outcome == "changed"
    assert "answered ready" in act.said
    release = pair.get("HelmRelease", "notes", "noteboard")
    token = release["metadata"]["annotations"][REQUESTED]
    assert token in act.said
    assert release["metadata"]["annotations"]["reconcile.fluxcd.io/resetAt"] == token
    assert release["status"]["lastHandledReconcileAt"] == token
    written = [w for w in pair.writes() if w["verb"] != "delete"]
    assert {w["resource"].partition(".")[0] for w in written} == {"leases", "helmreleases"}
    assert [w["query"] for w in written] == ["fieldManager=runbook"] * len(written)
    lease = pair.get("Lease", "flux-system", "runbook-operator")  # a scenario's own objects carry no managedFields
    assert [m["manager"] for m in lease["metadata"]["managedFields"]] == ["runbook"]


def test_a_release_whose_cause_stands_is_not_asked(pair: Pair) -> None:
    healed(pair)
    stage = pair.run("reconcile")
    act = named(stage, "HelmRelease/mail/postbox")
    assert act.outcome == "skipped"
    assert "sealed-secret-key-mismatch" in act.said
    assert not [w for w in pair.writes() if w["name"] == "postbox"]


def test_a_second_apply_asks_nothing(pair: Pair) -> None:
    healed(pair)
    pair.run("reconcile")
    done = pair.writes()
    second = pair.run("reconcile")
    assert "changed" not in outcomes(second).values()
    assert pair.writes() == done


def test_a_release_that_failed_again_after_its_reset_is_reset_only_by_a_named_decision(pair: Pair) -> None:
    healed(pair)
    pair.run("reconcile")
    release = pair.get("HelmRelease", "notes", "noteboard")
    revision = release["status"]["history"][0]
    before = {**revision, "version": revision["version"] - 1}
    failed, counted = {**revision, "status": "failed"}, {"failures": 1, "upgradeFailures": 1}
    patch(pair, f"{RELEASE}/status", {"status": {**counted, "history": [failed, before], "conditions": EXHAUSTED}})
    done = pair.writes()
    second = pair.run("reconcile")
    asked = named(second, "reset-release HelmRelease/notes/noteboard")
    assert (asked.outcome, "nothing that was looked at has changed since" in asked.said) == ("skipped", True)
    assert named(second, "force-release HelmRelease/notes/noteboard").outcome == "skipped"
    assert pair.writes() == done
    names = ", ".join(f"{kind}-release HelmRelease/notes/noteboard" for kind in ("force", "reset"))
    decided = pair.run("reconcile", consent=names)
    (act,) = [a for a in decided.actions if a.outcome == "changed"]
    assert (act.kind, "answered ready" in act.said) == ("reset-release", True), (
        "the milder rung first, and it healed it"
    )
    sent = [w for w in pair.writes()[len(done) :] if w["name"] == "noteboard"]
    assert len(sent) == 1


def test_what_was_suspended_since_the_plan_is_left_alone(pair: Pair) -> None:
    healed(pair)
    stage = pair.begin("reconcile")
    stage.plan()
    patch(pair, RELEASE, {"spec": {"suspend": True}})
    stage.apply()
    act = next(a for a in stage.actions if a.kind == "reset-release" and a.object.name == "noteboard")
    assert (act.outcome, "suspended since the plan" in act.said) == ("skipped", True)


def test_a_suspended_object_is_offered_and_resumed_only_by_a_named_decision(pair: Pair) -> None:
    healed(pair)
    patch(pair, RELEASE, {"spec": {"suspend": True}})
    offered = pair.run("reconcile")
    act = named(offered, "resume HelmRelease/notes/noteboard")
    assert (act.outcome, pair.get("HelmRelease", "notes", "noteboard")["spec"]["suspend"]) == ("skipped", True)
    decided = pair.run("reconcile", consent=act.name)
    assert named(decided, "resume HelmRelease/notes/noteboard").outcome == "changed"
    assert not pair.get("HelmRelease", "notes", "noteboard")["spec"].get("suspend")


def test_an_answer_that_does_not_come_in_time_is_said_and_not_called_green(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    healed(pair)
    monkeypatch.setattr("runbook.acting.awaiting.reply", lambda *_: Reply("waiting", "Running 'upgrade' action"))
    stage = pair.begin("reconcile", wait="1s")
    stage.plan()
    stage.apply()
    act = named(stage, "reset-release HelmRelease/notes/noteboard")
    assert act.outcome == "changed"
    assert act.said.endswith("; not answered within 1s: Running 'upgrade' action")
    assert "answered ready" not in act.said
