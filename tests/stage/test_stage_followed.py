"""What other projects make and lead to, on a live cluster: only where it is served, names alone of ConfigMaps, a denial told."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from clusterapi import Api

from runbook.clients.kubernetes import connect
from runbook.diagnosis import explain
from runbook.diagnosis.index import ref_of
from runbook.domain.kinds import KINDS, decode
from runbook.embedded import EmbeddedCluster
from runbook.errors import VerdictFailed
from runbook.evidence import Run
from runbook.judgement import permissions
from runbook.model import ObjectRef, Verdict
from runbook.stage import Stage, begin, replay_attempts
from runbook.stage.stages import EXPLAINED, FOLLOWED, STAGES, WALKED, wants

LACKING = (
    "ExternalSecret",
    "SecretStore",
    "ClusterSecretStore",
    "Gateway",
    "HTTPRoute",
    "GRPCRoute",
    "TLSRoute",
    "TCPRoute",
    "UDPRoute",
    "IngressRoute",
    "ReferenceGrant",
)  # of the others the embedded cluster has the CustomResourceDefinitions
DOORS = (
    ("HTTPRoute", "v1"), ("GRPCRoute", "v1"), ("TLSRoute", "v1alpha3"), ("TCPRoute", "v1alpha2"), ("UDPRoute", "v1alpha2"),
    ("IngressRoute", "v1alpha1"),
)  # fmt: skip
SERVED = (("Gateway", "v1"), ("ReferenceGrant", "v1beta1"), *DOORS)
VALUE = "not-for-your-eyes-7719"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """The healthy cluster, of one's own: what these tests create stays."""
    with EmbeddedCluster("healthy", time_scale=60) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        yield Api(cluster)


def reviewed(api: Api) -> set[tuple[str, str]]:
    """The resources whose reading preflight asks leave for."""
    given = {"inventory": str(api.cluster.inventory), "kubeconfig": str(api.cluster.kubeconfig)}
    stage = begin("preflight", **given, outputs=str(api.cluster.state / "out"))
    stage.observe()
    assert stage.observed is not None
    return {(r.group, r.resource) for r in stage.observed.snapshot.objects["AccessReview"]}


def diagnosed(api: Api, folder: Path) -> Stage:
    given = {"inventory": str(api.cluster.inventory), "kubeconfig": str(api.cluster.kubeconfig)}
    stage = begin("diagnose", **given, outputs=str(folder / "outputs"))
    with contextlib.suppress(VerdictFailed):
        stage.record()
    return stage


def gaps(stage: Stage) -> set[str]:
    assert stage.judged is not None
    assert stage.judged.explanation is not None
    return {g.what.partition(" ")[0] for g in stage.judged.explanation.not_evaluated}


def test_only_diagnose_and_explain_follow_them_so_that_a_verify_needs_no_more_rights() -> None:
    assert set(FOLLOWED) <= set(wants("diagnose"))
    assert not set(FOLLOWED) & {k for stage in ("verify", "cleanup", "reconcile") for k in wants(stage)}


class TestWhatIsNotInstalled:
    def test_is_not_asked_for_and_hides_nothing(self, api: Api, tmp_path: Path) -> None:
        before = len(api.requests())
        stage = diagnosed(api, tmp_path)
        assert stage.observed is not None
        assert {k: stage.observed.snapshot.objects[k] for k in LACKING} == dict.fromkeys(LACKING, ())
        assert gaps(stage) == set()
        assert stage.result is not None
        assert stage.result.verdict is Verdict.PASS
        asked = {r["path"] for r in api.requests()[before:]}
        assert not [p for p in asked if any(p.endswith(f"/{KINDS[k].plural}") for k in LACKING)]

    def test_takes_no_right_in_preflight(self, api: Api) -> None:
        client = connect(kubeconfig=str(api.cluster.kubeconfig))
        try:
            assert [k for k in FOLLOWED if client.lacks(k)] == list(LACKING)
        finally:
            client.close()
        asked = reviewed(api)
        assert ("", "configmaps") in asked
        assert not asked & {(KINDS[k].group, KINDS[k].plural) for k in LACKING}


