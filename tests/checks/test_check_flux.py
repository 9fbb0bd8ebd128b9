"""Sources, Kustomizations, HelmReleases, requests: judged by generation and request, never by Ready alone."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.domain.readiness import flux_state

TOKEN = {"reconcile.fluxcd.io/requestedAt": "t2"}


class TestTruthTable:
    """REVIEWERS: Ready=True read alone is not enough."""

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({}, "ready"),
            ({"generation": 2}, "unknown"),
            ({"spec": {"suspend": True}}, "suspended"),
            ({"annotations": TOKEN}, "unknown"),
            ({"annotations": TOKEN, "status": {"lastHandledReconcileAt": "t2"}}, "ready"),
            ({"status": {"conditions": []}}, "not-ready"),
            ({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, "reconciling"),
            (
                {"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "DependencyNotReady"}]}},
                "waiting",
            ),
            (
                {"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "InstallFailed"}]}},
                "not-ready",
            ),
            ({"status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 0}]}}, "unknown"),
            (
                {
                    "status": {
                        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Reconciling", "status": "True"}]
                    }
                },
                "reconciling",
            ),
            (
                {
                    "status": {
                        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Stalled", "status": "True"}]
                    }
                },
                "stalled",
            ),
        ],
    )
    def test_every_row(self, worlds: Any, change: dict[str, Any], word: str) -> None:
        assert flux_state(worlds.flux("Kustomization", "apps", "flux-system", **change)).word == word

    def test_an_oci_helmrepository_is_static(self, worlds: Any) -> None:
        source = worlds.obj("HelmRepository", "r", "flux-system", generation=1, spec={"type": "oci"})
        assert flux_state(source).word == "ready"


class TestReleases:
    def test_two_of_three_is_a_fail_with_each_exception_named(self, worlds: Any) -> None:
        inventory = worlds.inventory(releases=[{"namespace": "shop", "name": n} for n in ("a", "b", "c")])
        seen = worlds.snapshot(
            worlds.release("a", "shop"), worlds.release("b", "shop", "False", reason="InstallFailed", message="why")
        )
        found = {f.object.name: f for f in worlds.ask("releases-ready", seen, inventory)}
        assert [str(found[n].result) for n in "abc"] == ["pass", "fail", "fail"]
        assert found["b"].evidence == ("why",)
        assert "does not exist" in found["c"].reason

    def test_another_chart_version_is_a_fail(self, worlds: Any, results: Any) -> None:
        assert results("releases-ready", worlds.snapshot(worlds.release("shop", "shop", version="0.9.0"))) == ["fail"]

    def test_a_digest_behind_the_version_is_the_same_version(self, worlds: Any, results: Any) -> None:
        assert results(
            "releases-ready", worlds.snapshot(worlds.release("shop", "shop", version="1.0.0+abcdef012345"))
        ) == ["pass"]

    def test_a_release_nobody_expects_is_noticed(self, worlds: Any, results: Any) -> None:
        assert results("releases-ready", worlds.snapshot(worlds.release("shop", "shop"), worlds.release("x", "y"))) == [
            "pass",
            "warn",
        ]

    def test_denied_is_not_evaluated_and_names_the_permission(self, worlds: Any) -> None:
        (found,) = worlds.ask("releases-ready", worlds.snapshot(gaps=["HelmRelease"]))
        assert (str(found.result), found.evidence) == ("error", ("permission needed: list HelmRelease",))

    def test_an_empty_cluster_is_a_fail(self, worlds: Any, results: Any) -> None:
        assert results("releases-ready", worlds.snapshot(empty=["HelmRelease"])) == ["fail"]


class TestSourcesAndKustomizations:
    SOURCES = ({"kind": "GitRepository", "namespace": "flux-system", "name": "fleet"},)
    KUSTOMIZATIONS = ({"namespace": "flux-system", "name": "apps"},)

    def source(self, worlds: Any, ready: str = "True", revision: str = "main@sha1:aa") -> Any:
        status = {"artifact": {"revision": revision}} if revision else {}
        return worlds.flux(
            "GitRepository", "fleet", "flux-system", ready, reason="GitOperationFailed", message="x509", status=status
        )

    @pytest.mark.parametrize(
        ("ready", "revision", "result"),
        [("True", "main@sha1:aa", "pass"), ("False", "main@sha1:aa", "fail"), ("True", "", "fail")],
    )
    def test_a_source_needs_ready_and_an_artifact(
        self, worlds: Any, results: Any, ready: str, revision: str, result: str
    ) -> None:
        inventory = worlds.inventory(sources=self.SOURCES)
        assert results("sources-ready", worlds.snapshot(self.source(worlds, ready, revision)), inventory) == [result]

    def test_a_source_that_is_not_there_is_a_fail_and_a_denied_one_is_not_evaluated(
        self, worlds: Any, results: Any
    ) -> None:
        inventory = worlds.inventory(sources=self.SOURCES)
        assert results("sources-ready", worlds.snapshot(empty=["GitRepository"]), inventory) == ["fail"]
        assert results("sources-ready", worlds.snapshot(gaps=["GitRepository"]), inventory) == ["error"]

    @pytest.mark.parametrize(("applied", "result"), [("main@sha1:aa", "pass"), ("main@sha1:old", "fail")])
    def test_a_kustomization_must_have_applied_what_its_source_offers(
        self, worlds: Any, results: Any, applied: str, result: str
    ) -> None:
        apps = worlds.flux(
            "Kustomization",
            "apps",
            "flux-system",
            status={"lastAppliedRevision": applied},
            spec={"sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        )
        inventory = worlds.inventory(kustomizations=self.KUSTOMIZATIONS)
        assert results("kustomizations-ready", worlds.snapshot(apps, self.source(worlds)), inventory) == [result]

    @pytest.mark.parametrize(
        ("kind", "applied", "sources", "result"),
        [
            ("Bucket", "latest@sha256:aa", ["Bucket"], "pass"),
            ("Bucket", "latest@sha256:aa", [], "fail"),
            ("Bucket", "", ["Bucket"], "fail"),
            ("ExternalArtifact", "latest@sha256:aa", [], "error"),
        ],
        ids=["there", "gone", "nothing applied", "of a kind that is not read"],
    )
    def test_a_source_of_any_kind_counts(
        self, worlds: Any, results: Any, kind: str, applied: str, sources: list[str], result: str
    ) -> None:
        reference = {"kind": kind, "name": "fleet"}
        apps = worlds.flux(
            "Kustomization",
            "apps",
            "flux-system",
            status={"lastAppliedRevision": applied},
            spec={"sourceRef": reference},
        )
        offers = {"artifact": {"revision": "latest@sha256:aa"}}
        found = [worlds.flux(k, "fleet", "flux-system", status=offers) for k in sources]
        inventory = worlds.inventory(kustomizations=self.KUSTOMIZATIONS)
        seen = worlds.snapshot(apps, *found, empty=["Bucket"])
        assert results("kustomizations-ready", seen, inventory) == [result]

    def test_a_denied_kustomization_list_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results(
            "kustomizations-ready",
            worlds.snapshot(gaps=["Kustomization"]),
            worlds.inventory(kustomizations=self.KUSTOMIZATIONS),
        ) == ["error"]

    @pytest.mark.parametrize(
        ("annotations", "handled", "result"),
        [(TOKEN, "t2", "pass"), (TOKEN, "t1", "fail"), ({}, "", "fail")],
    )
    def test_the_request_of_the_named_kustomization_must_be_handled(
        self, worlds: Any, annotations: Any, handled: str, result: str
    ) -> None:
        apps = worlds.flux(
            "Kustomization", "apps", "flux-system", annotations=annotations, status={"lastHandledReconcileAt": handled}
        )
        asks = [{"id": "A3", "text": "Trigger Flux reconciliation", "checks": ["reconcile-requested"]}]
        inventory = worlds.inventory(kustomizations=self.KUSTOMIZATIONS, criteria=asks)
        (found,) = worlds.ask("reconcile-requested", worlds.snapshot(apps), inventory)
        assert (str(found.result), found.object.name) == (result, "apps")

    def test_where_no_criterion_wants_a_request_none_is_missed(self, worlds: Any, results: Any) -> None:
        apps = worlds.flux("Kustomization", "apps", "flux-system")
        inventory = worlds.inventory(kustomizations=self.KUSTOMIZATIONS)
        assert results("reconcile-requested", worlds.snapshot(apps), inventory) == ["skip"]

    def test_reconcile_requests_that_cannot_be_read_are_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results(
            "reconcile-requested",
            worlds.snapshot(gaps=["Kustomization"]),
            worlds.inventory(kustomizations=self.KUSTOMIZATIONS),
        ) == ["error"]


class TestControllers:
    def served(self) -> Any:
        from runbook.domain.probes import ServedKind

        return [ServedKind(k, "g", "v1", k.lower()) for k in ("GitRepository", "Kustomization", "HelmRelease")]

    def test_all_three_must_run(self, worlds: Any, results: Any) -> None:
        names = ("source-controller", "kustomize-controller", "helm-controller")
        running = [worlds.deployment(n, "flux-system") for n in names]
        assert results("flux-controllers", worlds.snapshot(*running, *self.served())) == ["pass"] * 4
        assert results("flux-controllers", worlds.snapshot(*running[:2], *self.served())).count("fail") == 1

    def test_a_denied_read_is_not_a_healthy_controller(self, worlds: Any, results: Any) -> None:
        assert results("flux-controllers", worlds.snapshot(*self.served(), gaps=["Deployment"])) == ["error"]

    def test_missing_crds_are_a_fail(self, worlds: Any, results: Any) -> None:
        names = ("source-controller", "kustomize-controller", "helm-controller")
        running = [worlds.deployment(n, "flux-system") for n in names]
        assert results("flux-controllers", worlds.snapshot(*running, *self.served()[:1]))[-1] == "fail"
