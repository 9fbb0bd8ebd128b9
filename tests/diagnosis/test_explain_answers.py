"""What `runbook explain` writes beside the ladder: chains for programs, Markdown, and what Helm knows of a release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from diagnosis_worlds import NOW
from recorded_worlds import RECORDINGS, kind, marks, saved

from runbook.cli.app import call
from runbook.diagnosis.details import details
from runbook.diagnosis.releasedetails import HookJob
from runbook.evidence import explanation_from_json
from runbook.model import Explained, Explanation, FirstCause, Hypothesis, NextAct, ObjectRef, Unexplained
from runbook.stage.answering import cut
from runbook.stage.describing import described
from runbook.stage.naming import Named

SCHEMA = json.loads((Path(__file__).parents[2] / "runbook/schemas/explanation.v1.json").read_text())
HOOK = RECORDINGS / "hook-install-timeout" / "state.json.gz"
WEBHOOK = RECORDINGS / "webhook-unreachable" / "state.json.gz"


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert call(["explain", *words]) == 0
    return capsys.readouterr().out


def test_a_program_gets_each_chain_with_edge_and_proof(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.loads(answer(capsys, "hr/ingest", "--from", str(HOOK), "--format", "json"))
    jsonschema.validate(body, SCHEMA)
    via = {e["kind"]: e["via"] for e in body["first_causes"][0]["explains"]}
    assert via["Pod"] == []
    assert via["HelmRelease"][0].startswith("Job/ingest/ingest-migrate (hook: ")
    assert via["HelmRelease"][-1].endswith("(owns: metadata.ownerReferences)")
    assert explanation_from_json(body).first_causes[0].explains[0].via


def test_an_answer_written_before_there_were_chains_is_still_read(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.loads(answer(capsys, "--from", str(HOOK), "--format", "json"))
    chains = [[e.pop("via") for e in c["explains"]] for c in body["first_causes"]]
    del body["looked_at"]
    jsonschema.validate(body, SCHEMA)
    assert not any(e.via for e in explanation_from_json(body).first_causes[0].explains)
    older = explanation_from_json(body, {"causes": [{"via": v} for v in chains]})
    assert [list(e.via) for e in older.first_causes[0].explains] == chains[0]


def test_the_named_job_stands_in_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    out = answer(capsys, "HelmRelease/ingest", "--from", str(HOOK))
    assert "└ Job/ingest/ingest-migrate: its hook, seen in" in out
    assert out.index("HelmRelease/ingest/ingest") < out.index("└ Job/") < out.index("└ Pod/") < out.index("└ “Back-off")


def test_markdown_is_not_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    table, text = (answer(capsys, "hr/ingest", "--from", str(HOOK), "--format", f) for f in ("table", "markdown"))
    assert text != table
    assert text.startswith("## First causes: 1, 0 unexplained\n")
    assert "\n| Type | Status | Reason |\n| --- | --- | --- |\n" in text
    assert "\n    ```sh\n    kubectl describe pod" in text


def test_a_long_message_is_cut_where_nothing_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    out = " ".join(answer(capsys, "--from", str(WEBHOOK)).split())
    assert "connect: connection refused" in out
    out = " ".join(answer(capsys, "hr/guarded", "--from", str(WEBHOOK)).split())
    assert out.count("connection refused") >= 4, "in the chain, in each condition and in the event"


def test_of_a_partial_recording_one_line_says_what_is_not_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in answer(capsys, "--from", str(HOOK)).split("\n") if "not evaluated" in line]
    (line,) = lines
    assert "21 kinds, not in the input: " in line


def test_secrets_are_cut_from_all_that_is_shown() -> None:
    token = "ghp_" + "a1B2" * 9
    ref = ObjectRef("Pod", "ns", "a")
    held = (Explained(ref, "caused-by", (f"Service/ns/b (calls: its log: “{token}”)",)),)
    found = FirstCause("x", ref, "fact", token, held, NextAct(token, token), captures={"a": token}, words=token)
    left = Unexplained(ref, token, (Hypothesis("x", token, "d"),))
    answer_ = cut(Explanation(NOW, "c", (found,), (left,), ()), (Named(ref, False, token),))
    assert "ghp_" not in repr(answer_)


def release(**status: Any) -> dict[str, Any]:
    return kind("HelmRelease", "ns", "web", status=status)


def hook(name: str, **status: Any) -> dict[str, Any]:
    found = kind("Job", "ns", name, labels=marks("web", "ns"), status=status)
    found["metadata"]["annotations"] = {"helm.sh/hook": "pre-upgrade"}
    return found


class TestWhatHelmKnows:
    REF = ObjectRef("HelmRelease", "ns", "web")
    HISTORY = ({"name": "web", "version": 4, "status": "failed", "action": "upgrade", "chartName": "web", "chartVersion": "1.0.0",
                "appVersion": "2.1", "lastDeployed": "2025-10-17T11:05:18Z"},
               {"name": "web", "version": 3, "status": "superseded", "chartName": "web", "chartVersion": "0.9.0"})  # fmt: skip

    def test_failures_history_and_hook_jobs(self) -> None:
        failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
        seen = saved(
            release(failures=3, upgradeFailures=2, installFailures=1, history=self.HISTORY, lastAttemptedRevision="1.0.0",
                    lastAttemptedReleaseAction="upgrade"),
            hook("web-migrate", active=1), hook("web-check", failed=1, conditions=[failed]),
            hook("web-done", succeeded=1, conditions=[{"type": "Complete", "status": "True"}]), kind("Job", "ns", "other", status={}),
        )  # fmt: skip
        found = details(seen, self.REF)
        assert found is not None
        assert found.release is not None
        helm = found.release
        assert (helm.failures, helm.install_failures, helm.upgrade_failures) == (3, 1, 2)
        assert [(r.version, r.status, r.action, r.chart) for r in helm.history] == [
            (4, "failed", "upgrade", "web 1.0.0"),
            (3, "superseded", "", "web 0.9.0"),
        ]
        assert set(helm.hooks) == {
            HookJob(ObjectRef("Job", "ns", "web-migrate"), "runs", "1 active, 0 succeeded, 0 failed"),
            HookJob(ObjectRef("Job", "ns", "web-check"), "failed", "BackoffLimitExceeded: too often"),
            HookJob(ObjectRef("Job", "ns", "web-done"), "ended", "0 active, 1 succeeded, 0 failed"),
        }
        text = " ".join(described(found, seen.observed_at).text().split())
        assert "Failures: 3, of installs 1, of upgrades 2; last attempted: 1.0.0, upgrade." in text
        assert "4 failed upgrade web 1.0.0 2.1" in text
        assert "3 superseded not said web 0.9.0 not said" in text
        assert "Job/ns/web-check failed" in text

    def test_none_of_it_is_said_too(self) -> None:
        seen = saved(release())
        found = details(seen, self.REF)
        assert found is not None
        text = " ".join(described(found, seen.observed_at).text().split())
        assert "Failures: 0" in text
        assert "History, newest first 0 none is kept in its status" in text
        assert "Hook Jobs 0 none is there now" in text

    def test_other_kinds_have_none(self) -> None:
        found = details(saved(kind("Job", "ns", "a", status={})), ObjectRef("Job", "ns", "a"))
        assert found is not None
        assert found.release is None
