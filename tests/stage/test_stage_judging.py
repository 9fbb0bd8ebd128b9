"""What a stage judges of one look, and what it does not ask twice of the same look."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from runbook import checks, diagnosis
from runbook.display import Paragraph
from runbook.domain.kinds import decode
from runbook.domain.probes import SoakWindow
from runbook.inventory.model import Cluster, Inventory, Logs
from runbook.model import Gap, ObjectRef, Result, Snapshot, Verdict
from runbook.stage import proving
from runbook.stage.judging import Judged, judge
from runbook.stage.stages import WALKED, wants

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)
INVENTORY = Inventory(schema="runbook/inventory/v1", cluster=Cluster(name="meadow"))


def test_causes_walked_before_quiet_was_measured_are_not_walked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Snapshot(NOW, "meadow", {}, {}, ())
    first = judge("verify", seen, INVENTORY, today=NOW.date(), operator="becker")
    measured = replace(seen, objects={"SoakWindow": (SoakWindow(60.0, 60.0, started=NOW),)})
    monkeypatch.setattr(diagnosis, "explain", lambda *_a, **_k: pytest.fail("walked again"))
    again = judge("verify", measured, INVENTORY, today=NOW.date(), operator="becker", explained=first.explanation)
    assert again.explanation is first.explanation is not None
    assert [f.check for f in again.findings] == [f.check for f in first.findings]
    soaks = [next(f.reason for f in j.findings if f.check == "soak") for j in (first, again)]
    assert soaks[0] != soaks[1]


@pytest.mark.parametrize("looked_again", [False, True])
def test_causes_are_kept_only_as_long_as_nobody_looked_again(
    monkeypatch: pytest.MonkeyPatch, looked_again: bool
) -> None:
    """A soak that ends with another look is explained by that look."""
    seen = Snapshot(NOW, "meadow", {}, {}, ())
    first = judge("verify", seen, INVENTORY, today=NOW.date(), operator="becker")
    later = replace(seen, observed_at=NOW + timedelta(minutes=1), objects={"Pod": ()})
    after = SimpleNamespace(snapshot=later) if looked_again else None
    window = SoakWindow(60.0, 60.0, started=NOW)
    monkeypatch.setattr(proving, "_measure", lambda _setting, _judged: (window, after))
    for name in ("tell_tally", "observed", "checked"):
        monkeypatch.setattr(proving.showing, name, lambda *_a: Paragraph(""))
    setting: Any = SimpleNamespace(
        asked=SimpleNamespace(stage="verify"), file=SimpleNamespace(inventory=INVENTORY), started=NOW, who="becker",
        causes=SimpleNamespace(catalogue=None), talk=None,
    )  # fmt: skip
    observed: Any = SimpleNamespace(snapshot=seen)
    _, again, _ = proving.prove(setting, observed, first)
    assert again.explanation is not None
    assert (again.explanation is first.explanation) is not looked_again
    assert again.explanation.observed_at == (later if looked_again else seen).observed_at


class TestWhatDiagnoseStartsFrom:
    """Its checks read what the walk reads: nothing more is asked of the cluster for them."""

    INVENTORY = INVENTORY.model_copy(update={"logs": Logs(namespaces=("ns",))})

    def judged(self, *objects: tuple[str, dict[str, Any]], without: str = "") -> Judged:
        seen = {kind: () for kind in wants("diagnose") if kind not in (without, "Secret")}
        for kind, body in objects:
            seen[kind] = (*seen[kind], decode(kind, json.dumps(body).encode()))
        gaps = {without: Gap(without, "403 Forbidden: not you")} if without else {}
        return judge(
            "diagnose", Snapshot(NOW, "meadow", seen, gaps), self.INVENTORY, today=NOW.date(), operator="becker"
        )

    def service(self, app: str) -> tuple[tuple[str, dict[str, Any]], ...]:
        meta = {"namespace": "ns", "name": "web", "uid": "s"}
        pod = {
            "metadata": {"namespace": "ns", "name": "web-1", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }
        slices = {"metadata": {**meta, "labels": {"kubernetes.io/service-name": "web"}},
                  "endpoints": [{"addresses": ["10.0.0.1"]}] if app == "web" else []}  # fmt: skip
        node = {"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        return (
            ("Service", {"metadata": meta, "spec": {"selector": {"app": app}}}),
            ("EndpointSlice", slices),
            ("Pod", pod),
            ("Node", node),
        )

    def test_is_walked_anyway(self) -> None:
        assert set(checks.needs("diagnose")) <= set(WALKED)
        assert {c.id for c in checks.of_stage("diagnose")} == {
            "endpoints-answer", "ingress-backends", "kustomizations-ready", "nodes-ready", "pods-healthy", "releases-ready",
            "sealed-secrets-unsealed", "services-endpoints", "sources-ready", "workloads-ready",
        }  # fmt: skip

    def test_a_service_that_nothing_fails_behind_is_red_by_its_check(self) -> None:
        judged = self.judged(*self.service("wbe"))
        assert judged.explanation is not None
        assert (judged.explanation.first_causes, judged.explanation.unexplained) == ((), ())
        red = [
            (f.check, str(f.object), f.reason)
            for f in judged.findings
            if f.result is Result.FAIL and f.object.kind == "Service"
        ]
        assert red == [("services-endpoints", "Service/ns/web", "0 ready endpoint(s)")]
        assert judged.verdict is Verdict.FAIL

    def test_it_is_no_better_than_what_it_explains(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks, "run", lambda *_a: tuple(f for f in real(*_a) if f.result is not Result.FAIL))
        assert self.judged(*self.service("web")).verdict is Verdict.PASS
        claim = {"metadata": {"namespace": "ns", "name": "data"}, "status": {"phase": "Lost"}}
        assert self.judged(*self.service("web"), ("PersistentVolumeClaim", claim)).verdict is Verdict.FAIL
        assert self.judged(*self.service("web"), without="StorageClass").verdict is Verdict.ERROR
        odd = ((ObjectRef("Pod", "ns", "odd"), "spec is a number"),)
        seen = replace(self.judged(*self.service("web")).snapshot, malformed=odd)
        again = judge("diagnose", seen, self.INVENTORY, today=NOW.date(), operator="becker")
        assert again.verdict is Verdict.ERROR


real = checks.run
