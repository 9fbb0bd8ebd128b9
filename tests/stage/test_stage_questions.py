"""50-diagnose asks about its first causes: logs, Services from inside, an ingress controller; kept, redacted, in time, and once."""

from __future__ import annotations

import contextlib
import gzip
import html
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clusterapi import Api

from runbook.cli.app import call
from runbook.clients import asking
from runbook.domain.inquiries import Inquiry
from runbook.domain.pods import Pod
from runbook.domain.podstatus import waiting_reasons
from runbook.embedded import EmbeddedCluster
from runbook.errors import VerdictFailed
from runbook.evidence import Run
from runbook.report import stage_report
from runbook.stage import Stage, begin, replay_attempts
from runbook.stage.closer import closer

TOKEN = "ghp_" + "a1B2" * 9
KEY = ["-----BEGIN RSA " + "PRIVATE KEY-----", *["MIIEowIBAAKCAQEA" + "q7Zx" * 12] * 3, "-----END RSA PRIVATE KEY-----"]
LINES = ["level=info msg=starting", f"using {TOKEN}", *KEY, 'FATAL:  password authentication failed for user "till"']
CRASHED = """
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: db}
spec: {selector: {app: db}, ports: [{port: 5432, protocol: TCP}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: front}
spec: {selector: {app: till}, ports: [{port: 80, protocol: TCP}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: another}
spec: {selector: {app: till, tier: two}, ports: [{port: 81, protocol: TCP}]}
---
apiVersion: v1
kind: Pod
metadata:
  namespace: shop
  name: till
  labels: {app: till}
  annotations: {rehearsal.runbook/duration: 5s, rehearsal.runbook/exit-code: "1"}
spec:
  restartPolicy: Never
  containers:
  - name: till
    image: docker.io/library/postbox:1.0.0
    env: [{name: DATABASE_URL, value: "postgresql://till@db:5432/till"}]
"""


class Shop(Api):
    """The pair with a till that ended in an error, whose database has no endpoints."""

    def asked(self, folder: Path, user: str = "") -> dict[str, str]:
        kubeconfig = self.cluster.state / f"kubeconfig-{user}" if user else self.cluster.kubeconfig
        return {
            "inventory": str(self.cluster.inventory), "kubeconfig": str(kubeconfig), "outputs": str(folder / "outputs"),
        }  # fmt: skip

    def diagnose(self, folder: Path, user: str = "") -> Stage:
        stage = begin("diagnose", **self.asked(folder, user))
        stage.observe()
        return stage


