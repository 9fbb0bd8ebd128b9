"""Every place a pod, a release, a Kustomization or a source can name what it needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.domain import helmwords, owners, references
from runbook.domain.kinds import called, decode
from runbook.domain.meta import Meta
from runbook.domain.references import Reference
from runbook.model import ObjectRef

SPEC: dict[str, Any] = {
    "serviceAccountName": "runner",
    "imagePullSecrets": [{"name": "regcred"}],
    "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "from-init"}}]}],
    "containers": [
        {
            "name": "c",
            "env": [
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "b", "optional": True}}},
                {"name": "C", "value": "plain"},
            ],
            "envFrom": [{"configMapRef": {"name": "all"}}],
        }
    ],
    "volumes": [
        {"name": "v1", "secret": {"secretName": "mounted"}},
        {"name": "v2", "configMap": {"name": "files", "optional": True}},
        {"name": "v3", "persistentVolumeClaim": {"claimName": "data"}},
        {
            "name": "v4",
            "projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "projected-map"}}]},
        },
    ],
}


def of_pod(spec: dict[str, Any]) -> set[tuple[str, str, str, bool]]:
    found: Any = decode("Pod", json.dumps({"metadata": {"name": "p"}, "spec": spec}).encode())
    return {(r.kind, r.name, r.key, r.optional) for r in references.of_pod_spec(found.spec, "ns")}


def test_a_pods_references_are_all_found() -> None:
    assert of_pod(SPEC) == {
        ("ServiceAccount", "runner", "", False), ("Secret", "regcred", "", True), ("Secret", "from-init", "", False),
        ("Secret", "s", "a", False), ("ConfigMap", "m", "b", True), ("ConfigMap", "all", "", False), ("Secret", "mounted", "", False),
        ("ConfigMap", "files", "", True), ("PersistentVolumeClaim", "data", "", False), ("Secret", "projected", "", False),
        ("ConfigMap", "projected-map", "", False),
    }  # fmt: skip


@pytest.mark.parametrize("field", ["serviceAccountName", "imagePullSecrets", "initContainers", "volumes"])
def test_each_place_counts_by_itself(field: str) -> None:
    assert len(of_pod({k: v for k, v in SPEC.items() if k != field})) < len(of_pod(SPEC))


def test_the_default_account_is_no_reference() -> None:
    assert of_pod({"containers": [], "serviceAccountName": "default"}) == set()


def test_a_releases_values_a_kustomizations_variables_and_keys_a_sources_credentials() -> None:
    hr: Any = decode(
        "HelmRelease",
        b'{"metadata":{"name":"r","namespace":"ns"},"spec":{"valuesFrom":[{"kind":"Secret","name":"v"}]}}',
    )
    ks: Any = decode("Kustomization", json.dumps({"metadata": {"name": "k", "namespace": "ns"}, "spec": {
        "postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "vars", "optional": True}]},
        "decryption": {"provider": "sops", "secretRef": {"name": "age"}}}}).encode())  # fmt: skip
    src: Any = decode("GitRepository", json.dumps({"metadata": {"name": "g", "namespace": "ns"}, "spec": {
        "secretRef": {"name": "deploy-key"}, "certSecretRef": {"name": "ca"}}}).encode())  # fmt: skip
    assert references.of_release(hr) == (Reference("Secret", "ns", "v", "values.yaml", False, "spec.valuesFrom"),)
    assert {(r.kind, r.name, r.optional) for r in references.of_kustomization(ks)} == {
        ("ConfigMap", "vars", True),
        ("Secret", "age", False),
    }
    assert [r.name for r in references.of_source(src)] == ["deploy-key", "ca"]


class TestOwners:
    def test_marks_of_flux_helm_and_hooks(self) -> None:
        flux = Meta(
            name="x",
            namespace="ns",
            labels={owners.HELM_NAME: "r", owners.HELM_NAMESPACE: "apps", owners.KUSTOMIZE_NAME: "k"},
        )
        assert owners.helm_release(flux) == ObjectRef("HelmRelease", "apps", "r")
        assert owners.kustomization(flux) == ObjectRef("Kustomization", "ns", "k")
        helm = Meta(namespace="ns", annotations={owners.RELEASE_NAME: "r", owners.RELEASE_NAMESPACE: "apps"})
        assert owners.helm_storage(helm) == ("apps", "r")
        assert owners.helm_storage(Meta(namespace="ns", labels={owners.INSTANCE: "r"})) == ("ns", "r")
        assert owners.is_hook(Meta(annotations={owners.HOOK: "pre-upgrade"}))
        assert not owners.is_hook(helm)
        assert owners.helm_release(Meta()) is owners.helm_storage(Meta()) is owners.kustomization(Meta()) is None

    @pytest.mark.parametrize("label", owners.JOB_LABELS)
    def test_a_pods_job_by_either_label(self, label: str) -> None:
        assert owners.job_of_pod(Meta(namespace="ns", labels={label: "j"})) == ObjectRef("Job", "ns", "j")
        assert owners.job_of_pod(Meta()) is None

    def test_inventory_ids(self) -> None:
        assert owners.inventory_ref("ns_web_apps_Deployment") == ObjectRef("Deployment", "ns", "web")
        assert owners.inventory_ref("_system__x_rbac.authorization.k8s.io_ClusterRole") == ObjectRef(
            "ClusterRole", "", "system:x"
        )
        assert owners.inventory_ref("nonsense") is None

    @pytest.mark.parametrize("odd", ["ns__apps_Deployment", "ns_web_apps_", "ns_a_b_apps_Deployment", "", "____"])
    def test_what_is_no_inventory_id_is_no_object(self, odd: str) -> None:
        assert owners.inventory_ref(odd) is None

    def test_an_inventory_id_of_another_projects_kind_is_never_that_of_ours(self) -> None:
        istio = owners.inventory_ref("edge_public_networking.istio.io_Gateway")
        assert istio == ObjectRef("Gateway.networking.istio.io", "edge", "public")
        assert owners.inventory_ref("edge_public_gateway.networking.k8s.io_Gateway") == ObjectRef(
            "Gateway", "edge", "public"
        )
        assert owners.inventory_ref("ns_web__Service") == ObjectRef("Service", "ns", "web")


@pytest.mark.parametrize(
    ("kind", "version", "wanted"),
    [
        ("Gateway", "gateway.networking.k8s.io/v1", "Gateway"),
        ("Gateway", "networking.istio.io/v1", "Gateway.networking.istio.io"),
        ("HelmChart", "helm.cattle.io/v1", "HelmChart.helm.cattle.io"),
        ("Service", "serving.knative.dev/v1", "Service.serving.knative.dev"),
        ("Service", "v1", "Service"),
        ("Gateway", "", "Gateway"),
        ("Deployment", "extensions/v1beta1", "Deployment"),
        ("Event", "events.k8s.io/v1", "Event"),
        ("IngressRoute", "traefik.containo.us/v1alpha1", "IngressRoute"),
        ("VirtualService", "networking.istio.io/v1", "VirtualService"),
        ("Widget", "lab.example/v1", "Widget"),
    ],
)
def test_what_an_object_goes_by(kind: str, version: str, wanted: str) -> None:
    assert called(kind, version) == wanted


class TestHelmWords:
    @pytest.mark.parametrize(
        ("message", "failure"),
        [
            ("Helm upgrade failed: pre-upgrade hooks failed: timed out waiting for the condition", "hook-timeout"),
            (
                "failed pre-install: client rate limiter Wait returned an error: rate: Wait(n=1) would exceed context deadline",
                "hook-timeout",
            ),
            ("failed post-install: job x failed: BackoffLimitExceeded", "hook-failed"),
            ("Helm install failed: context deadline exceeded", "wait-timeout"),
            (
                "client rate limiter Wait returned an error: rate: Wait(n=1) would exceed context deadline",
                "wait-timeout",
            ),
            ("resource Deployment/a/b not ready. status: InProgress", "wait-timeout"),
            ("Failed to upgrade after 2 attempt(s)", "retries-exhausted"),
            ("install retries exhausted", "retries-exhausted"),
            ("Helm rollback to previous release a/b.v3 with chart c@1 succeeded", "remediated"),
            ("values don't meet the specifications", "other"),
        ],
    )
    def test_failures(self, message: str, failure: str) -> None:
        assert helmwords.failure(message) == failure

    @pytest.mark.parametrize(
        ("message", "named"),
        [
            (
                "timeout waiting for: [Job/a/b status: 'InProgress', Deployment/a/c status: 'Failed']",
                ["Job/a/b", "Deployment/a/c"],
            ),
            ("failed early due to stalled resources: [HelmRelease/a/b status: 'Failed']", ["HelmRelease/a/b"]),
            (
                "resource StatefulSet/a/db not ready. status: InProgress, message: x context deadline exceeded",
                ["StatefulSet/a/db"],
            ),
            ("job migrate failed: BackoffLimitExceeded", ["Job/ns/migrate"]),
            ("Health check timed out for [deployments.apps 'a/b']", ["Deployment/a/b"]),
            ("context deadline exceeded", []),
        ],
    )
    def test_what_it_waited_for(self, message: str, named: list[str]) -> None:
        assert [str(r) for r in helmwords.waited_for(message, "ns")] == named
