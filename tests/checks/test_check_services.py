"""The service checklist: what the ticket believes, against what is declared, runs, and says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.domain.probes import EndpointProbe, GitFile, GitHead

ROW = {
    "id": "ccbot",
    "text": "CCbot pod running (v2.0.2)",
    "namespace": "triager",
    "release": "triager/ccbot",
    "version": "2.0.2",
}
AGENT = {"id": "agent", "text": "MTG Dev Agents worker running", "ticked": False}
RELEASES = [{"namespace": "triager", "name": "ccbot"}]
WORKLOADS = ["Deployment", "StatefulSet", "DaemonSet"]


def running(worlds: Any, tag: str) -> Any:
    return worlds.pod(
        "ccbot-1", "triager", image=f"reg.example:5000/ccbot:{tag}", labels={"app.kubernetes.io/name": "ccbot"}
    )


class TestVersions:
    def ask(self, worlds: Any, *objects: Any, row: dict[str, Any] = ROW) -> Any:
        (found,) = worlds.ask(
            "versions-agree",
            worlds.snapshot(*objects, empty=["Pod", "HelmRelease"]),
            worlds.inventory(services=[row], releases=RELEASES),
        )
        return found

    def test_believed_against_declared(self, worlds: Any) -> None:
        found = self.ask(worlds, worlds.release("ccbot", "triager", tag="0.2.3"), running(worlds, "0.2.3"))
        assert (str(found.result), found.reason) == ("fail", "believed 2.0.2, declared 0.2.3")

    def test_believed_and_declared_nowhere(self, worlds: Any) -> None:
        found = self.ask(worlds, row=AGENT)
        assert (str(found.result), "NOT-DECLARED" in found.reason) == ("fail", True)

    def test_reported_against_running_is_noticed(self, worlds: Any) -> None:
        probe = EndpointProbe("health", "https://x", status=200, tls="verified", body_version="1.0.0")
        row = {**ROW, "endpoint": "health"}
        inventory = worlds.inventory(
            services=[row], releases=RELEASES, endpoints=[{"name": "health", "url": "https://x"}]
        )
        seen = worlds.snapshot(worlds.release("ccbot", "triager", tag="2.0.2"), running(worlds, "2.0.2"), probe)
        (found,) = worlds.ask("versions-agree", seen, inventory)
        assert (str(found.result), found.facts["reported"]) == ("warn", "1.0.0")

    def test_agreement_passes_and_nothing_running_fails(self, worlds: Any) -> None:
        release = worlds.release("ccbot", "triager", tag="2.0.2")
        assert str(self.ask(worlds, release, running(worlds, "2.0.2")).result) == "pass"
        assert str(self.ask(worlds, release).result) == "fail"

    @pytest.mark.parametrize(
        ("owner", "labels", "name", "result"),
        [
            (("ReplicaSet", "ccbot-6d4cf56db6"), {"pod-template-hash": "6d4cf56db6"}, "ccbot-6d4cf56db6-x2x4z", "pass"),
            (("ReplicaSet", "ccbot-admin-6d4"), {"pod-template-hash": "6d4"}, "ccbot-admin-6d4-x2x4z", "fail"),
            (("Job", "ccbot-migrate"), {"app.kubernetes.io/instance": "ccbot"}, "ccbot-migrate-x2x4z", "fail"),
            (("StatefulSet", "ccbot"), {}, "ccbot-0", "pass"),
            (None, {"app.kubernetes.io/instance": "ccbot", "app.kubernetes.io/name": "bot"}, "x", "pass"),
            (None, {"app.kubernetes.io/instance": "other", "app.kubernetes.io/name": "ccbot"}, "ccbot-1", "fail"),
            (None, {}, "ccbot-admin-x2x4z", "fail"),
            (None, {}, "ccbot-6d4cf56db6-x2x4z", "pass"),
        ],
    )
    def test_whose_a_pod_is(self, worlds: Any, owner: Any, labels: dict[str, str], name: str, result: str) -> None:
        refs = [{"kind": owner[0], "name": owner[1], "uid": "u", "controller": True}] if owner else []
        pod = worlds.pod(name, "triager", image="reg.example:5000/ccbot:2.0.2", labels=labels, ownerReferences=refs)
        assert str(self.ask(worlds, worlds.release("ccbot", "triager", tag="2.0.2"), pod).result) == result

    def test_a_row_that_names_its_workload_is_that_workloads_pods(self, worlds: Any) -> None:
        row = {**ROW, "release": "", "workload": {"kind": "Deployment", "namespace": "triager", "name": "bot"}}
        refs = [{"kind": "ReplicaSet", "name": "bot-6d4", "uid": "u", "controller": True}]
        image = "reg.example:5000/ccbot:2.0.2"
        labels = {"pod-template-hash": "6d4"}
        pod = worlds.pod("bot-6d4-x2x4z", "triager", image=image, labels=labels, ownerReferences=refs)
        assert str(self.ask(worlds, pod, row=row).result) == "pass"
        assert str(self.ask(worlds, row=row).result) == "fail"

    def test_a_release_that_goes_by_another_name_or_place_is_still_found(self, worlds: Any) -> None:
        from runbook.domain.kinds import decode

        release = decode(
            "HelmRelease", b'{"metadata":{"name":"ccbot","namespace":"triager"},"spec":{"targetNamespace":"bots"}}'
        )
        labels = {"app.kubernetes.io/instance": "bots-ccbot"}
        pod = worlds.pod("p", "bots", image="reg.example:5000/ccbot:2.0.2", labels=labels)
        assert str(self.ask(worlds, release, pod).result) == "pass"

    @pytest.mark.parametrize(
        ("name", "pod"),
        [
            ("engine", {"owner": ("StatefulSet", "engine")}),  # by the workload the row names
            (
                "another",
                {"labels": {"app.kubernetes.io/instance": "ccbot"}},
            ),  # by the release, for one that nothing owns
            ("engine-0", {}),  # by a name alone
        ],
    )
    def test_a_row_with_a_workload_in_another_namespace_finds_its_pods_there(
        self, worlds: Any, name: str, pod: Any
    ) -> None:
        row = {**ROW, "workload": {"kind": "StatefulSet", "namespace": "engines", "name": "engine"}}
        release = worlds.release("ccbot", "triager", tag="2.0.2")
        for place, result in (("engines", "pass"), ("triager", "fail")):
            found = worlds.pod(name, place, image="reg.example:5000/ccbot:2.0.2", **pod)
            assert str(self.ask(worlds, release, found, row=row).result) == result

    def test_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        inventory = worlds.inventory(services=[ROW], releases=RELEASES)
        assert results("versions-agree", worlds.snapshot(empty=["Pod"], gaps=["HelmRelease"]), inventory) == ["error"]


class TestRunning:
    LABELS = {"helm.toolkit.fluxcd.io/name": "ccbot", "helm.toolkit.fluxcd.io/namespace": "triager"}

    def result(self, worlds: Any, *objects: Any, row: dict[str, Any] = ROW, **snapshot: Any) -> str:
        seen = worlds.snapshot(*objects, **{"empty": [*WORKLOADS, "HelmRelease"], **snapshot})
        (found,) = worlds.ask("services-running", seen, worlds.inventory(services=[row], releases=RELEASES))
        return str(found.result)

    def test_release_and_workload_must_be_ready(self, worlds: Any) -> None:
        up, down = (worlds.deployment("ccbot", "triager", ready=n, labels=self.LABELS) for n in (1, 0))
        assert self.result(worlds, worlds.release("ccbot", "triager"), up) == "pass"
        assert self.result(worlds, worlds.release("ccbot", "triager"), down) == "fail"
        assert self.result(worlds, worlds.release("ccbot", "triager", "False"), up) == "fail"
        assert self.result(worlds, worlds.release("ccbot", "triager")) == "fail"

    def test_a_row_that_nothing_declares_is_a_fail(self, worlds: Any) -> None:
        assert self.result(worlds, row=AGENT) == "fail"

    def test_denied_is_not_evaluated(self, worlds: Any) -> None:
        assert self.result(worlds, empty=WORKLOADS, gaps=["HelmRelease"]) == "error"


class TestGit:
    FILE = GitFile("HelmRelease", "triager", "ccbot", "apps/triager/ccbot.yaml", 1, "0.2.3", (("image.tag", "0.2.3"),))
    HEAD = GitHead("abcdef0123456789", "main")
    SOURCE = {"path": ".", "source": {"kind": "GitRepository", "namespace": "flux-system", "name": "fleet"}}

    @pytest.mark.parametrize(("version", "result"), [("0.2.3", "skip"), ("2.0.2", "fail")])
    def test_equal_needs_no_edit_and_different_shows_file_and_line(
        self, worlds: Any, version: str, result: str
    ) -> None:
        inventory = worlds.inventory(services=[{**ROW, "version": version}], releases=RELEASES)
        (found,) = worlds.ask("git-versions", worlds.snapshot(self.FILE), inventory)
        assert str(found.result) == result
        assert "apps/triager/ccbot.yaml:1" in found.reason

    def test_what_git_does_not_declare_is_a_fail_and_what_nobody_expects_is_noticed(
        self, worlds: Any, results: Any
    ) -> None:
        inventory = worlds.inventory(
            services=[AGENT | {"version": "1"}], releases=[{"namespace": "shop", "name": "shop"}]
        )
        assert results("git-versions", worlds.snapshot(self.FILE), inventory) == ["fail", "fail", "warn"]

    def test_without_a_checkout_it_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        inventory = worlds.inventory(services=[ROW], releases=RELEASES, git=self.SOURCE)
        assert results("git-versions", worlds.snapshot(gaps=["GitFile"]), inventory) == ["error"]
        assert results("git-revision", worlds.snapshot(gaps=["GitHead"]), inventory) == ["error"]

    @pytest.mark.parametrize(
        ("artifact", "dirty", "result"),
        [
            ("main@sha1:abcdef0123456789", False, "skip"),
            ("main@sha1:0000", False, "fail"),
            ("main@sha1:abcdef0123456789", True, "fail"),
        ],
    )
    def test_head_against_what_flux_fetched(
        self, worlds: Any, results: Any, artifact: str, dirty: bool, result: str
    ) -> None:
        source = worlds.flux("GitRepository", "fleet", "flux-system", status={"artifact": {"revision": artifact}})
        head = GitHead("abcdef0123456789", "main", dirty=dirty)
        assert results("git-revision", worlds.snapshot(source, head), worlds.inventory(git=self.SOURCE)) == [result]
