"""Workloads, pods, images, nodes: structured state in place of greps."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.domain.probes import ManifestProbe

DIGEST, OLD = "sha256:" + "a" * 64, "sha256:" + "b" * 64
X509 = 'Get "https://reg.example:5000/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority'
WORKLOADS = ["Deployment", "StatefulSet", "DaemonSet", "Job"]


class TestWorkloads:
    @pytest.mark.parametrize(("ready", "want", "result"), [(2, 2, "pass"), (1, 2, "fail"), (0, 0, "fail")])
    def test_as_many_ready_as_wanted(self, worlds: Any, results: Any, ready: int, want: int, result: str) -> None:
        seen = worlds.snapshot(worlds.deployment("shop", "shop", ready=ready, want=want), empty=WORKLOADS)
        assert results("workloads-ready", seen) == [result]

    def test_an_old_generation_is_not_ready(self, worlds: Any, results: Any) -> None:
        old = worlds.obj(
            "Deployment",
            "shop",
            "shop",
            generation=2,
            spec={"replicas": 1},
            status={"observedGeneration": 1, "readyReplicas": 1},
        )
        assert results("workloads-ready", worlds.snapshot(old, empty=WORKLOADS)) == ["fail"]

    def test_an_unfinished_job_is_a_fail_and_a_complete_one_is_not_mentioned(self, worlds: Any, results: Any) -> None:
        done = worlds.obj("Job", "ok", "shop", status={"conditions": [{"type": "Complete", "status": "True"}]})
        stuck = worlds.obj("Job", "stuck", "shop", status={"active": 1})
        seen = worlds.snapshot(worlds.deployment("shop", "shop"), done, stuck, empty=WORKLOADS)
        assert results("workloads-ready", seen) == ["pass", "fail"]

    def test_nothing_there_is_a_fail_and_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results("workloads-ready", worlds.snapshot(empty=WORKLOADS)) == ["fail"]
        assert results("workloads-ready", worlds.snapshot(empty=WORKLOADS[1:], gaps=["Deployment"])) == ["error"]

    @pytest.mark.parametrize(("ready", "probe", "result"), [(1, True, "pass"), (1, False, "warn"), (0, True, "fail")])
    def test_health_probes_must_exist_and_pass(
        self, worlds: Any, results: Any, ready: int, probe: bool, result: str
    ) -> None:
        seen = worlds.snapshot(worlds.deployment("shop", "shop", ready=ready, probe=probe), empty=WORKLOADS)
        assert results("health-probes", seen) == [result]

    def test_health_probes_state_their_scope(self, worlds: Any, results: Any) -> None:
        assert results("health-probes", worlds.snapshot(empty=WORKLOADS)) == ["fail"]
        assert results("health-probes", worlds.snapshot(gaps=WORKLOADS)) == ["error"]


class TestPods:
    def test_running_but_not_ready_is_a_fail(self, worlds: Any) -> None:
        (found,) = worlds.ask("pods-healthy", worlds.snapshot(worlds.pod("p", "shop", ready=False)))
        assert (str(found.result), found.facts["status"]) == ("fail", "Running")

    def test_a_completed_job_pod_is_fine(self, worlds: Any, results: Any) -> None:
        done = worlds.obj(
            "Pod",
            "j",
            "shop",
            spec={"containers": [{"name": "app"}]},
            status={
                "phase": "Succeeded",
                "containerStatuses": [{"name": "app", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
            },
        )
        assert results("pods-healthy", worlds.snapshot(done)) == ["pass"]

    def test_crash_loop_and_many_restarts(self, worlds: Any, results: Any) -> None:
        loop = worlds.pod("p", "shop", waiting=("CrashLoopBackOff", "back-off 5m0s"))
        often = worlds.pod("q", "shop", restarts=7)
        assert results("pods-healthy", worlds.snapshot(loop, often)) == ["fail", "warn"]

    def test_no_pod_is_a_fail_and_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results("pods-healthy", worlds.snapshot(empty=["Pod"])) == ["fail"]
        assert results("pods-healthy", worlds.snapshot(gaps=["Pod"])) == ["error"]


class TestImagePulls:
    def test_own_and_external_images_count_alike(self, worlds: Any) -> None:
        own = worlds.pod("own", "shop", waiting=("ImagePullBackOff", X509))
        external = worlds.pod(
            "external", "velero", image="docker.io/bitnami/kubectl:1.31", waiting=("ErrImagePull", "manifest unknown")
        )
        found = worlds.ask("image-pulls", worlds.snapshot(own, external))
        assert [(str(f.result), f.facts["scope"]) for f in found] == [
            ("fail", "own registry"),
            ("fail", "external registry"),
        ]

    def test_an_init_container_counts(self, worlds: Any) -> None:
        pod = worlds.obj(
            "Pod", "p", "shop",
            spec={"containers": [{"name": "app", "image": "x"}], "initContainers": [{"name": "crds", "image": "docker.io/bitnami/kubectl:1.31"}]},
            status={"phase": "Pending", "initContainerStatuses": [{"name": "crds", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "manifest unknown"}}}]},
        )  # fmt: skip
        (found,) = worlds.ask("image-pulls", worlds.snapshot(pod))
        assert found.reason.startswith("Init:ImagePullBackOff")

    def test_zero_says_its_scope(self, worlds: Any) -> None:
        (found,) = worlds.ask("image-pulls", worlds.snapshot(worlds.pod("p", "shop")))
        assert (str(found.result), found.facts["own"], found.facts["external"]) == ("pass", 1, 0)

    def test_no_pod_at_all_is_a_fail_and_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results("image-pulls", worlds.snapshot(empty=["Pod"])) == ["fail"]
        assert results("image-pulls", worlds.snapshot(gaps=["Pod"])) == ["error"]


class TestImages:
    @pytest.mark.parametrize(
        ("running", "served", "result"),
        [(DIGEST, DIGEST, "pass"), (OLD, DIGEST, "fail"), (DIGEST, "", "fail"), ("", DIGEST, "error")],
    )
    def test_digests_decide(self, worlds: Any, results: Any, running: str, served: str, result: str) -> None:
        image_id = f"docker-pullable://reg.example:5000/shop@{running}" if running else ""
        probe = ManifestProbe(
            "reg.example:5000",
            "shop",
            "1.0.0",
            served,
            (),
            "" if served else "MANIFEST_UNKNOWN",
            200 if served else 404,
        )
        assert results("pods-images", worlds.snapshot(worlds.pod("p", "shop", image_id=image_id), probe)) == [result]

    def test_a_platform_digest_of_the_index_is_the_same_image(self, worlds: Any, results: Any) -> None:
        probe = ManifestProbe("reg.example:5000", "shop", "1.0.0", OLD, (DIGEST,), "", 200)
        assert results(
            "pods-images", worlds.snapshot(worlds.pod("p", "shop", image_id=f"reg.example:5000/shop@{DIGEST}"), probe)
        ) == ["pass"]

    def test_nothing_of_this_registry_runs_or_nothing_was_asked(self, worlds: Any, results: Any) -> None:
        other = worlds.pod("p", "shop", image="docker.io/x:1")
        assert results("pods-images", worlds.snapshot(other, empty=["ManifestProbe"])) == ["fail"]
        assert results("pods-images", worlds.snapshot(other, gaps=["ManifestProbe"])) == ["error"]

    @pytest.mark.parametrize(
        ("digest", "status", "result"), [(DIGEST, 200, "pass"), ("", 404, "fail"), ("", 0, "error")]
    )
    def test_a_manifest_is_proof(self, worlds: Any, results: Any, digest: str, status: int, result: str) -> None:
        probe = ManifestProbe("reg.example:5000", "shop", "1.0.0", digest, (), "" if digest else "why", status)
        assert results("registry-manifests", worlds.snapshot(probe)) == [result]

    def test_no_manifest_asked_for_is_a_fail_and_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results("registry-manifests", worlds.snapshot(empty=["ManifestProbe"])) == ["fail"]
        assert results("registry-manifests", worlds.snapshot(gaps=["ManifestProbe"])) == ["error"]


class TestNodes:
    def node(
        self, worlds: Any, name: str = "n1", ready: str = "True", runtime: str = "docker://28", **spec: Any
    ) -> Any:
        status = {
            "conditions": [{"type": "Ready", "status": ready, "reason": "r", "message": "m"}],
            "nodeInfo": {"containerRuntimeVersion": runtime},
        }
        return worlds.obj("Node", name, spec=spec, status=status)

    @pytest.mark.parametrize(
        ("change", "result"),
        [
            ({}, "pass"),
            ({"ready": "False"}, "fail"),
            ({"runtime": "containerd://2"}, "fail"),
            ({"unschedulable": True}, "fail"),
            ({"name": "n2"}, "fail"),
        ],
    )
    def test_ready_of_the_expected_runtime(
        self, worlds: Any, results: Any, change: dict[str, Any], result: str
    ) -> None:
        assert results("nodes-ready", worlds.snapshot(self.node(worlds, **change)))[0] == result

    def test_no_node_is_a_fail_and_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert "fail" in results("nodes-ready", worlds.snapshot(empty=["Node"]))
        assert results("nodes-ready", worlds.snapshot(gaps=["Node"])) == ["error"]
