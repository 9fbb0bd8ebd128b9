"""Create, update, patch: what is kept, what the server owns, what is refused, and dry runs that write nothing."""

from __future__ import annotations

from typing import Any

import pytest
from api_server import JSONP, MERGE, STRATEGIC, Served, pod

PODS = "/api/v1/namespaces/ffl/pods"
RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/ffl/helmreleases"
CLEANED = (PODS, RELEASES, "/api/v1/namespaces/ffl/secrets")  # what the `cluster` of the next test must not find


def release(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": name}, "spec": spec}


def refused(answer: tuple[int, Any], code: int, reason: str, words: str = "") -> None:
    status, body = answer
    assert (status, body["code"], body["reason"], body["kind"]) == (code, code, reason, "Status"), body
    assert words in body["message"], body["message"]


def test_a_create_fills_in_what_the_server_owns(cluster: Served) -> None:
    sent = release("r", interval="10m")
    sent["metadata"] |= {"uid": "mine", "generation": 9, "creationTimestamp": "2001-01-01T00:00:00Z"}
    made = cluster.post(RELEASES, {**sent, "status": {"observedGeneration": 9}})
    metadata = made["metadata"]
    assert metadata["namespace"] == "ffl"
    assert metadata["uid"] != "mine"
    assert metadata["creationTimestamp"] == "2025-10-17T11:00:00Z"
    assert metadata["generation"] == 1
    assert "status" not in made


def test_names_are_generated_and_unique(cluster: Served) -> None:
    body = pod("")
    body["metadata"] = {"generateName": "job-"}
    names = {cluster.post(PODS, body)["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("job-") and len(name) == 9 for name in names)


def test_plain_secret_strings_are_stored_encoded(cluster: Served) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}}
    made = cluster.post("/api/v1/namespaces/ffl/secrets", secret)
    assert made["data"] == {"k": "dg=="}
    assert made["type"] == "Opaque"
    assert "stringData" not in made


def test_what_a_create_refuses(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    refused(cluster.ask("POST", PODS, pod("a")), 409, "AlreadyExists", 'pods "a" already exists')
    refused(cluster.ask("POST", PODS, pod("")), 422, "Invalid", "name or generateName is required")
    refused(cluster.ask("POST", PODS, pod("Not_A_Name")), 422, "Invalid", "RFC 1123 subdomain")
    refused(cluster.ask("POST", PODS, pod("b", spec={"containers": []})), 422, "Invalid", "spec.containers: Required")
    refused(cluster.ask("POST", PODS, pod("b", metadata={"namespace": "triager"})), 400, "BadRequest", "does not match")
    status, body = cluster.ask("POST", PODS, pod("b", metadata={"resourceVersion": "5"}))
    assert (status, body["message"]) == (500, "resourceVersion should not be set on objects to be created")
    nowhere = cluster.ask("POST", "/api/v1/namespaces/nowhere/pods", pod("b"))
    refused(nowhere, 404, "NotFound", 'namespaces "nowhere" not found')
    refused(cluster.ask("POST", PODS, release("r")), 400, "BadRequest", "is registered for version")
    nobody = cluster.ask("POST", "/apis/apps/v2/namespaces/ffl/deployments", {})
    assert nobody == (404, "404 page not found\n")
    refused(cluster.ask("POST", "/api/v1/pods", pod("b")), 405, "MethodNotAllowed")
    refused(cluster.ask("POST", f"{PODS}/b", pod("b")), 405, "MethodNotAllowed")


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{not json", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"a: [", "application/yaml", 400),
        (b"k8s\x00\xff\xff\xff", "application/vnd.kubernetes.protobuf", 400),
        (b"nothing", "application/vnd.kubernetes.protobuf", 400),
        (b"{}", "application/cbor", 415),
        (b"{}", "text/plain", 415),
        (b'{"metadata": 7}', "application/json", 400),
        (b'{"metadata": {"name": 7}}', "application/json", 400),
        (b'{"metadata": {"name": "x", "labels": {"a": 1}}}', "application/json", 400),
        (b'{"metadata": {"name": "x", "labels": ["a"]}}', "application/json", 400),
        (b'{"metadata": {"name": "x", "labels": {"a b": "c"}}}', "application/json", 422),
        (b'{"metadata": {"name": "x"}, "spec": "text"}', "application/json", 400),
        (b'{"metadata": {"name": "x", "ownerReferences": [{"name": "o"}]}}', "application/json", 422),
        (b'{"metadata": {"name": "x", "ownerReferences": {"uid": "o"}}}', "application/json", 400),
        (b'{"metadata": {"name": "x", "finalizers": "f"}}', "application/json", 400),
        (b'{"metadata": {"name": "x"}, "spec": {"containers": [{"image": "i"}]}}', "application/json", 422),
    ],
)
def test_a_body_that_is_no_object_is_refused_and_nothing_stored(
    cluster: Served, body: bytes, content_type: str, code: int
) -> None:
    before = cluster.store.rv
    status, answer = cluster.ask("POST", PODS, body, content_type=content_type)
    assert (status, answer["kind"]) == (code, "Status"), answer
    assert cluster.store.rv == before


def test_yaml_is_taken(cluster: Served) -> None:
    text = b"apiVersion: v1\nkind: Pod\nmetadata: {name: y}\nspec: {containers: [{name: c, image: i}]}\n"
    assert cluster.post(PODS, text, content_type="application/yaml")["metadata"]["name"] == "y"


def test_an_update_checks_the_revision_it_was_based_on(cluster: Served) -> None:
    made = cluster.post(RELEASES, release("r", interval="1m"))
    changed = {**made, "spec": {"interval": "2m"}}
    assert cluster.ask("PUT", f"{RELEASES}/r", changed)[0] == 200
    refused(cluster.ask("PUT", f"{RELEASES}/r", changed), 409, "Conflict", "the object has been modified")
    other = {**made, "metadata": {**made["metadata"], "uid": "someone-else"}}
    refused(cluster.ask("PUT", f"{RELEASES}/r", other), 409, "Conflict", "UID in precondition")
    renamed = {**made, "metadata": {"name": "other"}}
    refused(cluster.ask("PUT", f"{RELEASES}/r", renamed), 400, "BadRequest", "does not match the name on the URL")
    missing = {**made, "metadata": {"name": "q"}}
    refused(cluster.ask("PUT", f"{RELEASES}/q", missing), 404, "NotFound")


def test_generation_counts_spec_only_and_status_has_its_own_door(cluster: Served) -> None:
    cluster.post(RELEASES, release("r", interval="1m"))
    path = f"{RELEASES}/r"

    def patch(change: dict[str, Any], sub: str = "") -> dict[str, Any]:
        status, body = cluster.ask("PATCH", path + sub, change, content_type=MERGE)
        assert status == 200, body
        return body

    assert patch({"metadata": {"annotations": {"a": "b"}}})["metadata"]["generation"] == 1
    assert patch({"spec": {"interval": "2m"}})["metadata"]["generation"] == 2
    ignored = patch({"status": {"observedGeneration": 5}})
    assert "status" not in ignored
    stored = patch({"status": {"observedGeneration": 2}, "spec": {"interval": "9m"}}, "/status")
    assert stored["status"] == {"observedGeneration": 2}
    assert stored["spec"] == {"interval": "2m"}
    assert stored["metadata"]["generation"] == 2


def test_a_write_that_changes_nothing_makes_no_event_and_no_revision(cluster: Served) -> None:
    made = cluster.post(RELEASES, release("r", interval="1m"))
    before = cluster.store.rv
    _, same = cluster.ask("PATCH", f"{RELEASES}/r", {"spec": {"interval": "1m"}}, content_type=MERGE)
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert cluster.store.rv == before


def test_server_owned_fields_cannot_be_patched(cluster: Served) -> None:
    made = cluster.post(PODS, pod("a", labels={"app": "a"}))

    def patch(**metadata: Any) -> tuple[int, Any]:
        return cluster.ask("PATCH", f"{PODS}/a", {"metadata": metadata}, content_type=MERGE)

    status, after = patch(creationTimestamp="2001-01-01T00:00:00Z", generation=7)
    assert (status, after) == (200, made), "neither is ever a change"
    words = 'Pod "a" is invalid: metadata.deletionTimestamp: Invalid value: '
    refused(patch(deletionTimestamp="2001-01-01T00:00:00Z"), 422, "Invalid", words)
    assert cluster.get(f"{PODS}/a") == made


def test_json_patch_tests_before_it_changes(cluster: Served) -> None:
    cluster.post(RELEASES, release("r", interval="1m", values={"list": [1, 2]}))

    def patch(*operations: dict[str, Any]) -> tuple[int, Any]:
        return cluster.ask("PATCH", f"{RELEASES}/r", list(operations), content_type=JSONP)

    values = "/spec/values/list"
    status, body = patch(
        {"op": "test", "path": "/spec/interval", "value": "1m"},
        {"op": "add", "path": f"{values}/-", "value": 3},
        {"op": "add", "path": f"{values}/0", "value": 0},
        {"op": "remove", "path": f"{values}/1"},
        {"op": "copy", "from": values, "path": "/spec/values/a~1b"},
        {"op": "move", "from": "/spec/interval", "path": "/spec/timeout"},
    )
    assert status == 200, body
    assert body["spec"] == {"timeout": "1m", "values": {"list": [0, 2, 3], "a/b": [0, 2, 3]}}
    refused(patch({"op": "test", "path": "/spec/timeout", "value": "2m"}), 422, "Invalid", "error in our request")
    refused(patch({"op": "replace", "path": "/spec/values/list/9", "value": 1}), 422, "Invalid")
    refused(patch({"op": "remove", "path": "/spec/nothing"}), 422, "Invalid")
    refused(patch({"op": "remove", "path": "/spec/values/list/9"}), 422, "Invalid")
    refused(patch({"op": "dance", "path": "/spec"}), 422, "Invalid")
    refused(cluster.ask("PATCH", f"{RELEASES}/r", {"a": 1}, content_type=JSONP), 400, "BadRequest")
    refused(cluster.ask("PATCH", f"{RELEASES}/r", [], content_type=MERGE), 400, "BadRequest")


def test_strategic_patches_merge_lists_of_built_in_kinds_by_key(cluster: Served) -> None:
    cluster.post(PODS, pod("a", spec={"containers": [{"name": "x", "image": "1"}, {"name": "y", "image": "1"}]}))
    change = {"spec": {"containers": [{"name": "y", "image": "2"}]}}
    status, body = cluster.ask("PATCH", f"{PODS}/a", change, content_type=STRATEGIC)
    assert status == 200, body
    assert [(c["name"], c["image"]) for c in body["spec"]["containers"]] == [("x", "1"), ("y", "2")]


def test_strategic_patches_obey_their_directives_and_each_lists_own_key(cluster: Served) -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]
    containers = [
        {"name": "x", "image": "1", "env": env, "ports": [{"containerPort": 80}]},
        {"name": "y", "image": "1"},
    ]
    made = pod("a", spec={"containers": containers})
    made["metadata"] |= {"finalizers": ["example.com/one", "example.com/two"]}
    cluster.post(PODS, made)

    def patch(change: dict[str, Any], sub: str = "") -> dict[str, Any]:
        status, body = cluster.ask("PATCH", f"{PODS}/a{sub}", change, content_type=STRATEGIC)
        assert status == 200, body
        return dict(body)

    status = patch({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, "/status")["status"]
    more = [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}]
    status = patch({"status": {"conditions": more}}, "/status")["status"]
    assert [(c["type"], c["status"]) for c in status["conditions"]] == [("Ready", "True"), ("Initialized", "True")]
    kept = patch({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/one"]}})["metadata"]["finalizers"]
    assert kept == ["example.com/two"]
    patch({"metadata": {"finalizers": None}})
    template = {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {}}}
    template["template"]["spec"] = {"containers": containers}
    path = "/apis/apps/v1/namespaces/ffl/deployments"
    cluster.post(path, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": template})
    change = {
        "$setElementOrder/containers": [{"name": "y"}, {"name": "x"}],
        "containers": [
            {"$retainKeys": ["name", "image"], "name": "y", "image": "2"},
            {
                "name": "x",
                "env": [{"name": "A", "$patch": "delete"}, {"name": "C", "value": "3"}],
                "ports": [{"containerPort": 81}],
            },
        ],
    }
    code, after = cluster.ask("PATCH", f"{path}/d", {"spec": {"template": {"spec": change}}}, content_type=STRATEGIC)
    assert code == 200, after
    y, x = after["spec"]["template"]["spec"]["containers"]
    assert y == {"name": "y", "image": "2"}
    assert [(entry["name"], entry["value"]) for entry in x["env"]] == [("C", "3"), ("B", "1")]
    assert [port["containerPort"] for port in x["ports"]] == [81, 80]
    cluster.ask("DELETE", f"{path}/d")


@pytest.mark.parametrize("content_type", [STRATEGIC, "application/apply-patch+cbor", "application/json", "text/plain"])
def test_a_patch_type_that_is_not_taken_is_415_and_names_those_that_are(cluster: Served, content_type: str) -> None:
    cluster.post(RELEASES, release("r"))
    answer = cluster.ask("PATCH", f"{RELEASES}/r", {"spec": {"interval": "9m"}}, content_type=content_type)
    refused(answer, 415, "UnsupportedMediaType", "application/json-patch+json, application/merge-patch+json")
    assert cluster.get(f"{RELEASES}/r")["spec"] == {}


def test_a_patch_can_demand_a_revision(cluster: Served) -> None:
    made = cluster.post(PODS, pod("a"))
    change = {"metadata": {"resourceVersion": "1", "labels": {"x": "y"}}}
    refused(cluster.ask("PATCH", f"{PODS}/a", change, content_type=MERGE), 409, "Conflict")
    change["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
    assert cluster.ask("PATCH", f"{PODS}/a", change, content_type=MERGE)[0] == 200


def test_dry_runs_answer_like_the_real_thing_and_write_nothing(cluster: Served) -> None:
    cluster.post(PODS, pod("a", spec={"nodeName": "n"}))
    owner = cluster.post(RELEASES, release("r"))
    before, log = cluster.store.rv, cluster.store.list(cluster.store.kinds["v1", "pods"])
    dry = "dryRun=All"
    assert cluster.ask("POST", f"{PODS}?{dry}", pod("b"))[0] == 201
    refused(cluster.ask("POST", f"{PODS}?{dry}", pod("a")), 409, "AlreadyExists")
    assert cluster.ask("PUT", f"{RELEASES}/r?{dry}", {**owner, "spec": {"interval": "9m"}})[1]["spec"] == {
        "interval": "9m"
    }
    change = {"metadata": {"labels": {"x": "y"}}}
    assert cluster.ask("PATCH", f"{PODS}/a?{dry}", change, content_type=MERGE)[1]["metadata"]["labels"] == {"x": "y"}
    assert cluster.ask("PATCH", f"{PODS}/a/status?{dry}", {"status": {"phase": "Failed"}}, content_type=MERGE)[0] == 200
    assert cluster.ask("DELETE", f"{PODS}/a?{dry}")[0] == 200
    assert cluster.ask("DELETE", f"{PODS}/a", {"dryRun": ["All"]})[0] == 200
    assert cluster.ask("DELETE", f"{PODS}?{dry}")[0] == 200
    assert cluster.ask("DELETE", f"/api/v1/namespaces/ffl?{dry}")[0] == 200
    for query in ("dryRun=Some", "dryRun=true"):
        refused(cluster.ask("DELETE", f"{PODS}/a?{query}"), 422, "Invalid", 'supported values: "All"')
    refused(cluster.ask("DELETE", f"{PODS}/a", {"dryRun": ["Perhaps"]}), 422, "Invalid")
    assert cluster.store.rv == before
    assert cluster.store.list(cluster.store.kinds["v1", "pods"]) == log


def test_equal_events_are_one_object_that_counts(cluster: Served) -> None:
    store = cluster.store
    made = cluster.post(PODS, pod("a"))
    for _ in range(3):
        cluster.clock.forward(seconds=10)
        cluster.call(store.event, made, "Warning", "Failed", "x509: unknown authority", "kubelet", host="n")
    cluster.call(store.event, made, "Warning", "Failed", "another text", "kubelet", host="n")
    path = f"/api/v1/namespaces/ffl/events?fieldSelector=involvedObject.uid%3D{made['metadata']['uid']}"
    events = sorted(cluster.get(path)["items"], key=lambda event: event["count"])
    assert [event["count"] for event in events] == [1, 3]
    assert events[1]["firstTimestamp"] < events[1]["lastTimestamp"]
    assert events[1]["metadata"]["name"].startswith("a.")
    assert events[1]["involvedObject"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_controller_that_patches_what_it_read_earlier_loses_no_other_write(cluster: Served) -> None:
    store = cluster.store
    kind = store.kinds["v1", "pods"]
    read = cluster.post(PODS, pod("a"))
    for key in ("one", "two"):
        cluster.call(store.patch, kind, read, MERGE, {"metadata": {"labels": {key: "x"}}})
    cluster.call(store.status, read, phase="Running")
    stored = cluster.get(f"{PODS}/a")
    assert stored["metadata"]["labels"] == {"one": "x", "two": "x"}
    assert stored["status"]["phase"] == "Running"
    cluster.ask("DELETE", f"{PODS}/a")
    assert cluster.call(store.status, read, phase="Failed") is None
    cluster.post(PODS, pod("a"))
    assert cluster.call(store.status, read, phase="Failed") is None


def template(image: str, app: str = "b", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"a": app}}, "spec": {"containers": [{"name": "c", "image": image}], **spec}}


IMMUTABLE = [
    (
        "apps",
        "Deployment",
        {"selector": {"matchLabels": {"a": "b"}}, "template": template("i")},
        {"selector": {"matchLabels": {"a": "c"}}, "template": template("i", "c")},
        "spec.selector",
    ),
    (
        "batch",
        "Job",
        {"template": template("i", restartPolicy="Never")},
        {"template": template("j", restartPolicy="Never")},
        "spec.template",
    ),
]


@pytest.mark.parametrize(("group", "kind", "spec", "change", "field"), IMMUTABLE)
def test_immutable_fields_stay(
    cluster: Served, group: str, kind: str, spec: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    path = f"/apis/{group}/v1/namespaces/ffl/{kind.lower()}s"
    name = f"fixed-{kind.lower()}"
    body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    made = cluster.post(path, body)
    words = f'{kind}.{group} "{name}" is invalid: {field}: Invalid value: '
    for answer in (
        cluster.ask("PATCH", f"{path}/{name}", {"spec": change}, content_type=MERGE),
        cluster.ask("PUT", f"{path}/{name}", {**made, "spec": change}),
    ):
        refused(answer, 422, "Invalid", words)
        assert answer[1]["message"].endswith(": field is immutable")
    assert cluster.get(f"{path}/{name}") == made


def test_of_a_pod_only_images_and_few_other_fields_may_change(cluster: Served) -> None:
    cluster.post(PODS, pod("a"))
    image = {"spec": {"containers": [{"name": "main", "image": "nginx:2"}], "activeDeadlineSeconds": 5}}
    assert cluster.ask("PATCH", f"{PODS}/a", image, content_type=MERGE)[0] == 200
    refusal = cluster.ask("PATCH", f"{PODS}/a", {"spec": {"nodeName": "elsewhere"}}, content_type=MERGE)
    refused(refusal, 422, "Invalid", "pod updates may not change fields other than")


def test_a_secret_keeps_its_type_and_an_immutable_one_its_data(cluster: Served) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque", "immutable": True}
    path = "/api/v1/namespaces/ffl/secrets"
    cluster.post(path, {**secret, "data": {"k": "dg=="}})
    refused(cluster.ask("PATCH", f"{path}/s", {"type": "x.example/y"}, content_type=MERGE), 422, "Invalid", "immutable")
    refused(cluster.ask("PATCH", f"{path}/s", {"data": {"k": "eA=="}}, content_type=MERGE), 422, "Invalid", "immutable")
    assert cluster.ask("PATCH", f"{path}/s", {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE)[0] == 200


def test_plain_secret_strings_are_encoded_by_an_update_too(cluster: Served) -> None:
    path = "/api/v1/namespaces/ffl/secrets"
    cluster.post(path, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "dg=="}})
    status, body = cluster.ask("PATCH", f"{path}/s", {"stringData": {"b": "w"}}, content_type=MERGE)
    assert (status, body["data"]) == (200, {"a": "dg==", "b": "dw=="})
    put = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {}}
    status, body = cluster.ask("PUT", f"{path}/s", put)
    assert (status, body["type"], "stringData" in body) == (200, "Opaque", False)


def test_items_of_a_strategic_patch_come_in_its_order_and_the_others_stay(cluster: Served) -> None:
    env = [{"name": name, "value": "1"} for name in "ABC"]
    containers = [{"name": "c", "image": "i", "env": env}]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = "/apis/apps/v1/namespaces/ffl/deployments"
    cluster.post(path, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ordered"}, "spec": spec})
    items = [{"name": "Z", "value": "9"}, {"name": "A", "$patch": "delete"}, {"name": "C", "value": "2"}]
    change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "env": items}]}}}}
    status, body = cluster.ask("PATCH", f"{path}/ordered", change, content_type=STRATEGIC)
    assert status == 200, body
    found = body["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [(e["name"], e["value"]) for e in found] == [("Z", "9"), ("B", "1"), ("C", "2")]
    empty = {"metadata": {"annotations": {"$patch": "delete"}}}
    cluster.ask("PATCH", f"{path}/ordered", {"metadata": {"annotations": {"x": "y"}}}, content_type=MERGE)
    assert "annotations" not in cluster.ask("PATCH", f"{path}/ordered", empty, content_type=STRATEGIC)[1]["metadata"]
