"""Causes that no recording has: one small world each, from the release down to what is at fault."""

from __future__ import annotations

from typing import Any

import pytest
from diagnosis_worlds import condition, deployment, event, failed, job, meta, pod, release, snapshot
from recorded_worlds import kind

from runbook.diagnosis import explain

WAIT = "timeout waiting for: [Deployment/ns/web status: 'InProgress']"


def web(*more: Any, error: str = WAIT) -> list[Any]:
    return [release("ns", "web", failed("ns", "web", error)), deployment("ns", "web", ready=False), *more]


def created(message: str) -> Any:
    return event(("ReplicaSet", "ns", "web-5d"), "FailedCreate", message)


def web_pod(**given: Any) -> dict[str, Any]:
    return pod("ns", "web-5d-x", ("ReplicaSet", "web-5d"), **given)


def unscheduled(message: str) -> dict[str, Any]:
    given = web_pod()
    given["status"] = {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", message)]}
    return given


def crashed(reason: str, **last: Any) -> dict[str, Any]:
    given = web_pod(
        waiting=("CrashLoopBackOff", "back-off 5m0s restarting failed container=main pod=web-5d-x_ns(1)"),
        phase="Running",
    )
    given["status"]["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": 137, "reason": reason, **last}}
    return given


def node(ready: str, message: str = "", reason: str = "") -> dict[str, Any]:
    return {
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"conditions": [condition("Ready", ready, reason, message)]},
    }


def on_node(given: dict[str, Any]) -> dict[str, Any]:
    given["spec"]["nodeName"] = "n1"
    return given


def claim(**status: Any) -> dict[str, Any]:
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": meta("ns", "data"),
        "spec": {"storageClassName": "fast"},
        "status": {"phase": "Pending", **status},
    }