@pytest.mark.parametrize("kind", ["ConfigMap", "StorageClass"])
def test_a_denied_list_is_told_and_a_green_cluster_is_not_green(api: Api, tmp_path: Path, kind: str) -> None:
    with api.fault(fault="denied", path=f"/{KINDS[kind].plural}$", message="not you"):
        stage = diagnosed(api, tmp_path)
    assert gaps(stage) == {KINDS[kind].qualified}
    assert stage.result is not None
    assert stage.result.verdict is Verdict.ERROR
    assert "not you" in stage.explain().text()


def test_of_a_configmap_only_its_name_is_asked_for_and_kept(api: Api, tmp_path: Path) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"plain": VALUE}}
    api.send("POST", "/api/v1/namespaces/default/configmaps", body)
    stage = diagnosed(api, tmp_path)
    kept = gzip.decompress((stage.setting.attempt.path / "observations/ConfigMap.jsonl.gz").read_bytes()).decode()
    mine = next(json.loads(line) for line in kept.splitlines() if '"settings"' in line)
    assert mine["kind"] == "PartialObjectMetadata"
    assert "data" not in mine
    for path in (p for p in stage.setting.run.path.rglob("*") if p.is_file()):
        data = path.read_bytes()
        assert VALUE.encode() not in (gzip.decompress(data) if path.suffix == ".gz" else data), path


def test_an_item_that_does_not_say_its_kind_is_of_the_kind_that_was_listed() -> None:
    found = decode("HTTPRoute", b'{"metadata":{"name":"door","namespace":"default"}}')
    assert ref_of(found) == ObjectRef("HTTPRoute", "default", "door")


