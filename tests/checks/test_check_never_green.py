"""What is empty, missing or only partly known is never a pass: one rule, tried in one place after another."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from checks_build import GREEN, HOST, ROW, green_inventory, green_snapshot, holding

from runbook.checks import judge, run
from runbook.domain.probes import EndpointProbe, GitFile, GitHead, LogWindow, RegistryTrust, SoakWindow, UnsealProbe
from runbook.domain.readiness import flux_state
from runbook.model import ObjectRef, Result


def result_of(worlds: Any, check: str, *objects: Any, empty: tuple[str, ...] = (), **inventory: Any) -> set[str]:
    """The words a check answers in a world of its own."""
    found = worlds.ask(check, worlds.snapshot(*objects, empty=empty), worlds.inventory(**inventory))
    return {str(f.result) for f in found}


def endpoint(body: str = "{}", tls: str = "verified") -> EndpointProbe:
    return EndpointProbe("a", "https://h/a", status=200, tls=tls, body=body, layer="body")


class TestCounting:
    def test_a_release_nobody_expects_changes_no_denominator(self, worlds: Any) -> None:
        inventory = worlds.inventory(criteria=[{"id": "A4", "text": "t", "checks": ["releases-ready"]}])
        extra = worlds.release("x", "y", "False", reason="InstallFailed")
        (row,) = judge(
            worlds.ask("releases-ready", worlds.snapshot(worlds.release("shop", "shop"), extra)), inventory, "verify"
        )
        assert (row.met, row.of) == (1, 1)

    def test_a_pod_that_cannot_be_read_unticks_what_rests_on_pods(self, worlds: Any) -> None:
        inventory = green_inventory(worlds)
        seen = dataclasses.replace(green_snapshot(worlds), malformed=((ObjectRef("Pod", "shop", "shop-2"), "no"),))
        rows = {c.id: c for c in judge(run("verify", seen, inventory), inventory, "verify")}
        assert rows["pods-healthy"].result is Result.ERROR


class TestReadiness:
    def test_what_is_being_deleted_is_not_ready(self, worlds: Any) -> None:
        going = worlds.release("shop", "shop")
        metadata = replaced(going.metadata, deletion_timestamp=worlds.now)
        assert not flux_state(replaced(going, metadata=metadata)).ready

    def test_a_rollout_that_is_stuck_is_not_ready(self, worlds: Any) -> None:
        stuck = worlds.obj(
            "Deployment",
            "shop",
            "shop",
            generation=2,
            spec={"replicas": 1},
            status={
                "observedGeneration": 2,
                "replicas": 2,
                "readyReplicas": 1,
                "updatedReplicas": 1,
                "availableReplicas": 1,
                "unavailableReplicas": 1,
                "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
            },
        )
        assert "fail" in result_of(worlds, "workloads-ready", stuck, empty=("StatefulSet", "DaemonSet", "Job"))

    def test_a_kustomization_that_applied_nothing_is_not_ready(self, worlds: Any) -> None:
        apps = worlds.flux(
            "Kustomization", "apps", "flux-system", spec={"sourceRef": {"kind": "GitRepository", "name": "gone"}}
        )
        words = result_of(
            worlds, "kustomizations-ready", apps, empty=("GitRepository",), kustomizations=[{"name": "apps"}]
        )
        assert not words <= GREEN


class TestTrust:
    def test_a_cell_that_was_left_half_way_is_not_trust(self, worlds: Any) -> None:
        half = RegistryTrust("n1", "docker", HOST, resolve="ok", connect="ok", chain="ok", node_read="read")
        assert not result_of(worlds, "registry-trust", half, empty=("Pod", "Event")) <= GREEN

    def test_a_message_about_another_host_is_no_evidence_here(self, worlds: Any) -> None:
        message = f'Get "https://other.{HOST}/v2/": x509: certificate signed by unknown authority'
        pod = worlds.pod("p", "shop", waiting=("ImagePullBackOff", message))
        assert result_of(worlds, "registry-trust", pod, empty=("RegistryTrust", "Event")) == {"error"}

    @pytest.mark.parametrize("witness", ["kubelet", "event"])
    def test_synced_is_not_believed_against_a_witness(self, worlds: Any, witness: str) -> None:
        sealed = worlds.obj(
            "SealedSecret", "db", "shop", generation=1, status={"conditions": [{"type": "Synced", "status": "True"}]}
        )
        sealed = replaced(sealed, status=replaced(sealed.status, observed_generation=1))
        pod = worlds.pod("p", "shop", waiting=("CreateContainerConfigError", 'secret "db" not found'))
        about = {"kind": "SealedSecret", "namespace": "shop", "name": "db"}
        event = worlds.obj(
            "Event",
            "e",
            "shop",
            type="Warning",
            reason="ErrUnsealFailed",
            involvedObject=about,
            lastTimestamp="2025-10-17T11:15:00Z",
        )
        seen = pod if witness == "kubelet" else event
        assert not result_of(worlds, "sealed-secrets-unsealed", sealed, seen) <= GREEN

    def test_an_opted_in_namespace_without_any_secret_is_a_fail(self, worlds: Any) -> None:
        sealed = worlds.obj("SealedSecret", "db", "shop", status={"conditions": [{"type": "Synced", "status": "True"}]})
        access = {"secrets": "metadata", "secrets_access": {"namespaces": ["shop"]}}
        assert result_of(worlds, "sealed-secrets-unsealed", sealed, empty=("Secret",), **access) == {"fail"}

    def test_each_sealed_secret_needs_its_own_answer(self, worlds: Any) -> None:
        two = [worlds.obj("SealedSecret", n, "shop") for n in ("db", "other")]
        words = result_of(
            worlds, "sealing-keys", *two, UnsealProbe("shop", "db", True, 200), sealed_secrets={"namespace": "k"}
        )
        assert not words <= GREEN


class TestVersions:
    ROW = {"id": "s", "text": "s", "release": "shop/shop", "version": "1.0.0"}

    def test_another_releases_pod_is_not_taken_for_its_own(self, worlds: Any) -> None:
        other = worlds.pod(
            "shop-admin-1", "shop", image=f"{HOST}/shop-admin:1.0.0", labels={"app.kubernetes.io/name": "shop-admin"}
        )
        release = worlds.release("shop", "shop", tag="1.0.0")
        assert result_of(worlds, "versions-agree", release, other, services=[self.ROW]) == {"fail"}

    def test_a_v_before_the_version_is_no_disagreement(self, worlds: Any) -> None:
        pod = worlds.pod("shop-1", "shop", image=f"{HOST}/shop:v1.0.0")
        release = worlds.release("shop", "shop", tag="v1.0.0")
        row = {**self.ROW, "version": "v1.0.0"}
        assert result_of(worlds, "versions-agree", release, pod, services=[row]) == {"pass"}

    def test_a_v_in_git_is_no_edit(self, worlds: Any) -> None:
        file = GitFile("HelmRelease", "shop", "shop", "a.yaml", 1, "1", (("image.tag", "v1.0.0"),))
        row = {**self.ROW, "version": "v1.0.0"}
        assert result_of(worlds, "git-versions", file, services=[row]) == {"skip"}

    def test_a_checkout_without_a_commit_proves_nothing(self, worlds: Any) -> None:
        source = worlds.flux("GitRepository", "s", "f", status={"artifact": {"revision": "main@sha1:aa"}})
        git = {"path": ".", "source": {"kind": "GitRepository", "namespace": "f", "name": "s"}}
        assert not result_of(worlds, "git-revision", source, GitHead(""), git=git) <= GREEN

    def test_a_row_may_name_its_workload_only(self, worlds: Any) -> None:
        row = {"id": "s", "text": "s", "workload": {"kind": "Deployment", "namespace": "shop", "name": "shop"}}
        empty = ("HelmRelease", "StatefulSet", "DaemonSet")
        up = worlds.deployment("shop", "shop")
        assert result_of(worlds, "services-running", up, empty=empty, services=[row]) == {"pass"}


class TestEndpoints:
    ENTRY = {"name": "a", "url": "https://h/a"}

    @pytest.mark.parametrize("check", ["endpoints-answer", "smoke-checks"])
    def test_a_nested_field_is_not_the_field(self, worlds: Any, check: str) -> None:
        entry = {**self.ENTRY, "smoke": True, "expect": {"status": "healthy"}}
        body = '{"status":"down","db":{"status":"healthy"}}'
        assert result_of(worlds, check, endpoint(body), endpoints=[entry]) == {"fail"}

    @pytest.mark.parametrize("check", ["endpoints-answer", "smoke-checks"])
    def test_a_value_with_a_space_can_be_expected(self, worlds: Any, check: str) -> None:
        entry = {**self.ENTRY, "smoke": True, "expect": {"status": "all good"}}
        assert result_of(worlds, check, endpoint('{"status": "all good"}'), endpoints=[entry]) == {"pass"}

    def test_plain_http_is_shown_as_a_downgrade(self, worlds: Any) -> None:
        entry = {**self.ENTRY, "url": "http://h/a"}
        assert result_of(worlds, "endpoints-answer", endpoint(tls="none"), endpoints=[entry]) == {"warn"}

    def test_an_expected_version_is_compared_somewhere(self, worlds: Any) -> None:
        entry = {**self.ENTRY, "expect": {"version": "2"}}
        assert result_of(worlds, "endpoints-answer", endpoint('{"version":"1"}'), endpoints=[entry]) != {"pass"}

    def test_an_ingress_without_paths_is_not_a_way_in(self, worlds: Any) -> None:
        bare = worlds.obj("Ingress", "i", "shop", spec={"rules": [{"host": "h"}]})
        assert not result_of(worlds, "ingress-backends", bare, empty=("Service", "EndpointSlice")) <= GREEN

    def test_the_service_of_a_declared_endpoint_is_expected(self, worlds: Any) -> None:
        snapshot = green_snapshot(worlds)
        entry = {**self.ENTRY, "service": "shop/api"}
        found = worlds.ask("services-endpoints", snapshot, green_inventory(worlds, endpoints=[entry], services=[]))
        assert "fail" in {str(f.result) for f in found}


class TestInfrastructure:
    def test_a_row_that_rests_on_itself_ends(self, worlds: Any) -> None:
        row = {**ROW, "also": ["infrastructure-ready"]}
        assert worlds.ask("infrastructure-ready", green_snapshot(worlds), green_inventory(worlds, infrastructure=[row]))

    def test_a_rows_endpoint_counts(self, worlds: Any) -> None:
        down = EndpointProbe("health", "https://h/health", error="connection refused", layer="tcp")
        inventory = green_inventory(worlds, infrastructure=[{**ROW, "endpoint": "health"}])
        found = worlds.ask("infrastructure-ready", holding(green_snapshot(worlds), "EndpointProbe", down), inventory)
        assert {str(f.result) for f in found} == {"fail"}


class TestQuiet:
    def test_no_time_at_all_is_no_soak(self, worlds: Any) -> None:
        assert not result_of(worlds, "soak", SoakWindow(0.0, 0.0, worlds.now, worlds.now)) <= GREEN

    def test_each_namespace_of_the_logs_needs_a_window(self, worlds: Any) -> None:
        window = LogWindow("flux-system", "p", 100, worlds.now, worlds.now)
        words = result_of(
            worlds, "controller-logs", window, empty=("LogGroup",), logs={"namespaces": ["flux-system", "sealing"]}
        )
        assert not words <= GREEN

    def test_a_log_without_a_line_is_not_a_quiet_log(self, worlds: Any) -> None:
        window = LogWindow("flux-system", "p", 0, worlds.now, worlds.now)
        assert not result_of(worlds, "controller-logs", window, empty=("LogGroup",)) <= GREEN


def replaced(struct: Any, **change: Any) -> Any:
    """A frozen observed object with fields replaced."""
    import msgspec

    return msgspec.structs.replace(struct, **change)
