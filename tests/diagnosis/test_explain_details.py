"""`runbook explain KIND/NAME`: below the ladder the object itself, as `kubectl describe` has it, and its containers' last words."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from diagnosis_worlds import ago
from recorded_worlds import RECORDINGS, container, event, kind, pod, saved, workload

from runbook.cli.app import call
from runbook.clients.asking import redacted
from runbook.clients.lastwords import TAIL, last_words
from runbook.diagnosis.details import Details, details
from runbook.domain.inquiries import Inquiry, LastWords
from runbook.embedded import EmbeddedCluster
from runbook.errors import DeniedError
from runbook.evidence import Redactor
from runbook.model import ObjectRef
from runbook.stage.describing import ingress_log
from runbook.stage.describing import last_words as shown

POD = ObjectRef("Pod", "ns", "web-0")
CRASHED = container(("CrashLoopBackOff", "back-off"), {"exitCode": 137, "reason": "OOMKilled", "signal": 9})


def about(*objects: Any, ref: ObjectRef = POD) -> Details:
    found = details(saved(*objects), ref)
    assert found is not None
    return found


def crashing(**spec: Any) -> list[Any]:
    one = pod("ns", "web-0", CRASHED, phase="Running", owner=("ReplicaSet", "web-5d"), **spec)
    one["spec"]["containers"][0]["resources"] = {"limits": {"memory": "64Mi"}}
    return [
        workload("Deployment", "ns", "web", release="web"),
        workload("ReplicaSet", "ns", "web-5d", owner=("Deployment", "web")),
        one,
    ]


class TestAPodInFull:
    def test_its_makers_up_to_the_release(self) -> None:
        assert [str(m) for m in about(*crashing()).makers] == [
            "ReplicaSet/ns/web-5d",
            "Deployment/ns/web",
            "HelmRelease/ns/web",
        ]

    def test_conditions_containers_limits_and_the_end_before(self) -> None:
        found = about(*crashing())
        assert found.status == "CrashLoopBackOff"
        assert {(c.type, c.status) for c in found.conditions} == {("Ready", "False"), ("PodScheduled", "True")}
        (box,) = found.containers
        assert (box.state, box.last, box.restarts, box.limits) == (
            "waiting: CrashLoopBackOff", "OOMKilled, exit 137, SIGKILL", 3, "memory 64Mi",
        )  # fmt: skip

    def test_owners_in_a_circle_end(self) -> None:
        a, b = (pod("ns", n, container(), owner=("Pod", m)) for n, m in (("web-0", "b"), ("b", "web-0")))
        assert [m.name for m in about(a, b).makers] == ["b"]

    def test_a_pull_secret_is_there_with_its_type_and_keys_and_never_its_value(self) -> None:
        secret = kind(
            "Secret",
            "ns",
            "regcred",
            type="kubernetes.io/dockerconfigjson",
            data={".dockerconfigjson": "c2VjcmV0LXZhbHVl"},
        )
        for objects, state in (
            (
                [secret],
                "there, kubernetes.io/dockerconfigjson: keys .dockerconfigjson; for which registry is not known",
            ),
            ([], "not known"),
        ):
            found = about(*crashing(imagePullSecrets=[{"name": "regcred"}]), *objects)
            assert [(str(n.object), n.where, n.state) for n in found.needs] == [
                ("Secret/ns/regcred", "spec.imagePullSecrets", state)
            ]
            assert "c2VjcmV0LXZhbHVl" not in repr(found)

    def test_what_nobody_observed_is_not_described(self) -> None:
        assert details(saved(*crashing()), ObjectRef("Pod", "ns", "other")) is None


class TestAKindThatTwoProjectsHave:
    """Knative's Service makes one of Kubernetes' by its own name."""

    @staticmethod
    def both() -> list[Any]:
        one = {**kind("Service", "ns", "web"), "apiVersion": "serving.knative.dev/v1"}
        one["metadata"]["uid"] = "knative"
        plain = kind("Service", "ns", "web", owner=("Service", "web"))
        plain["metadata"]["ownerReferences"][0]["uid"] = "knative"
        said = event(("Service", "ns", "web"), "InternalError", "no revision")
        said["involvedObject"].update(uid="knative", apiVersion="serving.knative.dev/v1")
        return [one, plain, said]

    def test_each_has_its_own_events_and_its_own_makers(self) -> None:
        other = ObjectRef("Service.serving.knative.dev", "ns", "web")
        assert [e.reason for e in about(*self.both(), ref=other).events] == ["InternalError"]
        plain = about(*self.both(), ref=ObjectRef("Service", "ns", "web"))
        assert (plain.events, plain.makers) == ((), (other,))

    def test_the_command_shows_both_by_the_kinds_name_and_one_by_its_group(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "state.json"
        path.write_text(json.dumps([{"apiVersion": "v1", **o} for o in self.both()]))
        for asked, shown_ in (("Service/web", 2), ("service.serving.knative.dev/web", 1)):
            assert call(["explain", asked, "--from", str(path)]) == 0
            assert capsys.readouterr().out.count("/ns/web\n") == shown_, asked


class TestEvents:
    def test_only_its_own_newest_first_also_those_without_a_last_timestamp(self) -> None:
        bare = event(("Pod", "ns", "web-0"), "FailedScheduling", "no node", seconds=50)
        bare["lastTimestamp"], bare["eventTime"] = None, ago(10)
        series = event(("Pod", "ns", "web-0"), "BackOff", "again", seconds=500)
        series["series"] = {"count": 9, "lastObservedTime": ago(20)}
        others = [event(("Pod", "other", "web-0"), "Failed", "x"), event(("Pod", "ns", "web-1"), "Failed", "x")]
        found = about(*crashing(), event(("Pod", "ns", "web-0"), "Pulled", "old", seconds=90), bare, series, *others)
        assert [e.reason for e in found.events] == ["FailedScheduling", "BackOff", "Pulled"]

    def test_of_an_object_that_was_not_observed_its_events_are_shown(self) -> None:
        found = about(kind("Namespace", "", "ns", status={}), event(("Pod", "ns", "web-0"), "Failed", "x509"))
        assert (found.status, [e.message for e in found.events]) == ("not observed", ["x509"])


class TestWhatAPodTalksTo:
    """Its registry's credentials, and the Services that its environment names."""

    def test_credentials_for_another_registry_are_told_without_a_value(self) -> None:
        held = base64.b64encode(json.dumps({"auths": {"reg.one:5000": {"auth": "aHVudGVyMg=="}}}).encode()).decode()
        secret = kind(
            "Secret", "ns", "regcred", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": held}
        )
        world = crashing(imagePullSecrets=[{"name": "regcred"}])
        (need,) = about(*world, secret).needs
        assert need.state.endswith("keys .dockerconfigjson; for reg.one:5000, not for r.lab")
        world[-1]["spec"]["containers"][0]["image"] = "reg.one:5000/app:1"
        (need,) = about(*world, secret).needs
        assert need.state.endswith("; for reg.one:5000")
        assert "hunter2" not in str(need)

    @pytest.mark.parametrize(
        ("others", "state"),
        [
            ([], "not known"),
            ([("Service", None)], "there; its endpoints were not observed"),
            ([("Service", None), ("EndpointSlice", [True, None])], "there, 2 ready endpoint(s)"),
            ([("Service", None), ("EndpointSlice", [False])], "there, 0 ready endpoint(s)"),
        ],
        ids=["nobody looked", "no endpoints seen", "two", "none"],
    )
    def test_its_database_and_what_stands_behind_it(self, others: list[Any], state: str) -> None:
        world = crashing()
        world[-1]["spec"]["containers"][0]["env"] = [{"name": "DATABASE_URL", "value": "postgresql://u@db:5432/app"}]
        for name, ready in others:
            one = kind(name, "ns", "db")
            if ready is not None:
                one["metadata"]["labels"] = {"kubernetes.io/service-name": "db"}
                one["endpoints"] = [
                    {"addresses": [f"10.0.0.{n}"], "conditions": {"ready": r}} for n, r in enumerate(ready)
                ]
            world.append(one)
        (need,) = about(*world).needs
        assert (str(need.object), need.where) == ("Service/ns/db", "containers[main].env[DATABASE_URL], port 5432")
        assert need.state == state