class TestWhatIsInstalled:
    """Last: from here on the cluster serves ExternalSecrets, at a version that its group does not prefer, and routes."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def installed(cls, api: Api) -> None:
        served = [("SecretStore", "v1", "secretstores"), ("ExternalSecret", "v1beta1", "externalsecrets")]
        for kind, version, plural in (*served, *((kind, version, KINDS[kind].plural) for kind, version in SERVED)):
            group = KINDS[kind if kind in KINDS else "ExternalSecret"].group
            schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
            versions = [{"name": version, "served": True, "storage": True, "schema": schema}]
            names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
            spec = {"group": group, "scope": "Namespaced", "names": names, "versions": versions}
            body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
            meta = {"name": f"{plural}.{group}"}
            path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            api.send("POST", path, {**body, "metadata": meta, "spec": spec})
        secret = {
            "apiVersion": "external-secrets.io/v1beta1", "kind": "ExternalSecret",
            "metadata": {"name": "login", "namespace": "default"},
            "spec": {"target": {"name": "login-values"}},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "SecretSyncedError",
                                       "message": "could not get secret data from provider", "lastTransitionTime": "2025-10-17T10:00:00Z"}]},
        }  # fmt: skip
        api.send("POST", "/apis/external-secrets.io/v1beta1/namespaces/default/externalsecrets", secret)
        ready = {"type": "Ready", "status": "False", "lastTransitionTime": "2025-10-17T10:00:00Z"}
        told = {
            "secretstores": {"name": "vault", "spec": {"provider": {}}, "said": 'cannot get secret: secrets "vault-token" not found'},
            "externalsecrets": {"name": "keys", "spec": {"secretStoreRef": {"name": "vault"}}, "said": "could not get secret data from provider"},
        }  # fmt: skip
        for plural, one in told.items():
            kind, version = next((k, v) for k, v, p in served if p == plural)
            status = {"conditions": [{**ready, "message": one["said"]}]}
            meta = {"name": one["name"], "namespace": "default"}
            body = {"apiVersion": f"external-secrets.io/{version}", "kind": kind, "metadata": meta}
            path = f"/apis/external-secrets.io/{version}/namespaces/default/{plural}"
            api.send("POST", path, {**body, "spec": one["spec"], "status": status})
        gateway = {
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "default"},
            "spec": {"listeners": [{"name": "https", "port": 443, "tls": {"certificateRefs": [{"name": "login-values"}]}}]},
            "status": {"conditions": [{"type": "Programmed", "status": "False", "reason": "Invalid",
                                       "message": "listener is not valid", "lastTransitionTime": "2025-10-17T10:00:00Z"}]},
        }  # fmt: skip
        api.send("POST", "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways", gateway)
        to = [{"name": "nowhere", "port": 80}]
        for kind, version in DOORS:
            served_as = f"{KINDS[kind].group}/{version}"
            spec = {"routes": [{"services": to}]} if kind == "IngressRoute" else {"rules": [{"backendRefs": to}]}
            route = {
                "apiVersion": served_as,
                "kind": kind,
                "metadata": {"name": "door", "namespace": "default"},
                "spec": spec,
            }
            api.send("POST", f"/apis/{served_as}/namespaces/default/{KINDS[kind].plural}", route)

    def test_it_stands_in_the_explanation_and_a_replay_says_the_same(self, api: Api, tmp_path: Path) -> None:
        stage = diagnosed(api, tmp_path)
        assert stage.judged is not None
        found = stage.judged.explanation
        assert found is not None
        maker = ObjectRef("ExternalSecret", "default", "login")
        (cause,) = (c for c in found.first_causes if any(e.object == maker for e in c.explains))
        assert (cause.cause, cause.proof) == ("secret-missing", "hypothesis")
        assert cause.captures["secret"] == "login-values"
        assert ObjectRef("Gateway", "default", "edge") in {e.object for e in cause.explains}
        left = {str(u.object): u.why for u in found.unexplained}
        for kind, _ in DOORS:
            assert "Service/default/nowhere does not exist" in left[f"{kind}/default/door"]
        assert replay_attempts(Run.load(stage.setting.run.path))[0].differences == ()
        assert explain(stage.setting.attempt.snapshot()).first_causes

    def test_what_fails_for_its_store_stands_under_that(self, api: Api, tmp_path: Path) -> None:
        stage = diagnosed(api, tmp_path)
        assert stage.judged is not None
        found = stage.judged.explanation
        assert found is not None
        (cause,) = (c for c in found.first_causes if c.captures.get("secret") == "vault-token")
        assert str(cause.object) == "SecretStore/default/vault"
        assert [str(e.object) for e in cause.explains] == ["ExternalSecret/default/keys"]

    @pytest.mark.parametrize(
        "kind", ["ExternalSecret", "SecretStore", "Gateway", "HTTPRoute", "UDPRoute", "ReferenceGrant"]
    )
    def test_denied_it_is_told_by_name(self, api: Api, tmp_path: Path, kind: str) -> None:
        path = f"{KINDS[kind].group}/[^/]+/{KINDS[kind].plural}$"
        with api.fault(fault="denied", path=path, message="not you"):
            stage = diagnosed(api, tmp_path)
        assert KINDS[kind].qualified in gaps(stage)
        assert stage.result is not None
        assert stage.result.verdict is not Verdict.PASS

    def test_preflight_asks_for_the_right_to_list_it(self, api: Api) -> None:
        wanted = {(p.verb, p.group, p.resource) for p in permissions.wanted(_inventory(api))}
        assert ("list", "external-secrets.io", "externalsecrets") in wanted
        assert ("list", "gateway.networking.k8s.io", "gateways") in wanted
        assert {("external-secrets.io", "externalsecrets"), ("gateway.networking.k8s.io", "gateways")} <= reviewed(api)
        assert {("gateway.networking.k8s.io", p) for p in ("tcproutes", "udproutes", "referencegrants")} <= reviewed(
            api
        )


def _inventory(api: Api) -> Any:
    from runbook.inventory.load import load

    return load(api.cluster.inventory, today=datetime.now(UTC).date()).inventory


def test_the_doors_are_asked_for_in_the_group_that_serves_them() -> None:
    assert [KINDS[kind].qualified for kind, _ in SERVED] == [
        "gateways.gateway.networking.k8s.io",
        "referencegrants.gateway.networking.k8s.io",
        "httproutes.gateway.networking.k8s.io",
        "grpcroutes.gateway.networking.k8s.io",
        "tlsroutes.gateway.networking.k8s.io",
        "tcproutes.gateway.networking.k8s.io",
        "udproutes.gateway.networking.k8s.io",
        "ingressroutes.traefik.io",
    ]


def test_explain_asks_for_all_that_the_stage_walks() -> None:
    """Else the same cluster is a fact in 50-diagnose and a hypothesis on the command line."""
    assert set(EXPLAINED) >= {*WALKED, *STAGES["diagnose"].extra}
    assert {"SealingKey", "GitFile"} <= set(EXPLAINED)
