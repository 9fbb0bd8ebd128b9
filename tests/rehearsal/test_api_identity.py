"""Which object and which version a write means: Leases, resourceVersion and uid in a body, updates that create."""

from __future__ import annotations

from typing import Any

import pytest
from api_server import JSONP, MERGE, STRATEGIC, Served, pod

LEASES = "/apis/coordination.k8s.io/v1/namespaces/ffl/leases"
PODS = "/api/v1/namespaces/ffl/pods"
RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/ffl/helmreleases"
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
CLEANED = (PODS, RELEASES, LEASES)  # what the `cluster` of the next test must not find


def lease(holder: str, **spec: Any) -> dict[str, Any]:
    times = {"acquireTime": "2025-10-17T11:00:00.000000Z", "renewTime": "2025-10-17T11:00:00.000000Z"}
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, **times, **spec}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "operator"}, "spec": spec}


def release(**spec: Any) -> dict[str, Any]:
    head = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "r"}}
    return {**head, "spec": spec}


def refused(answer: tuple[int, Any], code: int, reason: str, message: str) -> None:
    status, body = answer
    assert (status, body["reason"], body["message"]) == (code, reason, message)


def test_of_two_who_take_one_lease_at_the_same_version_the_second_is_refused(cluster: Served) -> None:
    made = cluster.post(LEASES, lease("first"))
    query = "?fieldManager=runbook"
    status, renewed = cluster.ask("PUT", f"{LEASES}/operator{query}", {**made, "spec": lease("first")["spec"]})
    assert (status, renewed["spec"]["holderIdentity"]) == (200, "first")
    change = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "spec": {"holderIdentity": "one"}}
    status, taken = cluster.ask("PATCH", f"{LEASES}/operator{query}", change, content_type=MERGE)
    assert (status, taken["spec"]["holderIdentity"]) == (200, "one")
    second = {**made, "spec": {**made["spec"], "holderIdentity": "two"}}
    words = f'Operation cannot be fulfilled on leases.coordination.k8s.io "operator": {MODIFIED}'
    refused(cluster.ask("PUT", f"{LEASES}/operator", second), 409, "Conflict", words)
    change["spec"]["holderIdentity"] = "two"
    for media in (MERGE, STRATEGIC):
        refused(cluster.ask("PATCH", f"{LEASES}/operator", change, content_type=media), 409, "Conflict", words)
    assert cluster.get(f"{LEASES}/operator") == taken


def test_a_lease_is_made_by_a_put_and_never_replaced_blindly(cluster: Served) -> None:
    status, made = cluster.ask("PUT", f"{LEASES}/operator", lease("first"))
    assert (status, made["spec"]["holderIdentity"]) == (201, "first")
    words = (
        'leases.coordination.k8s.io "operator" is invalid: metadata.resourceVersion: Invalid value: 0: '
        "must be specified for an update"
    )
    refused(cluster.ask("PUT", f"{LEASES}/operator", lease("second")), 422, "Invalid", words)
    assert cluster.get(f"{LEASES}/operator") == made


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"leaseDurationSeconds": 0}, 422, "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"),
        ({"leaseTransitions": -1}, 422, "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"),
        ({"renewTime": "yesterday"}, 400, 'parsing time "yesterday" as "2006-01-02T15:04:05.000000Z07:00"'),
        ({"leaseDurationSeconds": "15"}, 400, "cannot unmarshal string into Go struct field"),
    ],
)
def test_a_lease_that_makes_no_sense_is_refused(cluster: Served, spec: dict[str, Any], code: int, words: str) -> None:
    status, body = cluster.ask("POST", LEASES, lease("first", **spec))
    assert status == code, body
    assert words in body["message"]
    assert cluster.ask("GET", f"{LEASES}/operator")[0] == 404


def test_a_put_with_another_uid_is_a_conflict_in_etcds_own_words(cluster: Served) -> None:
    made = cluster.post(RELEASES, release(interval="1m"))
    uid = made["metadata"]["uid"]
    other = {**made, "metadata": {**made["metadata"], "uid": "another"}}
    words = (
        'Operation cannot be fulfilled on helmreleases.helm.toolkit.fluxcd.io "r": StorageError: invalid object, Code: 4, '
        "Key: /registry/helm.toolkit.fluxcd.io/helmreleases/ffl/r, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: another, UID in object meta: {uid}"
    )
    refused(cluster.ask("PUT", f"{RELEASES}/r", other), 409, "Conflict", words)


@pytest.mark.parametrize("media", [MERGE, STRATEGIC, JSONP])
def test_a_patch_that_names_another_uid_changes_nothing(cluster: Served, media: str) -> None:
    made = cluster.post(PODS, pod("a"))
    change: Any = {"metadata": {"uid": "another", "labels": {"x": "y"}}}
    if media == JSONP:
        change = [{"op": "replace", "path": "/metadata/uid", "value": "another"}]
    words = 'Pod "a" is invalid: metadata.uid: Invalid value: "another": field is immutable'
    refused(cluster.ask("PATCH", f"{PODS}/a", change, content_type=media), 422, "Invalid", words)
    refused(cluster.ask("PATCH", f"{PODS}/a/status", change, content_type=media), 422, "Invalid", words)
    assert cluster.get(f"{PODS}/a") == made


def test_a_patch_that_names_its_uid_and_version_is_taken(cluster: Served) -> None:
    made = cluster.post(PODS, pod("a"))
    known = {field: made["metadata"][field] for field in ("uid", "resourceVersion")}
    status, after = cluster.ask("PATCH", f"{PODS}/a", {"metadata": {**known, "labels": {"x": "y"}}}, content_type=MERGE)
    assert (status, after["metadata"]["labels"]) == (200, {"x": "y"})
    again = cluster.ask("PATCH", f"{PODS}/a", {"metadata": {**known, "labels": {"x": "z"}}}, content_type=MERGE)
    refused(again, 409, "Conflict", f'Operation cannot be fulfilled on pods "a": {MODIFIED}')


def test_a_custom_resource_is_never_replaced_blindly(cluster: Served) -> None:
    cluster.post(RELEASES, release(interval="1m"))
    words = (
        'helmreleases.helm.toolkit.fluxcd.io "r" is invalid: metadata.resourceVersion: Invalid value: 0: '
        "must be specified for an update"
    )
    refused(cluster.ask("PUT", f"{RELEASES}/r", release(interval="2m")), 422, "Invalid", words)
    change = {"metadata": {"resourceVersion": None}, "spec": {"interval": "2m"}}
    refused(cluster.ask("PATCH", f"{RELEASES}/r", change, content_type=MERGE), 422, "Invalid", words)


def test_a_patch_cannot_rename_or_move_an_object(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    rename = cluster.ask("PATCH", f"{PODS}/a", {"metadata": {"name": "b"}}, content_type=MERGE)
    refused(rename, 400, "BadRequest", "the name of the object (b) does not match the name on the URL (a)")
    move = cluster.ask("PATCH", f"{PODS}/a", {"metadata": {"namespace": "triager"}}, content_type=MERGE)
    words = "the namespace of the provided object does not match the namespace sent on the request"
    refused(move, 400, "BadRequest", words)
