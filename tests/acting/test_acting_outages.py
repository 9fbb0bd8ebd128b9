"""The worst moments of an apply, over a real wire: the API restarts, a token expires, a namespace ends, somebody stops it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from acting_pair import HOST, Pair, ask, events, fault, journalled, named, patch, ready_to_delete, served

from runbook.display import Talk
from runbook.errors import LockedError, VerdictFailed
from runbook.evidence import Run, read_journal
from runbook.evidence.results import action_from_json
from runbook.runner import Acting, run_stage

Intercept = Callable[..., list[str]]
PODS = "/api/v1/namespaces/notes/pods"
ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
CA = Path("nodes/pair-1/etc/docker/certs.d") / HOST / "ca.crt"

pytestmark = pytest.mark.filterwarnings("ignore::Warning:zmq", "ignore::Warning:jupyter_client")


def books_balance(pair: Pair, run: Path) -> bool:
    return journalled([Run.load(run)]) == served(pair)


class TestTheApiRestarts:
    @pytest.mark.parametrize(
        ("done", "outcome", "said"),
        [(True, "changed", "deleted"), pytest.param(False, "failed", "not done", marks=pytest.mark.tier2)],
    )
    def test_in_the_middle_of_a_deletion_which_is_then_looked_for(
        self, pair: Pair, done: bool, outcome: str, said: str
    ) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()
        fault(pair, "restart", methods=["DELETE"], path=PODS, done=done, seconds=0.1, times=1)
        stage.apply()
        act = named(stage, "Pod/notes/")
        assert (act.outcome, said in act.said) == (outcome, True)
        assert books_balance(pair, stage.setting.run.path)
        assert pair.get("Lease", "flux-system", "runbook-operator")["spec"]["holderIdentity"] == ""

    @pytest.mark.tier2
    def test_and_stays_away_longer_than_anybody_asks(self, pair: Pair) -> None:
        """Then nobody knows; the Lease runs out by itself; the next apply looks."""
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()
        fault(pair, "restart", methods=["DELETE"], path=PODS, done=True, seconds=3, times=1)
        stage.apply()
        act = named(stage, "Pod/notes/")
        assert (act.outcome, "nobody knows whether it was done" in act.said) == ("unknown", True)
        assert events(stage)[-2].endswith("was not given back")
        returned(pair)
        again = pair.run("cleanup", run=str(stage.setting.run.path), without_lease="yes")
        assert any(f"{act.id} {act.name}" in note and "it was done" in note for note in again.notes)
        assert books_balance(pair, stage.setting.run.path)

    def test_while_an_answer_is_awaited(self, pair: Pair) -> None:
        ready_to_delete(pair)
        pair.run("cleanup")
        stage = pair.begin("reconcile")
        stage.plan()
        fault(pair, "restart", methods=["PATCH"], path="helmreleases", done=True, seconds=0.1, times=1)
        stage.apply()
        act = named(stage, "reset-release HelmRelease/notes/noteboard")
        assert (act.outcome, "answered ready" in act.said) == ("changed", True)
        assert books_balance(pair, stage.setting.run.path)


class TestATokenExpires:
    def test_before_the_request_nothing_is_done_and_the_end_is_said(self, pair: Pair, intercept: Intercept) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()

        def expire(method: str, _path: str) -> None:
            if method == "DELETE":
                fault(pair, "expired", methods=ANY, path="^/api")

        intercept(before=expire)
        stage.apply()
        act = named(stage, "Pod/notes/")
        assert (act.outcome, "401 Unauthorized" in act.said) == ("failed", True)
        assert events(stage)[-2].endswith("was not given back")
        stage.prove()
        with pytest.raises(VerdictFailed) as caught:
            stage.record()
        assert caught.value.exit_code == 1
        assert stage.result is not None
        assert (stage.result.verdict.value, [a.outcome for a in stage.result.actions if a.id == act.id]) == (
            "error",
            ["failed"],
        )


class TestANamespaceEnds:
    def test_between_plan_and_act_each_deletion_is_still_captured_and_told(self, pair: Pair) -> None:
        ready_to_delete(pair)
        stage = pair.begin("cleanup")
        stage.plan()
        fault(pair, "terminating", namespace="notes")
        stage.apply()
        act = named(stage, "Pod/notes/")
        assert (act.outcome, act.object.name in pair.pods("notes")) == ("changed", False)
        assert (stage.setting.attempt.path / "captures" / f"{act.id}-Pod-{act.object.name}.json").is_file()
        assert books_balance(pair, stage.setting.run.path)

    def test_the_leases_own_nothing_is_done_without_one(self, pair: Pair) -> None:
        stage = pair.begin("registry-trust")
        stage.plan()
        fault(pair, "terminating", namespace="flux-system")
        with pytest.raises(LockedError, match=r"may not be written: 403 .* is being terminated"):
            stage.apply()
        assert named(stage, "install-registry-ca").outcome == "planned"
        assert not (pair.cluster.state / CA).exists()
        assert not any(e.startswith("intended A") for e in events(stage))


def wrecked(pair: Pair) -> str:
    """A pod that stays wreckage for as long as a test lasts; gives the name of its deletion."""
    spec = {"containers": [{"name": "c", "image": "docker.io/library/traefik:v3.2.1"}]}
    ask(pair, "POST", PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "wreck"}, "spec": spec})
    until(pair, "wreck")
    patch(pair, f"{PODS}/wreck/status", {"status": {"phase": "Failed"}})
    return "delete-pod Pod/notes/wreck"


def returned(pair: Pair) -> None:
    """The API is back."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            ask(pair, "GET", PODS)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the API did not come back")


