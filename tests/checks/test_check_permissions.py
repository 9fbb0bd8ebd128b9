"""What each stage to come would need to be allowed: asked of the server, missing ones named, nothing assumed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from runbook.checks import needs
from runbook.clients import soak
from runbook.clients.kubernetes import connect
from runbook.clients.observe import observe
from runbook.domain.kinds import KINDS
from runbook.domain.probes import AccessReview
from runbook.embedded import EmbeddedCluster
from runbook.errors import DeniedError
from runbook.inventory.load import load
from runbook.judgement import permissions
from runbook.judgement.permissions import READING, Permission, reads, wanted, writes
from runbook.model import Result, Snapshot

STAGES = permissions.STAGES_TO_COME


def reviewed(inventory: Any, *refused: Permission) -> list[AccessReview]:
    return [AccessReview(p.verb, p.group, p.resource, p.namespace, p not in refused) for p in wanted(inventory)]


def judged(worlds: Any, *reviews: AccessReview) -> dict[str, Any]:
    found = worlds.ask("permissions", worlds.snapshot(*reviews, empty=["AccessReview"]))
    return {f.object.name: f for f in found}


class TestWanted:
    def test_every_kind_that_a_stage_asks_about_is_reviewed(self, worlds: Any) -> None:
        asked = set(wanted(worlds.inventory()))
        for stage in STAGES:
            for kind in set(needs(stage)) & set(KINDS):
                assert Permission("list", KINDS[kind].group, KINDS[kind].plural) in asked
        assert Permission("get", "", "pods/log", "flux-system") in asked

    def test_the_writes_are_those_that_the_plans_name(self, worlds: Any) -> None:
        inventory = worlds.inventory(
            sources=[{"kind": "Bucket", "namespace": "flux-system", "name": "b"}], kustomizations=[{"name": "apps"}]
        )
        leases = {f"{verb} leases.coordination.k8s.io in flux-system" for verb in ("get", "create", "update")}
        flux = "toolkit.fluxcd.io"
        assert {str(p) for p in writes("registry-trust", inventory)} == leases
        assert {str(p) for p in writes("cleanup", inventory)} == leases | {
            f"delete {what} in {namespace}" for what in ("pods", "jobs.batch") for namespace in ("flux-system", "shop")
        }
        assert {str(p) for p in writes("reconcile", inventory)} == leases | {
            f"patch buckets.source.{flux} in flux-system",
            f"patch kustomizations.kustomize.{flux} in flux-system",
            f"patch helmreleases.helm.{flux} in shop",
        }
        assert writes("verify", inventory) == ()

    def test_nothing_is_wanted_outside_of_what_plans_touch(self, worlds: Any) -> None:
        inventory = worlds.inventory(
            sources=[{"kind": "GitRepository", "namespace": "sources", "name": "s"}],
            kustomizations=[{"namespace": "flux", "name": "k"}],
            services=[{"id": "i", "text": "t", "namespace": "services"}],
            infrastructure=[
                {"id": "i", "text": "t", "workload": {"kind": "Deployment", "namespace": "below", "name": "w"}}
            ],
        )
        assert permissions.touched_namespaces(inventory) == {"sources", "flux", "services", "below", "shop"}

    def test_the_soak_watches_what_is_reviewed(self) -> None:
        assert permissions.SOAKED == soak.WATCHED

    def test_secrets_are_asked_for_only_where_they_were_opted_in(self, worlds: Any) -> None:
        opted = worlds.inventory(secrets="metadata", secrets_access={"namespaces": ["shop"]})
        secrets = [
            [str(p) for p in reads(["SealedSecret"], i) if p.resource == "secrets"] for i in (worlds.inventory(), opted)
        ]
        assert secrets == [[], ["list secrets in shop"]]


class TestJudged:
    def test_all_allowed_is_a_pass_for_each_stage(self, worlds: Any) -> None:
        found = judged(worlds, *reviewed(worlds.inventory()))
        assert {n: f.result for n, f in found.items()} == dict.fromkeys(STAGES, Result.PASS)

    def test_a_missing_read_blinds_exactly_the_stages_that_need_it(self, worlds: Any) -> None:
        ingresses = Permission("list", "networking.k8s.io", "ingresses")
        found = judged(worlds, *reviewed(worlds.inventory(), ingresses))
        assert {n for n, f in found.items() if f.result is Result.FAIL} == {"verify"}
        assert "may not list ingresses.networking.k8s.io in all namespaces" in found["verify"].reason

    def test_a_missing_write_leaves_the_plan_and_is_named(self, worlds: Any) -> None:
        jobs = Permission("delete", "batch", "jobs", "shop")
        found = judged(worlds, *reviewed(worlds.inventory(), jobs))
        assert {n: f.result for n, f in found.items() if f.result is not Result.PASS} == {"cleanup": Result.WARN}
        assert found["cleanup"].facts["missing"] == ["delete jobs.batch in shop"]
        assert "not apply: may not delete jobs.batch in shop" in found["cleanup"].reason

    @pytest.mark.parametrize(
        ("everywhere", "there", "result"), [(False, True, "pass"), (False, False, "warn"), (True, None, "pass")]
    )
    def test_a_namespace_may_allow_what_the_cluster_does_not(
        self, worlds: Any, everywhere: bool, there: bool | None, result: str
    ) -> None:
        others = [r for r in reviewed(worlds.inventory()) if (r.verb, r.resource) != ("delete", "jobs")]
        asked = [AccessReview("delete", "batch", "jobs", "", everywhere)]
        asked += [AccessReview("delete", "batch", "jobs", "shop", there)] if there is not None else []
        asked += [AccessReview("delete", "batch", "jobs", "elsewhere", True)]
        assert str(judged(worlds, *others, *asked)["cleanup"].result) == result

    def test_what_was_refused_everywhere_and_not_asked_where_it_is_needed_is_not_known(self, worlds: Any) -> None:
        others = [r for r in reviewed(worlds.inventory()) if (r.verb, r.resource) != ("delete", "jobs")]
        found = judged(worlds, *others, AccessReview("delete", "batch", "jobs", "", False))["cleanup"]
        assert (found.result, "delete jobs.batch in shop" in found.reason) == (Result.ERROR, True)

    def test_nothing_reviewed_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert {f.result for f in judged(worlds).values()} == {Result.ERROR}
        assert results("permissions", worlds.snapshot(gaps=["AccessReview"])) == ["error"]

    def test_reading_is_judged_where_it_was_allowed_and_writing_is_no_matter_of_access(
        self, worlds: Any, results: Any
    ) -> None:
        log = AccessReview("get", "", "pods/log", "", False)
        here = AccessReview("get", "", "pods/log", "flux-system", True)
        delete = AccessReview("delete", "", "pods", "shop", False)
        assert results("access", worlds.snapshot(log, here, delete)) == ["pass"]
        assert results("access", worlds.snapshot(log, delete)) == ["fail"]
        assert results("access", worlds.snapshot(delete)) == ["error"]


@pytest.fixture(scope="module")
def pair() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster("pair", time_scale=300) as cluster:
        yield cluster


class TestOnACluster:
    def look(
        self, pair: EmbeddedCluster, user: str, monkeypatch: pytest.MonkeyPatch | None = None
    ) -> tuple[Snapshot, Any]:
        inventory = load(pair.inventory, today=date(2025, 10, 17)).inventory
        path = pair.kubeconfig.with_name(f"kubeconfig-{user}") if user else pair.kubeconfig
        client = connect(kubeconfig=str(path))
        if monkeypatch is not None:

            def refuse(*_asked: str) -> AccessReview:
                raise DeniedError("access review", "403 Forbidden")

            monkeypatch.setattr(client, "review", refuse)
        try:
            found = observe(
                client, inventory, wants=["AccessReview"], base=pair.inventory.parent, now=lambda: client.clock().now
            )
        finally:
            client.close()
        return found.snapshot, inventory

    def test_an_administrator_may_do_it_all(self, pair: EmbeddedCluster, worlds: Any) -> None:
        snapshot, inventory = self.look(pair, "")
        assert {f.result for f in worlds.ask("permissions", snapshot, inventory)} == {Result.PASS}

    def test_who_may_only_look_hears_what_is_missing_by_name(self, pair: EmbeddedCluster, worlds: Any) -> None:
        snapshot, inventory = self.look(pair, "viewer")
        found = {f.object.name: f for f in worlds.ask("permissions", snapshot, inventory)}
        missing = {p for f in found.values() for p in f.facts["missing"]}
        assert {str(p) for stage in STAGES for p in writes(stage, inventory)} <= missing
        assert "delete jobs.batch in notes" in found["cleanup"].facts["missing"]
        assert "delete pods in flux-system, kube-system, mail, notes" in found["cleanup"].reason
        words = {name: str(f.result) for name, f in found.items()}  # it may not read HelmReleases either
        assert words == {"registry-trust": "warn", "cleanup": "warn", "reconcile": "fail", "verify": "fail"}
        asked = {(r.verb, r.namespace) for r in snapshot.of(AccessReview) if not r.allowed and r.verb not in READING}
        assert ("delete", "notes") in asked  # refused everywhere, it was asked once more where it is needed

    def test_a_refused_review_is_not_evaluated(
        self, pair: EmbeddedCluster, worlds: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        snapshot, inventory = self.look(pair, "", monkeypatch)
        (found,) = worlds.ask("permissions", snapshot, inventory)
        assert (found.result, "403" in found.reason) == (Result.ERROR, True)
