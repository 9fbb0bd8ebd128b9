"""Eviction and scale, by HTTP and by kubectl's own verbs."""

from __future__ import annotations

from typing import Any

from api_server import MERGE, Served, pod

PODS = "/api/v1/namespaces/ffl/pods"
BUDGETS = "/apis/policy/v1/namespaces/ffl/poddisruptionbudgets"
DEPLOYMENTS = "/apis/apps/v1/namespaces/ffl/deployments"
BLOCKED = "Cannot evict pod as it would violate the pod's disruption budget."
CLEANED = (PODS, BUDGETS, DEPLOYMENTS)  # what the `cluster` of the next test must not find


def running(cluster: Served, ready: str = "True") -> dict[str, Any]:
    cluster.post(PODS, pod("a", labels={"app": "a"}, spec={"nodeName": "n"}))
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
    code, made = cluster.ask("PATCH", f"{PODS}/a/status", {"status": status}, content_type=MERGE)
    assert code == 200
    return dict(made)


def budget(cluster: Served, name: str = "b", **status: int) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}
    cluster.post(
        BUDGETS, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}
    )
    status = {"observedGeneration": 1, "desiredHealthy": 1, "currentHealthy": 1, "disruptionsAllowed": 0, **status}
    assert cluster.ask("PATCH", f"{BUDGETS}/{name}/status", {"status": status}, content_type=MERGE)[0] == 200


def evict(cluster: Served, name: str = "a", query: str = "", **options: Any) -> tuple[int, Any]:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}, **options}
    return cluster.ask("POST", f"{PODS}/a/eviction{query}", body)


def test_an_eviction_begins_the_deletion(cluster: Served) -> None:
    running(cluster)
    assert evict(cluster) == (
        201,
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201},
    )
    assert cluster.get(f"{PODS}/a")["metadata"]["deletionGracePeriodSeconds"] == 30
    assert evict(cluster, deleteOptions={"gracePeriodSeconds": 0})[0] == 201
    assert cluster.ask("GET", f"{PODS}/a")[0] == 404


def test_a_spent_budget_blocks_an_eviction_with_429(cluster: Served) -> None:
    made = running(cluster)
    budget(cluster)
    status, refusal = evict(cluster)
    assert (status, refusal["reason"], refusal["message"]) == (429, "TooManyRequests", BLOCKED)
    cause = "The disruption budget b needs 1 healthy pods and has 1 currently"
    assert refusal["details"]["causes"] == [{"reason": "DisruptionBudget", "message": cause}]
    assert cluster.get(f"{PODS}/a") == made


def test_a_budget_is_spent_by_an_eviction_and_not_by_a_dry_run(cluster: Served) -> None:
    made = running(cluster)
    budget(cluster, disruptionsAllowed=1, currentHealthy=2)
    assert evict(cluster, query="?dryRun=All")[0] == 201
    assert evict(cluster, deleteOptions={"dryRun": ["All"]})[0] == 201
    assert cluster.get(f"{PODS}/a") == made
    assert cluster.get(f"{BUDGETS}/b")["status"]["disruptionsAllowed"] == 1
    assert evict(cluster)[0] == 201
    assert cluster.get(f"{BUDGETS}/b")["status"]["disruptionsAllowed"] == 0


def test_a_budget_that_is_still_being_worked_out_says_when_to_come_back(cluster: Served) -> None:
    running(cluster)
    budget(cluster, observedGeneration=0)
    answer = cluster.raw("POST", f"{PODS}/a/eviction", {"metadata": {"name": "a"}})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert answer.json()["details"]["retryAfterSeconds"] == 10


def test_a_pod_that_is_not_ready_may_go_while_the_budget_is_kept(cluster: Served) -> None:
    running(cluster, ready="False")
    budget(cluster)
    assert evict(cluster)[0] == 201


def test_two_budgets_over_one_pod_are_an_error(cluster: Served) -> None:
    running(cluster)
    budget(cluster)
    budget(cluster, "c")
    status, refusal = evict(cluster)
    assert (status, "more than one PodDisruptionBudget" in refusal["message"]) == (500, True)


def test_an_eviction_names_its_pod_and_obeys_preconditions(cluster: Served) -> None:
    made = running(cluster)
    assert evict(cluster, "b")[0] == 400
    status, refusal = evict(cluster, deleteOptions={"preconditions": {"uid": "another"}})
    assert (status, refusal["reason"]) == (409, "Conflict")
    assert cluster.get(f"{PODS}/a") == made


def deployed(cluster: Served) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "d"}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    return dict(cluster.post(f"{DEPLOYMENTS}?fieldManager=flux", body))