def until(pair: Pair, name: str) -> None:
    """A pod of that name runs."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        pods = ask(pair, "GET", PODS)["items"]
        if any(name in p["metadata"]["name"] and p["status"].get("phase") == "Running" for p in pods):
            return
        time.sleep(0.05)
    pytest.fail(f"{name} does not run")


class Stopped:
    """One stage through the runner, in this process, stopped by a signal when the newest fault has struck."""

    def __init__(self, pair: Pair, stage: str, number: signal.Signals, consent: str = "") -> None:
        self.pair = pair
        watcher = threading.Thread(target=self._stop, args=(number,), daemon=True)
        watcher.start()
        self.outcome = run_stage(
            stage,
            inventory=pair.inventory,
            outputs=pair.outputs,
            kubeconfig=str(pair.cluster.kubeconfig),
            talk=Talk(),
            acting=Acting(confirm="pair", consent=consent),
        )
        watcher.join(1)
        assert self.outcome.attempt_path is not None
        self.attempt = self.outcome.attempt_path
        self.result: dict[str, Any] = json.loads((self.attempt / "result.json").read_text())

    def _stop(self, number: signal.Signals) -> None:
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            if ask(self.pair, "GET", "/faults")["items"][-1]["struck"]:
                time.sleep(0.2)  # the refusal is read, and the pause before the next try has begun
                os.kill(os.getpid(), number)
                return
            time.sleep(0.05)

    def is_recorded(self, code: int) -> None:
        assert self.outcome.exit_code == code
        assert (self.result["verdict"], self.result["ended_as"]) == ("error", "interrupted")
        assert self.result["mode"] == "apply"
        assert read_journal(self.attempt / "journal.jsonl").entries[-1].event == "interrupted"
        assert Run.load(self.attempt.parent).stages[-1].verdict is not None
        assert self.pair.get("Lease", "flux-system", "runbook-operator")["spec"]["holderIdentity"] == ""
        runs = [Run.load(p.parent) for p in self.pair.outputs.glob("*/run.json")]
        assert journalled(runs) == served(self.pair)

    def acts(self) -> dict[str, str]:
        return {action_from_json(a).name: a["outcome"] for a in self.result["actions"]}


@pytest.fixture(autouse=True)
def _no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages have tests of their own, and each costs a second here."""
    monkeypatch.setattr("runbook.runner.aftermath._page", lambda *_: None)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGTERM, 143, id="sigterm"),
        pytest.param(signal.SIGINT, 130, id="ctrl-c", marks=pytest.mark.tier2),
    ],
)
def test_stopped_while_a_request_hangs_each_stage_keeps_its_acts(pair: Pair, number: signal.Signals, code: int) -> None:
    """The record is whole, its acts are in the result, the Lease is free for the next, and the journal tells of all."""
    fault(pair, "throttled", methods=["GET"], path="^/api/v1/pods$", seconds=30, after=1)  # the first is the look
    trust = Stopped(pair, "registry-trust", number)  # it waits for the first pull
    trust.is_recorded(code)
    assert trust.acts() == {f"install-registry-ca Node/pair-1 {HOST}": "changed"}
    assert (pair.cluster.state / CA).is_file()

    ask(pair, "DELETE", "/faults")
    name = wrecked(pair)
    until(pair, "noteboard")
    fault(pair, "throttled", methods=["DELETE"], path="/pods/wreck", seconds=30)
    cleanup = Stopped(pair, "cleanup", number, consent=name)
    cleanup.is_recorded(code)
    assert cleanup.acts()[name] == "unknown"
    assert "wreck" in pair.pods("notes")
    assert any((cleanup.attempt / "captures").iterdir())

    fault(pair, "throttled", methods=["PATCH"], path="helmreleases/noteboard", seconds=30)
    reconcile = Stopped(pair, "reconcile", number)
    reconcile.is_recorded(code)
    assert reconcile.acts()["reset-release HelmRelease/notes/noteboard"] == "unknown"
    annotations = pair.get("HelmRelease", "notes", "noteboard")["metadata"].get("annotations") or {}
    assert "reconcile.fluxcd.io/resetAt" not in annotations
