"""Deleting wreckage: never while its cause stands, never without its evidence, never another object than the one seen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acting_pair import Pair, events, is_running, named, next_pull, outcomes, patch, ready_to_delete

from runbook.acting import capturing, midaction
from runbook.errors import DeniedError, EvidenceError

Intercept = Callable[..., list[str]]


class TestNothingIsDeleted:
    def test_with_trust_red_cleanup_selects_nothing_and_says_why(self, pair: Pair) -> None:
        before = pair.pods("notes")
        stage = pair.run("cleanup")
        assert pair.pods("notes") == before
        assert not [a for a in stage.actions if a.object.kind == "Pod" and a.object.namespace == "notes"]
        assert any("registry trust is red" in note for note in stage.notes)
        assert [w for w in pair.writes() if w["verb"] == "delete"] == []

    def test_what_crashes_or_waits_for_a_secret_is_no_wreckage(self, pair: Pair) -> None:
        ready_to_delete(pair)
        stage = pair.run("cleanup")
        mail = [a for a in stage.actions if a.object.namespace == "mail"]
        assert all(a.outcome == "skipped" for a in mail)

    def test_a_release_in_mid_action_keeps_its_pods(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        ready_to_delete(pair)
        monkeypatch.setattr(midaction, "is_reconciling_now", lambda _release: True)
        monkeypatch.setattr(
            midaction, "planned_release", lambda action: replace(action.object, kind="HelmRelease", name="noteboard")
        )
        stage = pair.run("cleanup")
        act = named(stage, "Pod/notes/")
        assert (act.outcome, "in the middle of an action" in act.said) == ("skipped", True)
        assert [w for w in pair.writes() if w["verb"] == "delete"] == []

    def test_evidence_that_cannot_be_read_keeps_the_pod(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        ready_to_delete(pair)

        def denied(*_args: object, **_rest: object) -> None:
            raise DeniedError("logs of the pod", "403 forbidden")

        monkeypatch.setattr("runbook.clients.kubernetes.KubeClient.log", denied)
        stage = pair.run("cleanup")
        act = named(stage, "Pod/notes/")
        assert act.outcome == "failed"
        assert "its evidence could not be read" in act.said
        assert [w for w in pair.writes() if w["verb"] == "delete"] == []

    def test_a_full_disk_while_capturing_stops_before_the_delete(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()

        def full(path: Path, _data: bytes) -> Path:
            raise EvidenceError(f"{path} could not be written: No space left on device")

        monkeypatch.setattr(capturing, "write_whole", full)
        with pytest.raises(EvidenceError, match="No space left"):
            stage.apply()
        assert [w for w in pair.writes() if w["verb"] == "delete"] == []
        assert not any(e.startswith("intended A") for e in events(stage))

    def test_a_pod_made_anew_since_the_plan_is_another_pod(self, pair: Pair) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()
        stage.actions = tuple(replace(a, uid="00000000-dead") for a in stage.actions)
        stage.apply()
        act = named(stage, "Pod/notes/")
        assert (act.outcome, "made anew since the plan" in act.said) == ("failed", True)
        assert [w for w in pair.writes() if w["verb"] == "delete"] == []

    def test_a_pod_that_came_up_since_the_plan_stays(self, pair: Pair) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()
        next_pull(pair, "1s")
        until = time.monotonic() + 60
        while not is_running(pair, named(stage, "Pod/notes/").object):
            assert time.monotonic() < until, "its kubelet does not try again"
            time.sleep(0.05)
        stage.apply()
        act = named(stage, "Pod/notes/")
        assert (act.outcome, "no longer stuck" in act.said) == ("unchanged", True)
        assert [w for w in pair.writes() if w["verb"] == "delete"] == []

    def test_what_was_marked_to_be_kept_since_the_plan_stays(self, pair: Pair) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()
        name = named(stage, "Pod/notes/").object.name
        patch(pair, f"/api/v1/namespaces/notes/pods/{name}", {"metadata": {"labels": {"runbook/keep": "yes"}}})
        stage.apply()
        assert named(stage, "Pod/notes/").outcome == "skipped"
        assert [w for w in pair.writes() if w["verb"] == "delete"] == []


class TestDeleted:
    def test_the_evidence_is_on_disk_before_the_request_is_sent(self, pair: Pair, intercept: Intercept) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        seen: dict[str, Any] = {}

        def look(method: str, path: str) -> None:
            if method == "DELETE":
                (kept,) = (stage.setting.attempt.path / "captures").iterdir()
                seen[path] = json.loads(kept.read_text())
                assert any(e.startswith("intended A") and "delete-pod" in e for e in events(stage))

        intercept(before=look)
        stage.apply()
        ((path, kept),) = seen.items()
        assert "/namespaces/notes/pods/" in path
        assert {"manifest", "events", "owners", "release"} <= {part for part in kept if kept[part]}
        assert all(log["current"] for log in kept["logs"].values())
        assert set(kept["logs"]) == {c["name"] for c in kept["manifest"]["spec"]["containers"]}

    def test_the_owner_chain_and_the_release_are_the_pods_own(self, pair: Pair) -> None:
        ready_to_delete(pair)
        stage = pair.run("cleanup")
        (kept,) = (stage.setting.attempt.path / "captures").iterdir()
        context = json.loads(kept.read_text())
        assert [o["kind"] for o in context["owners"]] == ["ReplicaSet", "Deployment"]
        assert context["release"]["metadata"]["name"] == "noteboard"
        assert any("x509" in (e.get("message") or "") for e in context["events"])

    def test_a_second_apply_changes_nothing(self, pair: Pair) -> None:
        ready_to_delete(pair)
        first = pair.run("cleanup")
        assert named(first, "Pod/notes/").outcome == "changed"
        done = pair.writes()
        second = pair.run("cleanup")
        assert "changed" not in outcomes(second).values()
        assert pair.writes() == done

    def test_apply_pressed_twice_in_one_notebook_looks_again_first(self, pair: Pair) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.apply()
        stage.apply()
        assert [a.outcome for a in stage.actions if a.object.namespace == "notes"] == ["changed"]
        assert len([w for w in pair.writes() if w["verb"] == "delete" and w["status"] < 400]) == 1

    def test_a_finalizer_that_never_goes_is_named(self, pair: Pair) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()
        name = named(stage, "Pod/notes/").object.name
        patch(pair, f"/api/v1/namespaces/notes/pods/{name}", {"metadata": {"finalizers": ["example.com/guard"]}})
        stage.apply()
        assert "waits for example.com/guard" in named(stage, "Pod/notes/").said
        assert name in pair.pods("notes")