class Talks:
    """A client whose containers say what the test gives."""

    def __init__(self, now: list[str], before: list[str] | None) -> None:
        self.said = {False: now, True: before}

    def tail(self, *_where: str, previous: bool, **_more: Any) -> tuple[str, ...]:
        lines = self.said[previous]
        if lines is None:
            raise DeniedError("log of pod ns/web-0", "403 Forbidden: pods/log")
        return tuple(lines)


class TestLastWords:
    def test_of_this_start_and_of_the_one_before(self) -> None:
        now, before = last_words(Talks(["starting"], ["FATAL: no database"]), "ns", "web-0", ["main"])  # type: ignore[arg-type]
        assert (now.previous, now.lines, before.previous, before.lines) == (
            False,
            ("starting",),
            True,
            ("FATAL: no database",),
        )
        text = shown((now, before)).text()
        assert text.index("this start") < text.index("the start before") < text.index("FATAL: no database")

    def test_they_are_bounded_by_lines_and_letters(self) -> None:
        log = last_words(Talks([f"{n} " + "x" * 9000 for n in range(500)], []), "ns", "web-0", ["main"])[0]  # type: ignore[arg-type]
        assert len(log.lines) == TAIL
        assert log.lines[-1].startswith("499 ")
        (kept,) = redacted([Inquiry("Pod", "ns", "web-0", logs=(log,))], lambda text: text)
        assert {len(line) for line in kept.logs[0].lines} == {500}

    def test_a_tail_that_begins_inside_of_a_private_key_shows_nothing_of_it(self) -> None:
        rest = ["q7Zx" * 16, "-----END RSA PRIVATE KEY-----", "FATAL: no database"]
        log = last_words(Talks(rest, []), "ns", "web-0", ["main"])[0]  # type: ignore[arg-type]
        (kept,) = redacted([Inquiry("Pod", "ns", "web-0", logs=(log,))], Redactor().text)
        assert kept.logs[0].lines == ("«cut»", "FATAL: no database")

    def test_one_that_is_empty_says_so(self) -> None:
        logs = last_words(Talks([], ["bye"]), "ns", "web-0", ["main"])  # type: ignore[arg-type]
        assert "this start: it is empty." in " ".join(shown(logs).text().split())
        text = " ".join(ingress_log([LastWords("ingress/nginx", False)], 1).text().split())
        assert text.endswith("paths or backends: none of those that were looked through does.")

    def test_one_that_may_not_be_read_is_not_evaluated_and_says_why(self) -> None:
        logs = last_words(Talks(["starting"], None), "ns", "web-0", ["main"])  # type: ignore[arg-type]
        assert "the start before: NOT EVALUATED: 403 Forbidden: pods/log" in " ".join(shown(logs).text().split())


