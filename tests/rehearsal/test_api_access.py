"""Who may what: tokens, RBAC from objects in the store, a real server's 403s, and the reviews that ask first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api_server import MERGE, Served, pod, serving

RBAC = "/apis/rbac.authorization.k8s.io/v1"
PODS = "/api/v1/namespaces/ffl/pods"
RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/ffl/helmreleases"
VIEWER: dict[str, Any] = {"token": "viewer-token"}
VIEWER_SUBJECT = {"kind": "User", "name": "viewer", "apiGroup": "rbac.authorization.k8s.io"}


@pytest.fixture
def cluster() -> Iterator[Served]:
    with serving() as served:
        served.post(PODS, pod("a"))
        yield served


def role(cluster: Served, name: str, *rules: dict[str, Any], namespace: str = "", **fields: Any) -> None:
    kind = "Role" if namespace else "ClusterRole"
    path = f"{RBAC}/namespaces/{namespace}/roles" if namespace else f"{RBAC}/clusterroles"
    metadata = {"name": name, **fields.pop("metadata", {})}
    body = {"apiVersion": RBAC.removeprefix("/apis/"), "kind": kind, "metadata": metadata, "rules": list(rules)}
    cluster.post(path, {**body, **fields})


def bind(
    cluster: Served, role_kind: str, name: str, subject: dict[str, Any] | None = None, namespace: str = ""
) -> None:
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    path = f"{RBAC}/namespaces/{namespace}/rolebindings" if namespace else f"{RBAC}/clusterrolebindings"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name}
    body = {"apiVersion": RBAC.removeprefix("/apis/"), "kind": kind, "metadata": {"name": name}}
    cluster.post(path, {**body, "roleRef": reference, "subjects": [subject or VIEWER_SUBJECT]})


CLOSED = (PODS, "/api", "/apis", "/clock", "/readyz/etcd", "/metrics", "/openapi/v3", "/faults")


def test_an_unknown_token_is_401(cluster: Served) -> None:
    for path in CLOSED:
        status, body = cluster.ask("GET", path, token="nobody-token")
        assert (status, body["reason"], body["kind"]) == (401, "Unauthorized", "Status"), path


def test_who_shows_no_token_is_anonymous_and_may_do_nothing(cluster: Served) -> None:
    for path in CLOSED:
        status, body = cluster.ask("GET", path, token=None)
        assert (status, body["reason"], 'User "system:anonymous" cannot' in body["message"]) == (403, "Forbidden", True)


def test_a_wrong_token_is_401_even_where_none_is_needed(cluster: Served) -> None:
    assert cluster.raw("GET", "/version", token="nobody-token").status_code == 401


def test_basic_credentials_are_no_token(cluster: Served) -> None:
    assert cluster.raw("GET", PODS, token=None, Authorization="Basic YWRtaW46YWRtaW4=").status_code == 401


def test_health_and_version_need_no_token(cluster: Served) -> None:
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert cluster.raw("GET", path, token=None).status_code == 200


REQUESTS = [
    ("get", "GET", f"{PODS}/a", None),
    ("list", "GET", PODS, None),
    ("watch", "GET", f"{PODS}?watch=1", None),
    ("create", "POST", PODS, pod("b")),
    ("update", "PUT", f"{PODS}/a", pod("a")),
    ("patch", "PATCH", f"{PODS}/a", {"metadata": {"labels": {"x": "y"}}}),
    ("delete", "DELETE", f"{PODS}/a", None),
    ("deletecollection", "DELETE", PODS, None),
]


@pytest.mark.parametrize(("verb", "method", "path", "body"), REQUESTS, ids=[verb for verb, *_ in REQUESTS])
def test_each_verb_is_denied_in_a_real_servers_words_and_does_nothing(
    cluster: Served, verb: str, method: str, path: str, body: Any
) -> None:
    before = cluster.store.rv
    status, answer = cluster.ask(
        method, path, body, content_type=MERGE if method == "PATCH" else "application/json", **VIEWER
    )
    named = 'pods "a"' if path.endswith("/a") else "pods"
    assert (status, answer["reason"]) == (403, "Forbidden")
    assert answer["message"] == (
        f'{named} is forbidden: User "viewer" cannot {verb} resource "pods" in API group "" in the namespace "ffl"'
    )
    assert answer["details"]["kind"] == "pods"
    assert cluster.store.rv == before


@pytest.mark.parametrize(("verb", "method", "path", "body"), REQUESTS, ids=[verb for verb, *_ in REQUESTS])
def test_each_verb_is_allowed_by_exactly_its_own_rule(
    cluster: Served, verb: str, method: str, path: str, body: Any
) -> None:
    role(cluster, "only", {"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}, namespace="ffl")
    bind(cluster, "Role", "only", namespace="ffl")
    content_type = MERGE if method == "PATCH" else "application/json"
    for other, *_rest in REQUESTS:
        assert may(cluster, other, "pods", namespace="ffl") is (other == verb)
    if verb == "watch":
        with cluster.watching(path, token="viewer-token") as events:
            assert next(events)["type"] == "ADDED"
    else:
        assert cluster.ask(method, path, body, content_type=content_type, **VIEWER)[0] in (200, 201)


def may(cluster: Served, verb: str, resource: str, token: str = "viewer-token", **more: str) -> bool:
    plural, _, sub = resource.partition("/")
    attributes = {"verb": verb, "resource": plural, "subresource": sub, **more}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return cluster.post(path, {**review, "spec": {"resourceAttributes": attributes}}, token=token)["status"]["allowed"]


def test_cluster_scope_and_custom_groups_are_named(cluster: Served) -> None:
    _, answer = cluster.ask("GET", "/api/v1/pods", **VIEWER)
    assert answer["message"] == (
        'pods is forbidden: User "viewer" cannot list resource "pods" in API group "" at the cluster scope'
    )
    _, answer = cluster.ask("GET", f"{RELEASES}/r", **VIEWER)
    assert answer["message"] == (
        'helmreleases.helm.toolkit.fluxcd.io "r" is forbidden: User "viewer" cannot get resource "helmreleases" '
        'in API group "helm.toolkit.fluxcd.io" in the namespace "ffl"'
    )
    _, answer = cluster.ask("GET", f"{PODS}/a/log", **VIEWER)
    assert 'cannot get resource "pods/log"' in answer["message"]


def test_what_is_not_served_is_denied_before_it_is_missing(cluster: Served) -> None:
    assert cluster.ask("GET", "/apis/nothing.example/v1/things", **VIEWER)[0] == 403
    assert cluster.ask("GET", "/apis/nothing.example/v1/things")[0] == 404


def test_a_role_binding_holds_in_its_namespace_only(cluster: Served) -> None:
    bind(cluster, "ClusterRole", "view", namespace="ffl")
    assert cluster.ask("GET", PODS, **VIEWER)[0] == 200
    assert cluster.ask("GET", RELEASES, **VIEWER)[0] == 200
    assert cluster.ask("GET", "/api/v1/namespaces/triager/pods", **VIEWER)[0] == 403
    assert cluster.ask("GET", "/api/v1/pods", **VIEWER)[0] == 403
    assert cluster.ask("GET", "/api/v1/namespaces/ffl/secrets", **VIEWER)[0] == 403
    assert cluster.ask("GET", "/api/v1/namespaces/ffl", **VIEWER)[0] == 200


def test_a_rule_for_a_resource_does_not_cover_its_subresources(cluster: Served) -> None:
    role(cluster, "r", {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]})
    bind(cluster, "ClusterRole", "r")
    assert may(cluster, "get", "pods")
    assert not may(cluster, "get", "pods/log")
    assert not may(cluster, "get", "services")
    role(cluster, "logs", {"apiGroups": [""], "resources": ["*/log"], "verbs": ["get"]})
    bind(cluster, "ClusterRole", "logs")
    assert may(cluster, "get", "pods/log")
    assert not may(cluster, "get", "pods/status")


def test_resource_names_allow_one_object_and_no_list(cluster: Served) -> None:
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["registry-tls"], "verbs": ["get", "list"]}
    role(cluster, "one", rule, namespace="ffl")
    bind(cluster, "Role", "one", namespace="ffl")
    path = "/api/v1/namespaces/ffl/secrets"
    assert cluster.ask("GET", f"{path}/registry-tls", **VIEWER)[0] == 404
    assert cluster.ask("GET", f"{path}/other", **VIEWER)[0] == 403
    assert cluster.ask("GET", path, **VIEWER)[0] == 403
    assert cluster.ask("GET", f"{path}?fieldSelector=metadata.name%3Dregistry-tls", **VIEWER)[0] == 200


def test_groups_and_service_accounts_are_subjects(cluster: Served) -> None:
    robot = {"kind": "ServiceAccount", "name": "robot", "namespace": "ffl"}
    bind(cluster, "ClusterRole", "view", robot, namespace="ffl")
    assert cluster.ask("GET", PODS, token="robot-token")[0] == 200
    assert cluster.ask("GET", PODS, **VIEWER)[0] == 403
    everyone = {"kind": "Group", "name": "system:authenticated", "apiGroup": "rbac.authorization.k8s.io"}
    role(cluster, "nodes", {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]})
    bind(cluster, "ClusterRole", "nodes", everyone)
    assert cluster.ask("GET", "/api/v1/nodes", **VIEWER)[0] == 200


def test_an_aggregated_role_collects_the_rules_it_selects(cluster: Served) -> None:
    label = {"example.com/aggregate": "true"}
    role(cluster, "sum", aggregationRule={"clusterRoleSelectors": [{"matchLabels": label}]})
    bind(cluster, "ClusterRole", "sum")
    assert not may(cluster, "list", "nodes")
    rule = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}
    role(cluster, "part", rule, metadata={"labels": label})
    assert may(cluster, "list", "nodes")


def test_a_right_that_is_taken_away_is_gone_at_once(cluster: Served) -> None:
    bind(cluster, "ClusterRole", "view")
    assert cluster.ask("GET", PODS, **VIEWER)[0] == 200
    cluster.ask("DELETE", f"{RBAC}/clusterrolebindings/view")
    assert cluster.ask("GET", PODS, **VIEWER)[0] == 403


def test_a_binding_to_a_role_that_is_missing_says_so(cluster: Served) -> None:
    bind(cluster, "ClusterRole", "ghost")
    _, answer = cluster.ask("GET", PODS, **VIEWER)
    assert answer["message"].endswith('RBAC: [clusterrole.rbac.authorization.k8s.io "ghost" not found]')


def test_paths_that_are_no_resources_are_guarded_too(cluster: Served) -> None:
    assert cluster.ask("GET", "/apis", **VIEWER)[0] == 200
    assert cluster.ask("GET", "/clock", **VIEWER)[0] == 200
    status, answer = cluster.ask("GET", "/metrics", **VIEWER)
    assert (status, answer["message"]) == (403, 'forbidden: User "viewer" cannot get path "/metrics"')
    spec = {"nonResourceAttributes": {"path": "/livez/etcd", "verb": "get"}}
    review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert cluster.post(path, review, **VIEWER)["status"]["allowed"]


def test_reviews_say_who_and_what_and_are_never_stored(cluster: Served) -> None:
    before = cluster.store.rv
    who = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    info = cluster.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", who, **VIEWER)["status"]["userInfo"]
    assert info == {"username": "viewer", "groups": ["system:authenticated"]}
    rules = {"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "spec": {"namespace": "ffl"}}
    status = cluster.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", rules, **VIEWER)["status"]
    assert not status["incomplete"]
    assert all(rule["verbs"] == ["create"] for rule in status["resourceRules"])
    assert may(cluster, "delete", "anything", token="admin-token", group="any.example")
    assert cluster.store.rv == before
    assert cluster.ask("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")[0] == 405


@pytest.mark.parametrize("spec", [{}, {"resourceAttributes": {}, "nonResourceAttributes": {}}])
def test_a_review_of_nothing_or_of_two_things_is_422(cluster: Served, spec: dict[str, Any]) -> None:
    review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec}
    assert cluster.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)[0] == 422


def test_an_allowed_review_names_the_rule(cluster: Served) -> None:
    bind(cluster, "ClusterRole", "view")
    spec = {"resourceAttributes": {"verb": "list", "resource": "pods"}}
    review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec}
    status = cluster.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, **VIEWER)["status"]
    assert status["reason"] == 'RBAC: allowed by ClusterRoleBinding "view" of ClusterRole "view" to User "viewer"'


@pytest.mark.parametrize(
    ("plural", "kind", "fields", "code"),
    [
        ("clusterrolebindings", "ClusterRoleBinding", {}, 422),
        ("clusterrolebindings", "ClusterRoleBinding", {"roleRef": {"kind": "Role", "name": "x"}}, 422),
        (
            "clusterrolebindings",
            "ClusterRoleBinding",
            {"roleRef": {"kind": "ClusterRole", "name": "x"}, "subjects": ["me"]},
            400,
        ),
        ("clusterroles", "ClusterRole", {"rules": "all"}, 400),
        ("clusterroles", "ClusterRole", {"rules": [{"apiGroups": [""], "resources": ["pods"]}]}, 422),
    ],
)
def test_malformed_roles_are_refused_and_break_nobody(
    cluster: Served, plural: str, kind: str, fields: dict[str, Any], code: int
) -> None:
    body = {"apiVersion": RBAC.removeprefix("/apis/"), "kind": kind, "metadata": {"name": "bad"}, **fields}
    assert cluster.ask("POST", f"{RBAC}/{plural}", body)[0] == code
    assert cluster.ask("GET", PODS, **VIEWER)[0] == 403