def with_claim(given: dict[str, Any]) -> dict[str, Any]:
    given["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return given


CASES: dict[str, tuple[str, str, list[Any]]] = {
    "quota": ("quota-exceeded", "ResourceQuota/ns/pods", web(created(
        'Error creating: pods "web-5d-q" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1'))),
    "limit range": ("limit-range", "ReplicaSet/ns/web-5d", web(created(
        'Error creating: pods "web-5d-q" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi'))),
    "service account": ("service-account-missing", "ReplicaSet/ns/web-5d", web(created(
        'Error creating: pods "web-5d-" is forbidden: error looking up service account ns/web: serviceaccount "web" not found'))),
    "policy": ("admission-denied", "ReplicaSet/ns/web-5d", web(created(
        'Error creating: pods "web-5d-" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'))),
    "injector": ("istio-injection", "Webhook/namespace.sidecar-injector.istio.io", web(created(
        'Error creating: Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: '
        'Post "https://istiod.istio-system.svc:443/inject?timeout=10s": no endpoints available for service "istiod"'), kind("MutatingWebhookConfiguration", "", "istio", webhooks=[
        {"name": "namespace.sidecar-injector.istio.io", "clientConfig": {"service": {"name": "istiod", "namespace": "istio-system"}}}]))),
    "config map": ("configmap-missing", "Pod/ns/web-5d-x", web(web_pod(waiting=("CreateContainerConfigError", 'configmap "settings" not found')))),
    "mounted secret": ("secret-missing", "Pod/ns/web-5d-x", web(
        web_pod(), event(("Pod", "ns", "web-5d-x"), "FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "tls" not found'))),
    "no room": ("unschedulable", "Pod/ns/web-5d-x", web(unscheduled("0/1 nodes are available: 1 Insufficient cpu."))),
    "no storage class": ("pvc-pending", "PersistentVolumeClaim/ns/data", web(
        with_claim(unscheduled("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")), claim())),
    "network plugin": ("cni-failure", "Pod/ns/web-5d-x", web(web_pod(), event(("Pod", "ns", "web-5d-x"), "FailedCreatePodSandBox",
        'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "a": plugin type="calico" failed (add): x'))),
    "memory": ("oom-killed", "Pod/ns/web-5d-x", web(crashed("OOMKilled"))),
    "command": ("container-command-error", "Pod/ns/web-5d-x", web(crashed("StartError",
        message='failed to create containerd task: exec: "serve": executable file not found in $PATH: unknown'))),
    "database": ("db-connection", "Pod/ns/web-5d-x", web(crashed("Error", message='FATAL: password authentication failed for user "web"'))),
    "evicted": ("node-pressure-evicted", "Pod/ns/web-5d-x", web(
        web_pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."))),
    "node": ("node-not-ready", "Node/n1", web(
        on_node(crashed("Error")), node("Unknown", "Kubelet stopped posting node status.", "NodeStatusUnknown"))),
    "hook without labels": ("image-not-found", "Pod/ns/web-migrate-1", [
        release("ns", "web", failed("ns", "web", "pre-upgrade hooks failed: timed out waiting for the condition")),
        job("ns", "web-migrate"),
        pod("ns", "web-migrate-1", ("Job", "web-migrate"), waiting=("ErrImagePull", 'Failed to pull image "r.lab/m:1": manifest unknown'))]),
    "hook that cannot be made": ("quota-exceeded", "ResourceQuota/ns/pods", [
        release("ns", "web", failed("ns", "web", "pre-upgrade hooks failed: timed out waiting for the condition")),
        job("ns", "web-migrate", active=0),
        event(("Job", "ns", "web-migrate"), "FailedCreate", 'Error creating: pods "x" is forbidden: exceeded quota: pods, requested: pods=1')]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_first_cause_and_the_object_at_fault(case: str) -> None:
    cause, fault, objects = CASES[case]
    explanation = explain(snapshot(*objects))
    assert {(c.cause, str(c.object)) for c in explanation.first_causes} == {(cause, fault)}
    assert explanation.unexplained == ()
    relations = {str(e.object): e.relation for c in explanation.first_causes for e in c.explains}
    assert relations["HelmRelease/ns/web"] == "caused-by"


def test_what_a_kustomization_applied_of_the_core_group_is_found_by_its_inventory() -> None:
    works = condition("Ready", "Unknown", "Progressing", "Reconciliation in progress", observedGeneration=1)
    entries = [{"id": "ns_data__PersistentVolumeClaim", "v": "v1"}]
    apps = {"kind": "Kustomization", "metadata": meta("flux-system", "apps"),
            "status": {"conditions": [works], "inventory": {"entries": entries}}}  # fmt: skip
    claim = {"kind": "PersistentVolumeClaim", "metadata": meta("ns", "data"), "status": {"phase": "Pending"}}
    why = event(
        ("PersistentVolumeClaim", "ns", "data"), "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found'
    )
    (cause,) = explain(snapshot(apps, claim, why)).first_causes
    assert (cause.cause, str(cause.object)) == ("pvc-pending", "PersistentVolumeClaim/ns/data")
    via = {str(e.object): e.via for e in cause.explains}["Kustomization/flux-system/apps"]
    assert via == ("PersistentVolumeClaim/ns/data (applies: status.inventory)",)


class TestWhatIsNotExplained:
    """Where only waiting is known, nothing is claimed, and the next question is named."""

    @pytest.mark.parametrize(
        ("objects", "hypothesis"),
        [
            (web(crashed("Error")), "crash-loop"),
            (web(web_pod(phase="Running"), event(("Pod", "ns", "web-5d-x"), "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")),
             "probe-failing"),
        ],
        ids=["crash loop", "probe"],
    )  # fmt: skip
    def test_a_symptom_stays_a_hypothesis_on_all_that_wait(self, objects: list[Any], hypothesis: str) -> None:
        explanation = explain(snapshot(*objects))
        assert explanation.first_causes == ()
        release_ = next(u for u in explanation.unexplained if u.object.kind == "HelmRelease")
        assert hypothesis in {h.cause for h in release_.hypotheses}
        assert "web" in release_.why

    def test_an_unknown_text_is_not_explained_by_what_happens_to_fail_beside_it(self) -> None:
        beside = web_pod(waiting=("ErrImagePull", 'Failed to pull image "r.lab/app:1": manifest unknown'))
        explanation = explain(snapshot(*web(beside, error="something that nobody has seen")))
        assert "HelmRelease/ns/web" in {str(u.object) for u in explanation.unexplained}

    def test_a_hook_whose_job_is_gone_takes_its_proof_along(self) -> None:
        gone = release(
            "ns", "web", failed("ns", "web", "pre-upgrade hooks failed: timed out waiting for the condition")
        )
        (left,) = explain(snapshot(gone, deployment("ns", "web", ready=True))).unexplained
        assert "hook Job that is gone" in left.why

    def test_a_hook_that_is_merely_slow_is_said_to_run(self) -> None:
        slow = release(
            "ns", "web", failed("ns", "web", "pre-upgrade hooks failed: timed out waiting for the condition")
        )
        runs = pod("ns", "web-migrate-1", ("Job", "web-migrate"), phase="Running")
        (left,) = explain(snapshot(slow, job("ns", "web-migrate"), runs)).unexplained
        assert "still runs" in left.why

    def test_what_failed_once_and_is_well_again_is_not_failing(self) -> None:
        litter = pod(
            "ns",
            "web-5d-old",
            ("ReplicaSet", "web-5d"),
            phase="Failed",
            reason="Evicted",
            message="The node was low on resource",
        )
        explanation = explain(
            snapshot(
                release("ns", "web", "ok", "UpgradeSucceeded", ready="True"),
                deployment("ns", "web", ready=True),
                litter,
            )
        )
        assert (explanation.first_causes, explanation.unexplained) == ((), ())

    def test_an_event_of_an_hour_ago_does_not_speak_of_now(self) -> None:
        old = event(
            ("Pod", "ns", "web-5d-x"),
            "FailedMount",
            'MountVolume.SetUp failed for volume "tls" : secret "tls" not found',
            seconds=3600,
        )
        explanation = explain(snapshot(*web(web_pod(), old)))
        assert explanation.first_causes == ()


def test_what_a_message_of_a_gone_hook_or_of_an_older_generation_rests_on_is_a_sentence_too() -> None:
    hook = release("ns", "web", failed("ns", "web", "pre-upgrade hooks failed: timed out waiting for the condition"))
    older = release("ns", "api", failed("ns", "api", "values don't meet the specifications of the schema(s)"))
    older["metadata"]["generation"] = 2  # what is said is of the first
    said = [h.because for obj in (hook, older) for u in explain(snapshot(obj)).unexplained for h in u.hypotheses]
    assert any(because.startswith("its message: ") for because in said), said
    assert any(because.startswith("its older message says so: ") for because in said), said
    assert all(because.endswith(".") and not because.endswith("..") for because in said), said