def test_a_scale_is_read_put_and_patched(cluster: Served) -> None:
    made = deployed(cluster)
    scale = cluster.get(f"{DEPLOYMENTS}/d/scale")
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {"replicas": 2})
    assert scale["status"]["selector"] == "app=d"
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]
    status, put = cluster.ask("PUT", f"{DEPLOYMENTS}/d/scale?fieldManager=me", {**scale, "spec": {"replicas": 0}})
    assert (status, put["spec"]) == (200, {})
    after = cluster.get(f"{DEPLOYMENTS}/d")
    assert (after["spec"]["replicas"], after["metadata"]["generation"]) == (0, 2)
    mine = next(e for e in after["metadata"]["managedFields"] if e["manager"] == "me")
    assert (mine["subresource"], mine["fieldsV1"]) == ("scale", {"f:spec": {"f:replicas": {}}})
    status, patched = cluster.ask("PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 5}}, content_type=MERGE)
    assert (status, patched["spec"]) == (200, {"replicas": 5})
    assert (
        cluster.ask("PATCH", f"{DEPLOYMENTS}/d/scale?dryRun=All", {"spec": {"replicas": 7}}, content_type=MERGE)[0]
        == 200
    )
    assert cluster.get(f"{DEPLOYMENTS}/d")["spec"]["replicas"] == 5


def test_what_a_scale_refuses(cluster: Served) -> None:
    scale = (deployed(cluster), cluster.get(f"{DEPLOYMENTS}/d/scale"))[1]
    path = f"{DEPLOYMENTS}/d/scale"
    cluster.ask("PATCH", path, {"spec": {"replicas": 3}}, content_type=MERGE)
    stale = cluster.ask("PUT", path, scale)
    assert (stale[0], stale[1]["reason"]) == (409, "Conflict")
    other = {**scale, "metadata": {"name": "d", "uid": "another"}}
    status, refusal = cluster.ask("PUT", path, other)
    assert (status, "UID in precondition: another" in refusal["message"]) == (409, True)
    status, refusal = cluster.ask("PATCH", path, {"spec": {"replicas": -1}}, content_type=MERGE)
    words = 'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    assert (status, refusal["message"]) == (422, words)
    status, refusal = cluster.ask("PATCH", path, {}, content_type="application/apply-patch+yaml")
    assert status in (415, 422)
    status, refusal = cluster.ask("PATCH", f"{path}?fieldManager=x", {}, content_type="application/apply-patch+yaml")
    assert (status, "deployments/scale" in refusal["message"]) == (415, True)
    assert cluster.get(f"{DEPLOYMENTS}/d")["spec"]["replicas"] == 3


def test_a_budget_without_a_selector_guards_no_pod_and_one_that_selects_all_does(cluster: Served) -> None:
    running(cluster)
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}}
    cluster.post(BUDGETS, {**body, "spec": {"minAvailable": 1}})
    assert evict(cluster, query="?dryRun=All")[0] == 201
    cluster.post(BUDGETS, {**body, "metadata": {"name": "all"}, "spec": {"minAvailable": 1, "selector": {}}})
    assert evict(cluster)[0] == 429


def test_an_evicted_pod_that_lingers_says_that_it_was_evicted(cluster: Served) -> None:
    running(cluster)
    version = cluster.get(f"{PODS}/a")["metadata"]["resourceVersion"]
    assert evict(cluster, deleteOptions={"preconditions": {"resourceVersion": version}})[0] == 201
    conditions = cluster.get(f"{PODS}/a")["status"]["conditions"]
    assert [(c["type"], c["status"], c.get("reason")) for c in conditions] == [
        ("Ready", "True", None),
        ("DisruptionTarget", "True", "EvictionByEvictionAPI"),
    ]


def test_a_budget_below_zero_forbids_an_eviction(cluster: Served) -> None:
    running(cluster)
    budget(cluster)
    cluster.call(cluster.store.status, cluster.get(f"{BUDGETS}/b"), disruptionsAllowed=-1)  # no client could
    status, refusal = evict(cluster)
    assert (status, refusal["reason"]) == (403, "Forbidden")
    assert "pdb disruptions allowed is negative" in refusal["message"]


def test_a_scale_of_replicas_that_nobody_owns_is_nobodys(cluster: Served) -> None:
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    body: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    body["spec"] = {"selector": {"matchLabels": {"app": "d"}}, "template": template}
    wanted, apply = f"{DEPLOYMENTS}/d?fieldManager=one", "application/apply-patch+yaml"
    assert cluster.ask("PATCH", wanted, body, content_type=apply)[0] == 201
    change = {"spec": {"replicas": 5}}
    assert cluster.ask("PATCH", f"{DEPLOYMENTS}/d/scale?fieldManager=hand", change, content_type=MERGE)[0] == 200
    assert [e["manager"] for e in cluster.get(f"{DEPLOYMENTS}/d")["metadata"]["managedFields"]] == ["one"]
    body["spec"]["replicas"] = 2
    assert cluster.ask("PATCH", wanted, body, content_type=apply)[0] == 200
    assert cluster.ask("PATCH", f"{DEPLOYMENTS}/d/scale?fieldManager=hand", change, content_type=MERGE)[0] == 200
    assert cluster.ask("PATCH", wanted, body, content_type=apply)[0] == 409