def test_the_command_shows_it_below_the_ladder(capsys: pytest.CaptureFixture[str]) -> None:
    state = RECORDINGS / "image-tag-missing" / "state.json.gz"
    assert call(["explain", "Pod/media-fbc5b976b-rwqk6", "--from", str(state)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for part in (
        "First causes",
        "← Deployment/media/media ← HelmRelease/media/media",
        "Conditions",
        "Events, newest first",
        "Failed to pull image",
    ):
        assert part in out


def test_live_the_failing_containers_log_is_asked_for_and_secrets_are_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "ghp_" + "a1B2" * 9
    with EmbeddedCluster("pair", time_scale=60) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        where = ["-i", str(cluster.inventory), "--kubeconfig", str(cluster.kubeconfig)]
        assert call(["explain", *where, "--format", "json"]) == 0
        causes = json.loads(capsys.readouterr().out)["first_causes"]
        at_fault = next(c["object"] for c in causes if c["object"]["kind"] == "Pod")
        asked = ["explain", f"Pod/{at_fault['name']}", "-n", at_fault["namespace"], *where]
        assert call(asked) == 0
        out = " ".join(capsys.readouterr().out.split())
        assert "has not run yet" in out, "a container that never started has no log, and it is said"
        talks = Talks(["starting"], [f"cannot log in with {token}"])
        monkeypatch.setattr(
            "runbook.clients.kubernetes.client.KubeClient.tail", lambda _self, *a, **k: talks.tail(*a, **k)
        )
        monkeypatch.setattr("runbook.diagnosis.questions._spoke", lambda _status: (True, True))
        assert call(asked) == 0
        out = capsys.readouterr().out
        assert "cannot log in with" in out
        assert token not in out


@pytest.fixture(scope="module")
def where() -> Iterator[list[str]]:
    with EmbeddedCluster("pair", time_scale=60) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        yield ["-i", str(cluster.inventory), "--kubeconfig", str(cluster.kubeconfig)]


class TestLive:
    """What is asked of a live cluster about a Service and an Ingress that somebody names."""

    def test_a_service_is_asked_from_inside(self, where: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["explain", "Service/sealed-secrets-controller", "-n", "kube-system", *where]) == 0
        out = " ".join(capsys.readouterr().out.split())
        assert "Asked from inside, through the API server's proxy" in out
        assert "8080 yes answered HTTP" in out

    def test_an_ingress_without_a_known_controller_is_not_evaluated(
        self, where: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runbook.stage.questions.controllers", lambda _pods: ())
        state = json.loads(_get(where, "ingresses"))
        one = state["items"][0]["metadata"]
        assert call(["explain", f"Ingress/{one['name']}", "-n", one["namespace"], *where]) == 0
        assert "NOT EVALUATED: no pod carries the label of a known one" in " ".join(capsys.readouterr().out.split())


def _get(where: list[str], plural: str) -> bytes:
    from runbook.clients.kubernetes import connect

    client = connect(kubeconfig=where[-1])
    try:
        return client.transport.get(f"/apis/networking.k8s.io/v1/{plural}", plural).content
    finally:
        client.close()