@pytest.fixture(scope="module")
def shop(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop") / "scenario"
    shutil.copytree(root / "runbook/rehearsal/scenarios/pair", folder)
    (folder / "manifests/shop.yaml").write_text(CRASHED)
    traefik = ['10.0.0.9 "GET /notes/health HTTP/2.0" 502 noteboard', '10.0.0.9 "GET /other" 200']
    logs = [
        {"selector": {"app": "till"}, "lines": LINES},
        {"selector": {"app.kubernetes.io/name": "traefik"}, "lines": traefik},
    ]
    with (folder / "world.yaml").open("a") as world:
        world.write(f"\nlogs: {json.dumps(logs)}\n")
    with EmbeddedCluster(str(folder), time_scale=60) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        found = Shop(cluster)
        until = time.monotonic() + 30
        while found.send("GET", "/api/v1/namespaces/shop/pods/till")["status"].get("phase") != "Failed":
            assert time.monotonic() < until
            time.sleep(0.1)
        yield found


def of(stage: Stage, name: str) -> Inquiry:
    assert stage.observed is not None
    return next(i for i in stage.observed.snapshot.seen(Inquiry) if i.name.startswith(name))


def record(stage: Stage) -> None:
    with contextlib.suppress(VerdictFailed):
        stage.record()


def page_of(stage: Stage) -> str:
    return html.unescape(stage_report(stage.setting.attempt.path, stage.setting.run.as_json(), None).read_text())


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def stage(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """One recorded diagnosis."""
    stage = shop.diagnose(tmp_path_factory.mktemp("shown"))
    stage.explain()
    record(stage)
    return stage


class TestWhatIsShown:
    def test_the_log_the_service_and_the_next_act_stand_in_notebook_and_page(self, stage: Stage) -> None:
        for text in (flat(stage.explain().text()), flat(page_of(stage))):
            assert "Log of container till, this start" in text
            assert 'FATAL: password authentication failed for user "till"' in text
            assert "Asked from inside, through the API server's proxy" in text
            assert 'no endpoints available for service "db"' in text
            assert "Service/shop/db" in text

    def test_the_logs_last_fatal_line_is_a_hypothesis_in_the_ladder_and_in_the_record(self, stage: Stage) -> None:
        explained = stage.setting.attempt.read_result().explanation
        assert explained is not None
        (cause,) = (c for c in explained.first_causes if c.object.name == "till")
        assert (cause.cause, cause.proof, cause.message) == ("db-connection", "hypothesis", LINES[-1])
        assert cause.decides in " ".join(stage.explain().text().split())

    def test_its_database_and_the_service_that_leads_to_it_are_asked_and_no_others(self, stage: Stage) -> None:
        asked = {(a.service, a.port) for a in of(stage, "till").answers}
        assert asked == {("Service/shop/db", 5432), ("Service/shop/front", 80)}

    def test_an_ingress_controllers_lines_about_this_host_and_no_others(self, stage: Stage) -> None:
        for text in (flat(stage.explain().text()), flat(page_of(stage))):
            assert '"GET /notes/health HTTP/2.0" 502 noteboard' in text
            assert "GET /other" not in text

    def test_a_container_that_never_ran_is_told_and_not_asked_for_its_log(self, stage: Stage, shop: Shop) -> None:
        assert stage.observed is not None
        (pod,) = (p for p in stage.observed.snapshot.seen(Pod) if p.metadata.namespace == "notes")
        (waits,) = waiting_reasons(
            pod
        )  # it is tried again and again: either word, as the kubelet had it at that moment
        assert waits in ("ErrImagePull", "ImagePullBackOff")
        assert of(stage, "noteboard").silent == (f"app has not run yet ({waits})",)
        assert f"Container app has not run yet ({waits}): there is no log." in flat(stage.explain().text())
        assert not [r for r in shop.requests() if "/namespaces/notes/pods" in r["path"] and r["path"].endswith("/log")]

    def test_secrets_in_a_log_line_are_cut_in_notebook_page_and_evidence(self, stage: Stage) -> None:
        texts = {"notebook": stage.explain().text() + stage.explain().html(), "page": page_of(stage)}
        for path in (p for p in stage.setting.run.path.rglob("*") if p.is_file()):
            data = path.read_bytes()
            texts[path.name] = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "replace")
        assert "Inquiry.jsonl" in texts
        for name, text in texts.items():
            assert TOKEN not in text, name
            assert KEY[1] not in text, name
        assert "using «cut»" in texts["notebook"]
        assert stage.setting.attempt.read_result().redactions["private-key"] == 1

    def test_a_replay_shows_the_same_and_asks_nothing(
        self, stage: Stage, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = len(shop.requests())
        (again,) = replay_attempts(Run.load(stage.setting.run.path))
        assert again.differences == ()
        monkeypatch.setenv("RUNBOOK_REPLAY", str(stage.setting.attempt.path))
        monkeypatch.setattr("runbook.stage.identity.how", lambda: "replay")
        replayed = begin("diagnose")
        assert replayed.explain().text() == stage.explain().text()
        assert replayed.explain().html() == stage.explain().html()
        assert len(shop.requests()) == before

    def test_live_explain_names_the_cause_by_the_log_too(self, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
        where = ["-i", str(shop.cluster.inventory), "--kubeconfig", str(shop.cluster.kubeconfig), "--format", "json"]
        assert call(["explain", *where]) == 0
        causes = json.loads(capsys.readouterr().out)["first_causes"]
        assert ("db-connection", "hypothesis") in {(c["cause"], c["proof"]) for c in causes}

    def test_explain_shows_what_was_kept_with_the_run(self, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["explain", "Pod/till", "--from", str(stage.setting.run.path)]) == 0
        out = flat(capsys.readouterr().out)
        assert "Log of container till, this start" in out
        assert TOKEN not in out

    def test_show_prints_the_steps_that_were_kept_with_the_run_and_asks_nothing(
        self, stage: Stage, shop: Shop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = len(shop.requests())
        explained = stage.setting.attempt.read_result().explanation
        assert explained is not None
        kept = closer(stage.setting.attempt.snapshot(), explained)
        assert kept is not None
        call(["show", str(stage.setting.run.path)])
        out = capsys.readouterr().out
        assert f"Steps at the first causes, {stage.setting.attempt.path.name}" in out
        assert kept.text() in out
        assert "Log of container till, this start" in out
        assert TOKEN not in out
        assert len(shop.requests()) == before
        call(["show", str(stage.setting.run.path), "--format", "json"])
        assert json.loads(capsys.readouterr().out)["stages"]

    def test_show_prints_the_steps_of_the_last_attempt_alone(
        self, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for _ in range(2):
            again = shop.diagnose(tmp_path)
            record(again)
        call(["show", str(again.setting.run.path)])
        heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Steps at the first causes")]
        assert heads == [f"Steps at the first causes, {again.setting.attempt.path.name}"]

    def test_everything_asked_is_a_read(self, stage: Stage, shop: Shop) -> None:
        asked = [r for r in shop.requests() if "/proxy/" in r["path"] or r["path"].endswith("/log")]
        assert {r["method"] for r in asked if "/v1/verify" not in r["path"]} == {"GET"}


class TestInTime:
    def test_a_silent_service_and_a_silent_log_do_not_hang_the_stage_and_are_told(
        self, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runbook.clients.kubernetes.glimpsing.SILENCE", 0.5)
        with shop.fault(fault="silent", path="(/services/db:5432/proxy/|/pods/till/log)", seconds=8):
            began = time.monotonic()
            stage = shop.diagnose(tmp_path)
            took = time.monotonic() - began
        assert took < 7
        found = of(stage, "till")
        assert (found.logs[0].lines, found.logs[0].why_not) == ((), "no answer within the time allowed")
        assert (found.answers[0].reached, found.answers[0].said[:9]) == (False, "no answer")
        assert "NOT EVALUATED: no answer within the time allowed" in flat(stage.explain().text())

    def test_an_answer_that_drips_for_ever_ends_with_the_deadline(
        self, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "ONE", 2.5)
        with shop.fault(fault="silent", done=True, path="(/services/db:5432/proxy/|/pods/till/log)", seconds=12):
            began = time.monotonic()
            stage = shop.diagnose(tmp_path)
            took = time.monotonic() - began
        assert took < 8
        found = of(stage, "till")
        assert "did not end" in found.logs[0].why_not
        assert found.answers[0].said == "answered HTTP 200"

    def test_when_the_time_for_all_is_over_the_rest_is_told_as_not_asked(
        self, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "LEAST", 100.0)
        before = len(shop.requests())
        stage = shop.diagnose(tmp_path)
        found = of(stage, "till")
        assert "not asked: the 20 s for all questions were over" in found.logs[0].why_not
        assert found.answers[0].reached is None
        new = shop.requests()[before:]
        assert not [r for r in new if r["path"].endswith("/pods/till/log") or "/services/db:5432" in r["path"]]
        assert "were over" in flat(stage.explain().text())


def test_a_denied_log_and_a_denied_proxy_are_told_with_the_right_that_is_missing(shop: Shop, tmp_path: Path) -> None:
    with shop.fault(fault="denied", path="(/services/db:5432/proxy/|/pods/till/log)", message="no"):
        found = of(shop.diagnose(tmp_path), "till")
    assert found.logs[0].why_not.startswith("403")
    assert found.answers[0].reached is None
    assert "permission needed: get services/proxy" in found.answers[0].said


def test_what_is_over_the_bound_is_left_out_by_name(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook.diagnosis.questions.MOST", 1)
    stage = shop.diagnose(tmp_path)
    assert stage.observed is not None
    kept = stage.observed.snapshot.seen(Inquiry)
    assert [bool(i.left_out) for i in kept] == [False, *[True] * (len(kept) - 1)]
    assert len(kept) > 1
    text = flat(stage.explain().text())
    assert "Not asked about, more than 1 objects could be asked about" in text
    assert all(str(i.about) in text for i in kept)


def test_no_other_stage_asks(shop: Shop, tmp_path: Path) -> None:
    before = len(shop.requests())
    begin("verify", **shop.asked(tmp_path), soak="none").observe()
    new = shop.requests()[before:]
    assert new
    assert not [r for r in new if "/services/db:5432" in r["path"] or r["path"].endswith("/pods/till/log")]
