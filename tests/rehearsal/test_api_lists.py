"""Discovery, lists, pages, selectors and the forms an answer can have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api_server import TABLE, Served, pod, serving

PODS = "/api/v1/namespaces/ffl/pods"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Served]:
    with serving() as served:
        for number in range(7):
            served.post(PODS, pod(f"p{number}", labels={"app": "odd" if number % 2 else "even", "n": str(number)}))
        served.post("/api/v1/namespaces/triager/pods", pod("other"))
        yield served


def names(body: dict) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


def test_legacy_and_aggregated_discovery_name_the_same_resources(cluster: Served) -> None:
    legacy = set()
    for group in cluster.get("/apis")["groups"]:
        for version in group["versions"]:
            for resource in cluster.get(f"/apis/{version['groupVersion']}")["resources"]:
                legacy.add((version["groupVersion"], resource["name"], resource["namespaced"]))
    aggregated = set()
    answer = cluster.raw("GET", "/apis", accept=AGGREGATED)
    assert "as=APIGroupDiscoveryList" in answer.headers["content-type"]
    for item in answer.json()["items"]:
        for version in item["versions"]:
            gv = f"{item['metadata']['name']}/{version['version']}"
            for resource in version["resources"]:
                namespaced = resource["scope"] == "Namespaced"
                aggregated.add((gv, resource["resource"], namespaced))
                aggregated |= {
                    (gv, f"{resource['resource']}/{sub['subresource']}", namespaced) for sub in resource["subresources"]
                }
    assert legacy == aggregated
    assert ("helm.toolkit.fluxcd.io/v2", "helmreleases/status", True) in legacy


def test_discovery_prefers_the_storage_version_and_404s_what_is_not_served(cluster: Served) -> None:
    group = cluster.get("/apis/networking.istio.io")
    assert group["preferredVersion"]["version"] == "v1"
    assert [v["version"] for v in group["versions"]] == ["v1", "v1beta1"]
    for path in ("/apis/nothing.example.com", "/apis/apps/v9", "/apis/apps/v1/widgets", "/api/v2"):
        status, body = cluster.ask("GET", path)
        assert (status, body["reason"]) == (404, "NotFound"), path


def test_a_created_crd_is_served_at_once_and_a_deleted_one_takes_its_objects_along(cluster: Served) -> None:
    names_ = {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"]}
    column = {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}
    version = {"name": "v1", "served": True, "storage": True, "additionalPrinterColumns": [column]}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names_, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    made = cluster.post(crds, {**crd, "metadata": {"name": "widgets.example.com"}})
    assert {c["type"] for c in made["status"]["conditions"]} == {"Established", "NamesAccepted"}
    path = "/apis/example.com/v1/namespaces/ffl/widgets"
    cluster.post(
        path, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
    )
    table = cluster.get(path, accept=TABLE)
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Size"]
    assert table["rows"][0]["cells"] == ["w", 3]
    assert cluster.ask("DELETE", f"{crds}/widgets.example.com")[0] == 200
    assert cluster.ask("GET", path)[0] == 404
    cluster.post(crds, {**crd, "metadata": {"name": "widgets.example.com"}})
    assert cluster.get(path)["items"] == []
    cluster.ask("DELETE", f"{crds}/widgets.example.com")


def test_list_is_sorted_and_names_kind_and_version(cluster: Served) -> None:
    body = cluster.get("/api/v1/pods")
    assert (body["kind"], body["apiVersion"]) == ("PodList", "v1")
    assert names(body) == [*(f"p{n}" for n in range(7)), "other"]
    assert int(body["metadata"]["resourceVersion"]) > 0
    assert names(cluster.get("/api/v1/namespaces/triager/pods")) == ["other"]


def test_pages_show_one_moment_even_when_objects_come_go_and_change(cluster: Served) -> None:
    first = cluster.get(f"{PODS}?limit=3")
    assert first["metadata"]["remainingItemCount"] == 4
    cluster.post(PODS, pod("p3a"))
    cluster.ask("DELETE", f"{PODS}/p5?gracePeriodSeconds=0")
    second = cluster.get(f"{PODS}?limit=3&continue={first['metadata']['continue']}")
    third = cluster.get(f"{PODS}?limit=3&continue={second['metadata']['continue']}")
    again = cluster.get(f"{PODS}?limit=3&continue={first['metadata']['continue']}")
    assert names(first) + names(second) + names(third) == [f"p{n}" for n in range(7)]
    assert names(again) == names(second)
    assert "continue" not in third["metadata"]
    revisions = {page["metadata"]["resourceVersion"] for page in (first, second, third)}
    assert len(revisions) == 1
    cluster.ask("DELETE", f"{PODS}/p3a?gracePeriodSeconds=0")
    cluster.post(PODS, pod("p5", labels={"app": "odd", "n": "5"}))


def test_an_expired_page_token_answers_410_with_a_token_that_goes_on_inconsistently() -> None:
    with serving(page_seconds=0.0) as served:
        for name in "abcd":
            served.post(PODS, pod(name))
        token = served.get(f"{PODS}?limit=2")["metadata"]["continue"]
        served.post(PODS, pod("bb"))
        served.post(PODS, pod("cc"))
        status, body = served.ask("GET", f"{PODS}?limit=2&continue={token}")
        assert (status, body["reason"]) == (410, "Expired")
        rest = served.get(f"{PODS}?continue={body['metadata']['continue']}")
        assert names(rest) == ["c", "cc", "d"]


@pytest.mark.parametrize(
    "query",
    [
        "continue=garbage",
        "limit=many",
        "continue=e30&resourceVersion=5",
        "resourceVersion=x",
        "resourceVersionMatch=Exact",
    ],
)
def test_a_malformed_list_query_is_400(cluster: Served, query: str) -> None:
    status, body = cluster.ask("GET", f"{PODS}?{query}")
    assert (status, body["reason"]) == (400, "BadRequest")


def test_a_revision_of_the_future_is_504_and_an_exact_one_of_the_past_410(cluster: Served) -> None:
    rv = cluster.get(PODS)["metadata"]["resourceVersion"]
    assert cluster.ask("GET", f"{PODS}?resourceVersion={int(rv) + 10_000}")[0] == 504
    exact = f"{PODS}?resourceVersionMatch=Exact&resourceVersion={rv}"
    assert cluster.ask("GET", exact)[0] == 200
    cluster.ask(
        "PATCH", f"{PODS}/p0", {"metadata": {"annotations": {"x": "1"}}}, content_type="application/merge-patch+json"
    )
    assert cluster.ask("GET", exact)[0] == 410


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=odd", ["p1", "p3", "p5"]),
        ("app==odd,n!=3", ["p1", "p5"]),
        ("app!=odd", ["p0", "p2", "p4", "p6"]),
        ("n in (1, 2)", ["p1", "p2"]),
        ("n notin (1,2,3,4,5)", ["p0", "p6"]),
        ("!app", []),
        ("absent!=1,n=3", ["p3"]),
        ("absent notin (1),n=3", ["p3"]),
        ("!absent,n=3", ["p3"]),
        ("absent in (1),n=3", []),
        ("app,n in (4)", ["p4"]),
    ],
)
def test_label_selectors(cluster: Served, selector: str, expected: list[str]) -> None:
    assert names(cluster.get(PODS + "?labelSelector=" + selector.replace(" ", "%20"))) == expected


def test_a_selected_page_gives_no_remaining_count(cluster: Served) -> None:
    page = cluster.get(f"{PODS}?limit=1&labelSelector=app%3Dodd")
    assert "continue" in page["metadata"]
    assert "remainingItemCount" not in page["metadata"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{PODS}?fieldSelector=metadata.name%3Dp3", ["p3"]),
        (f"{PODS}?fieldSelector=status.phase!%3DPending", []),
        (
            f"{PODS}?fieldSelector=status.phase%3DPending,metadata.name!%3Dp0,spec.nodeName%3D",
            [f"p{n}" for n in range(1, 7)],
        ),
        ("/api/v1/pods?fieldSelector=metadata.namespace%3Dtriager", ["other"]),
    ],
)
def test_field_selectors(cluster: Served, path: str, expected: list[str]) -> None:
    assert names(cluster.get(path)) == expected


@pytest.mark.parametrize(
    "query",
    [
        "fieldSelector=spec.containers%3Dx",
        "fieldSelector=nonsense",
        "labelSelector=a%20of%20(b)",
        "labelSelector=-bad-%3Dx",
        "labelSelector=a%3D!!",
    ],
)
def test_an_unknown_or_unreadable_selector_is_400_and_never_everything(cluster: Served, query: str) -> None:
    assert cluster.ask("GET", f"{PODS}?{query}")[0] == 400
    assert cluster.ask("GET", f"{PODS}?watch=1&{query}")[0] == 400


def test_custom_resources_select_by_name_and_namespace_only(cluster: Served) -> None:
    path = "/apis/helm.toolkit.fluxcd.io/v2/helmreleases"
    assert cluster.ask("GET", f"{path}?fieldSelector=metadata.name%3Dx")[0] == 200
    assert cluster.ask("GET", f"{path}?fieldSelector=spec.suspend%3Dtrue")[0] == 400


def test_metadata_only_lists_hold_no_spec(cluster: Served) -> None:
    body = cluster.get(PODS, accept=PARTIAL)
    assert body["kind"] == "PartialObjectMetadataList"
    assert all(set(item) == {"kind", "apiVersion", "metadata"} for item in body["items"])
    single = cluster.get(f"{PODS}/p1", accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
    assert single["kind"] == "PartialObjectMetadata"
    assert single["metadata"]["labels"]["n"] == "1"


def test_what_cannot_be_given_is_406(cluster: Served) -> None:
    status, body = cluster.ask("GET", PODS, accept="application/vnd.kubernetes.protobuf")
    assert (status, body["reason"]) == (406, "NotAcceptable")


def test_one_stored_object_is_served_under_each_version_of_its_kind(cluster: Served) -> None:
    gateway = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "g"}, "spec": {}}
    cluster.post("/apis/networking.istio.io/v1/namespaces/ffl/gateways", gateway)
    older = cluster.get("/apis/networking.istio.io/v1beta1/namespaces/ffl/gateways")
    assert older["items"][0]["apiVersion"] == "networking.istio.io/v1beta1"
    assert older["apiVersion"] == "networking.istio.io/v1beta1"


def test_ten_thousand_pods_are_joined_bytes_not_encoded_again() -> None:
    with serving() as served:
        store = served.store

        def fill() -> None:
            for number in range(10_000):
                store.create(store.kinds["v1", "pods"], "ffl", pod(f"p{number:05}"))

        served.call(fill)
        assert len(served.get(PODS)["items"]) == 10_000
        found = store.list(store.kinds["v1", "pods"], "ffl")[17]
        assert store.bytes(found) is store.bytes(found)
        token, total = "", 0
        while True:
            page = served.get(f"{PODS}?limit=2500&continue={token}")
            total += len(page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                break
        assert total == 10_000


def test_a_namespace_whose_name_begins_as_anothers_is_another(cluster: Served) -> None:
    for name in ("web", "web-2", "web0"):
        cluster.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        made = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"in-{name}"},
            "spec": {"ports": [{"port": 80}]},
        }
        cluster.post(f"/api/v1/namespaces/{name}/services", made)
    for name in ("web", "web-2", "web0"):
        assert names(cluster.get(f"/api/v1/namespaces/{name}/services")) == [f"in-{name}"]
    assert names(cluster.get("/api/v1/namespaces/we/services")) == []
