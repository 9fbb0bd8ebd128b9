"""Who owns which field: managedFields by every write, server-side apply with its conflicts, force and pruning."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from api_server import MERGE, STRATEGIC, Served

APPLY = "application/apply-patch+yaml"
MAPS = "/api/v1/namespaces/ffl/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/ffl/deployments"
RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/ffl/helmreleases"
CLEANED = (MAPS, DEPLOYMENTS, RELEASES)  # what the `cluster` of the next test must not find


def config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data}


def deployment(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    labels = {"app": "d"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers)}}
    spec = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def apply(cluster: Served, path: str, obj: Any, manager: str = "flux", more: str = "") -> tuple[int, Any]:
    return cluster.ask("PATCH", f"{path}?fieldManager={manager}{more}", obj, content_type=APPLY)


def owners(obj: dict[str, Any]) -> dict[tuple[str, str, str], Any]:
    entries = obj["metadata"].get("managedFields", [])
    assert all(entry["fieldsType"] == "FieldsV1" for entry in entries)
    return {(e["manager"], e["operation"], e.get("subresource", "")): e["fieldsV1"] for e in entries}


def test_every_write_records_its_manager_and_takes_what_it_changes(cluster: Served) -> None:
    made = cluster.post(f"{MAPS}?fieldManager=one", config(x="1", y="2"))
    data = {".": {}, "f:x": {}, "f:y": {}}
    assert owners(made) == {("one", "Update", ""): {"f:data": data}}
    assert made["metadata"]["managedFields"][0]["time"] == "2025-10-17T11:00:00Z"
    change = {"data": {"y": "3"}}
    _, after = cluster.ask("PATCH", f"{MAPS}/m", change, content_type=MERGE, **{"User-Agent": "kubectl/v1.34 (x)"})
    assert owners(after) == {
        ("one", "Update", ""): {"f:data": {".": {}, "f:x": {}}},
        ("kubectl", "Update", ""): {"f:data": {"f:y": {}}},
    }
    _, same = cluster.ask("PATCH", f"{MAPS}/m?fieldManager=third", change, content_type=MERGE)
    assert same == after, "a write that changes nothing takes nothing"


def test_status_is_owned_through_its_own_door(cluster: Served) -> None:
    release = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "r"}, "spec": {}}
    cluster.post(f"{RELEASES}?fieldManager=flux", {**release, "status": {"failures": 9}})
    status = {"status": {"observedGeneration": 1}}
    path = f"{RELEASES}/r/status?fieldManager=helm-controller"
    _, after = cluster.ask("PATCH", path, status, content_type=MERGE)
    assert owners(after) == {
        ("flux", "Update", ""): {"f:spec": {}},
        ("helm-controller", "Update", "status"): {"f:status": {".": {}, "f:observedGeneration": {}}},
    }


def test_an_apply_creates_and_a_second_one_changes_nothing(cluster: Served) -> None:
    status, made = apply(cluster, f"{MAPS}/m", config(x="1"))
    assert (status, owners(made)) == (201, {("flux", "Apply", ""): {"f:data": {"f:x": {}}}})
    before = cluster.store.rv
    assert apply(cluster, f"{MAPS}/m", config(x="1")) == (200, made)
    assert cluster.store.rv == before


def test_an_apply_removes_what_it_no_longer_says_and_nothing_of_others(cluster: Served) -> None:
    apply(cluster, f"{MAPS}/m", config(x="1", y="2"))
    apply(cluster, f"{MAPS}/m", config(y="2", z="3"), "other")
    _, after = apply(cluster, f"{MAPS}/m", config(w="4"))
    assert after["data"] == {"w": "4", "y": "2", "z": "3"}
    assert owners(after)["other", "Apply", ""] == {"f:data": {"f:y": {}, "f:z": {}}}


def test_a_field_of_another_manager_is_a_conflict_until_forced(cluster: Served) -> None:
    cluster.post(f"{MAPS}?fieldManager=one", config(x="1", y="2"))
    cluster.ask("PATCH", f"{MAPS}/m?fieldManager=two", {"data": {"y": "3"}}, content_type=MERGE)
    status, one = apply(cluster, f"{MAPS}/m", config(x="5"))
    assert (status, one["reason"]) == (409, "Conflict")
    assert one["message"] == 'Apply failed with 1 conflict: conflict with "one" using v1: .data.x'
    _, both = apply(cluster, f"{MAPS}/m", config(x="5", y="5"))
    wanted = 'Apply failed with 2 conflicts: conflicts with "one" using v1:\n- .data.x\nconflicts with "two" using v1:\n- .data.y'
    assert both["message"] == wanted
    assert [(cause["reason"], cause["field"]) for cause in both["details"]["causes"]] == [
        ("FieldManagerConflict", ".data.x"),
        ("FieldManagerConflict", ".data.y"),
    ]
    assert cluster.get(f"{MAPS}/m")["data"] == {"x": "1", "y": "3"}
    status, forced = apply(cluster, f"{MAPS}/m", config(x="5", y="5"), more="&force=true")
    assert (status, forced["data"]) == (200, {"x": "5", "y": "5"})
    assert ("two", "Update", "") not in owners(forced)


def test_an_equal_value_is_shared_not_fought_over(cluster: Served) -> None:
    cluster.post(f"{MAPS}?fieldManager=one", config(x="1"))
    status, shared = apply(cluster, f"{MAPS}/m", config(x="1"))
    assert status == 200
    assert set(owners(shared)) == {("one", "Update", ""), ("flux", "Apply", "")}


def test_what_stood_there_before_the_first_apply_is_owned_too(cluster: Served) -> None:
    kind = cluster.store.kinds["v1", "configmaps"]
    cluster.call(cluster.store.create, kind, "ffl", config(x="1"))
    _, refusal = apply(cluster, f"{MAPS}/m", config(x="2"))
    assert refusal["message"] == 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.x'


def test_lists_of_built_in_kinds_merge_by_key_and_prune_by_item(cluster: Served) -> None:
    a = {"name": "a", "image": "i:1", "ports": [{"containerPort": 80}]}
    apply(cluster, f"{DEPLOYMENTS}/d", deployment(a, {"name": "b", "image": "j:1"}))
    change = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "i:2"}]}}}}
    cluster.ask("PATCH", f"{DEPLOYMENTS}/d?fieldManager=ed", change, content_type=STRATEGIC)
    _, refusal = apply(cluster, f"{DEPLOYMENTS}/d", deployment(a))
    field = '.spec.template.spec.containers[name="a"].image'
    assert refusal["message"] == f'Apply failed with 1 conflict: conflict with "ed" using apps/v1: {field}'
    _, after = apply(cluster, f"{DEPLOYMENTS}/d", deployment({"name": "a", "image": "i:2"}))
    assert after["spec"]["template"]["spec"]["containers"] == [{"name": "a", "image": "i:2"}], (
        "b and the port are pruned"
    )
    item = owners(after)["flux", "Apply", ""]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert item == {'k:{"name":"a"}': {".": {}, "f:image": {}, "f:name": {}}}


def test_an_item_named_twice_is_refused(cluster: Served) -> None:
    twice = deployment({"name": "a", "image": "i"}, {"name": "a", "image": "j"})
    status, refusal = apply(cluster, f"{DEPLOYMENTS}/d", twice)
    assert status == 500
    assert '.spec.template.spec.containers: duplicate entries for key [name="a"]' in refusal["message"]


def test_a_dry_run_of_an_apply_answers_and_writes_nothing(cluster: Served) -> None:
    before = cluster.store.rv
    assert apply(cluster, f"{MAPS}/m", config(x="1"), more="&dryRun=All")[0] == 201
    apply(cluster, f"{MAPS}/m", config(x="1"))
    status, planned = apply(cluster, f"{MAPS}/m", config(x="2"), more="&dryRun=All")
    assert (status, planned["data"]) == (200, {"x": "2"})
    assert cluster.get(f"{MAPS}/m")["data"] == {"x": "1"}
    assert cluster.store.rv == before + 1


def test_an_empty_record_forgets_every_manager(cluster: Served) -> None:
    cluster.post(f"{MAPS}?fieldManager=one", config(x="1"))
    _, after = cluster.ask("PATCH", f"{MAPS}/m", {"metadata": {"managedFields": [{}]}}, content_type=MERGE)
    assert "managedFields" not in after["metadata"]
    assert after["data"] == {"x": "1"}


def test_kubectl_applies_on_the_server_and_shows_the_conflict(cluster: Served, tmp_path: Path) -> None:
    kubeconfig, manifest = tmp_path / "kubeconfig", tmp_path / "m.yaml"
    server = {"server": cluster.url, "certificate-authority": str(cluster.ca)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": {"token": "admin-token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    kubeconfig.write_text(json.dumps(content))

    def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
        manifest.write_text(json.dumps(config(x=arguments[0])))
        command = ["kubectl", f"--kubeconfig={kubeconfig}", f"--cache-dir={tmp_path}", "-n", "ffl", "apply"]
        command += ["--server-side", "-f", str(manifest), *arguments[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    made = kubectl("1")
    assert made.stdout == "configmap/m serverside-applied\n", made.stderr
    second = kubectl("2", "--field-manager=second")
    assert second.returncode == 1
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.x' in second.stderr
    assert kubectl("2", "--field-manager=second", "--force-conflicts").returncode == 0
    assert cluster.get(f"{MAPS}/m")["data"] == {"x": "2"}
