"""Deletion: preconditions, grace, finalizers, propagation, garbage collection, namespaces that end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api_server import MERGE, Served, pod, serving

PODS = "/api/v1/namespaces/ffl/pods"
JOBS = "/apis/batch/v1/namespaces/ffl/jobs"
DEPLOYMENTS = "/apis/apps/v1/namespaces/ffl/deployments"
REPLICASETS = "/apis/apps/v1/namespaces/ffl/replicasets"


@pytest.fixture
def cluster() -> Iterator[Served]:
    with serving() as served:
        yield served


def owned(obj: dict[str, Any], *owners: dict[str, Any], blocking: bool = False) -> dict[str, Any]:
    references = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": number == 0,
            "blockOwnerDeletion": blocking,
        }
        for number, owner in enumerate(owners)
    ]
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": references}}


def workload(kind: str, name: str, api: str = "apps/v1") -> dict[str, Any]:
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "nginx:1"}]},
    }
    if kind == "Job":
        template["spec"]["restartPolicy"] = "Never"
        spec: dict[str, Any] = {"template": template}
    else:
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def exists(cluster: Served, path: str) -> bool:
    status, _ = cluster.ask("GET", path)
    assert status in (200, 404)
    return status == 200


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_a_failed_precondition_is_409_and_deletes_nothing(cluster: Served, field: str) -> None:
    made = cluster.post(PODS, pod("a"))
    status, body = cluster.ask("DELETE", f"{PODS}/a", {"preconditions": {field: "other"}})
    assert (status, body["reason"]) == (409, "Conflict")
    label, stored = {"uid": "UID"}.get(field, "ResourceVersion"), made["metadata"][field]
    assert f"the {label} in the precondition (other) does not match the {label} in record ({stored})" in body["message"]
    assert exists(cluster, f"{PODS}/a")
    status, _ = cluster.ask("DELETE", f"{PODS}/a", {"preconditions": {field: made["metadata"][field]}})
    assert status == 200
    assert not exists(cluster, f"{PODS}/a")


def test_a_deleted_object_answers_a_status_with_its_uid(cluster: Served) -> None:
    made = cluster.post(DEPLOYMENTS, workload("Deployment", "d"))
    status, body = cluster.ask("DELETE", f"{DEPLOYMENTS}/d")
    assert (status, body["status"]) == (200, "Success")
    assert body["details"] == {"name": "d", "group": "apps", "kind": "deployments", "uid": made["metadata"]["uid"]}
    assert cluster.ask("DELETE", f"{DEPLOYMENTS}/d")[0] == 404


def test_a_running_pod_lingers_for_its_grace_and_goes_with_zero(cluster: Served) -> None:
    cluster.post(PODS, pod("a", spec={"nodeName": "n", "terminationGracePeriodSeconds": 20}))
    _, body = cluster.ask("DELETE", f"{PODS}/a")
    assert body["metadata"]["deletionGracePeriodSeconds"] == 20
    assert body["metadata"]["deletionTimestamp"] == "2025-10-17T11:00:20Z"
    _, again = cluster.ask("DELETE", f"{PODS}/a")
    assert again["metadata"]["resourceVersion"] == body["metadata"]["resourceVersion"]
    _, shorter = cluster.ask("DELETE", f"{PODS}/a?gracePeriodSeconds=5")
    assert shorter["metadata"]["deletionTimestamp"] == "2025-10-17T11:00:05Z"
    cluster.ask("DELETE", f"{PODS}/a", {"gracePeriodSeconds": 0})
    assert not exists(cluster, f"{PODS}/a")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_or_unscheduled_pod_goes_at_once(cluster: Served, phase: str) -> None:
    cluster.post(PODS, pod("done", spec={"nodeName": "n"}))
    cluster.ask("PATCH", f"{PODS}/done/status", {"status": {"phase": phase}}, content_type=MERGE)
    cluster.post(PODS, pod("unscheduled"))
    for name in ("done", "unscheduled"):
        cluster.ask("DELETE", f"{PODS}/{name}")
        assert not exists(cluster, f"{PODS}/{name}")


def test_an_object_with_finalizers_is_marked_and_goes_when_the_last_is_removed(cluster: Served) -> None:
    body = workload("Deployment", "d")
    body["metadata"]["finalizers"] = ["a.example/x", "b.example/y"]
    cluster.post(DEPLOYMENTS, body)
    _, marked = cluster.ask("DELETE", f"{DEPLOYMENTS}/d")
    assert marked["kind"] == "Deployment"
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["generation"] == 2
    more = {"metadata": {"finalizers": ["a.example/x", "b.example/y", "c.example/z"]}}
    status, refused = cluster.ask("PATCH", f"{DEPLOYMENTS}/d", more, content_type=MERGE)
    assert (status, "no new finalizers can be added" in refused["message"]) == (422, True)
    cluster.ask("PATCH", f"{DEPLOYMENTS}/d", {"metadata": {"finalizers": ["b.example/y"]}}, content_type=MERGE)
    assert exists(cluster, f"{DEPLOYMENTS}/d")
    cluster.ask("PATCH", f"{DEPLOYMENTS}/d", {"metadata": {"finalizers": []}}, content_type=MERGE)
    assert not exists(cluster, f"{DEPLOYMENTS}/d")


def chain(cluster: Served, *, blocking: bool = False) -> None:
    deployment = cluster.post(DEPLOYMENTS, workload("Deployment", "d"))
    replicaset = cluster.post(REPLICASETS, owned(workload("ReplicaSet", "rs"), deployment, blocking=blocking))
    cluster.post(PODS, owned(pod("p", spec={"nodeName": "n"}), replicaset, blocking=blocking))


def test_background_takes_the_owner_first_and_its_dependents_after(cluster: Served) -> None:
    chain(cluster)
    cluster.ask("DELETE", f"{DEPLOYMENTS}/d", {"propagationPolicy": "Background"})
    assert not exists(cluster, f"{DEPLOYMENTS}/d")
    assert not exists(cluster, f"{REPLICASETS}/rs")
    assert cluster.get(f"{PODS}/p")["metadata"]["deletionTimestamp"]  # its kubelet has 30 seconds


def test_foreground_keeps_the_owner_until_what_blocks_it_is_gone(cluster: Served) -> None:
    chain(cluster, blocking=True)
    _, body = cluster.ask("DELETE", f"{REPLICASETS}/rs", {"propagationPolicy": "Foreground"})
    assert body["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert exists(cluster, f"{REPLICASETS}/rs")
    assert cluster.get(f"{PODS}/p")["metadata"]["deletionTimestamp"]
    cluster.ask("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
    assert not exists(cluster, f"{REPLICASETS}/rs")
    assert exists(cluster, f"{DEPLOYMENTS}/d")


def test_foreground_without_dependents_goes_at_once(cluster: Served) -> None:
    cluster.post(DEPLOYMENTS, workload("Deployment", "d"))
    cluster.ask("DELETE", f"{DEPLOYMENTS}/d?propagationPolicy=Foreground")
    assert not exists(cluster, f"{DEPLOYMENTS}/d")


def test_orphans_outlive_their_owner_and_forget_it(cluster: Served) -> None:
    chain(cluster)
    cluster.ask("DELETE", f"{DEPLOYMENTS}/d", {"propagationPolicy": "Orphan"})
    assert not exists(cluster, f"{DEPLOYMENTS}/d")
    assert "ownerReferences" not in cluster.get(f"{REPLICASETS}/rs")["metadata"]


def test_the_raw_default_for_a_job_is_to_orphan_its_pods(cluster: Served) -> None:
    for name, query, orphaned in (("raw", "", True), ("kubectl", "?propagationPolicy=Background", False)):
        job = cluster.post(JOBS, workload("Job", name, "batch/v1"))
        cluster.post(PODS, owned(pod(f"{name}-pod"), job))
        cluster.ask("DELETE", f"{JOBS}/{name}{query}")
        assert exists(cluster, f"{PODS}/{name}-pod") is orphaned


def test_a_dependent_with_another_living_owner_stays(cluster: Served) -> None:
    one = cluster.post(DEPLOYMENTS, workload("Deployment", "one"))
    two = cluster.post(DEPLOYMENTS, workload("Deployment", "two"))
    cluster.post(PODS, owned(pod("p"), one, two))
    cluster.ask("DELETE", f"{DEPLOYMENTS}/one")
    left = cluster.get(f"{PODS}/p")["metadata"]["ownerReferences"]
    assert [reference["name"] for reference in left] == ["two"]
    cluster.ask("DELETE", f"{DEPLOYMENTS}/two")
    assert not exists(cluster, f"{PODS}/p")


def test_a_finalizer_on_a_dependent_holds_a_blocked_owner(cluster: Served) -> None:
    owner = cluster.post(DEPLOYMENTS, workload("Deployment", "d"))
    held = owned(pod("p"), owner, blocking=True)
    held["metadata"]["finalizers"] = ["x.example/held"]
    cluster.post(PODS, held)
    cluster.ask("DELETE", f"{DEPLOYMENTS}/d?propagationPolicy=Foreground")
    assert exists(cluster, f"{DEPLOYMENTS}/d")
    cluster.ask("PATCH", f"{PODS}/p", {"metadata": {"finalizers": None}}, content_type=MERGE)
    assert not exists(cluster, f"{PODS}/p")
    assert not exists(cluster, f"{DEPLOYMENTS}/d")


def test_an_invalid_policy_is_refused(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    assert cluster.ask("DELETE", f"{PODS}/a?propagationPolicy=Sideways")[0] == 422
    assert exists(cluster, f"{PODS}/a")


def test_a_collection_is_deleted_by_selector(cluster: Served) -> None:
    for name in ("a", "b", "c"):
        cluster.post(PODS, pod(name, labels={"app": "x" if name != "c" else "y"}))
    status, body = cluster.ask("DELETE", f"{PODS}?labelSelector=app%3Dx")
    assert (status, body["kind"], len(body["items"])) == (200, "PodList", 2)
    assert [item["metadata"]["name"] for item in cluster.get(PODS)["items"]] == ["c"]


def test_a_namespace_ends_when_it_is_empty_and_takes_nothing_new(cluster: Served) -> None:
    cluster.post(DEPLOYMENTS, workload("Deployment", "d"))
    cluster.post(PODS, pod("running", spec={"nodeName": "n"}))
    _, body = cluster.ask("DELETE", "/api/v1/namespaces/ffl")
    assert body["status"]["phase"] == "Terminating"
    assert not exists(cluster, f"{DEPLOYMENTS}/d")
    status, refused = cluster.ask("POST", PODS, pod("late"))
    assert (status, refused["reason"]) == (403, "Forbidden")
    assert "because it is being terminated" in refused["message"]
    cluster.ask("DELETE", f"{PODS}/running?gracePeriodSeconds=0")
    assert not exists(cluster, "/api/v1/namespaces/ffl")
    assert cluster.ask("POST", PODS, pod("later"))[0] == 404


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_namespaces_that_a_cluster_needs_may_not_be_deleted(cluster: Served, name: str) -> None:
    status, body = cluster.ask("DELETE", f"/api/v1/namespaces/{name}")
    assert (status, body["message"]) == (403, f'namespaces "{name}" is forbidden: this namespace may not be deleted')
