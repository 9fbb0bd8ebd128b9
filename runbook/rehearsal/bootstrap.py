"""What every cluster holds before anybody adds anything: namespaces, and the roles that let users discover and look."""

from __future__ import annotations

from typing import Any

from runbook.rehearsal.access import RBAC
from runbook.rehearsal.store import Store

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
READ = ["get", "list", "watch"]
EVERY = ["*"]
DISCOVERY_PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz"]
DISCOVERY_PATHS += ["/version", "/version/", "/livez/*", "/readyz/*", "/"]
REVIEWS = [
    {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
    {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
]
VIEWED: dict[str, list[str]] = {
    "": [
        "bindings",
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "namespaces",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "pods",
        "pods/log",
        "pods/status",
        "replicationcontrollers",
        "resourcequotas",
        "serviceaccounts",
        "services",
        "services/status",
    ],
    "apps": EVERY,
    "autoscaling": EVERY,
    "batch": EVERY,
    "networking.k8s.io": ["ingresses", "ingresses/status", "networkpolicies"],
    "discovery.k8s.io": ["endpointslices"],
    "policy": EVERY,
}
# Flux's own aggregation into view [flux2:manifests/rbac/view.yaml]
FLUX = [f"{name}.toolkit.fluxcd.io" for name in ("source", "kustomize", "helm", "notification", "image")]
VIEW = [{"apiGroups": [group], "resources": resources, "verbs": READ} for group, resources in VIEWED.items()]
ROLES: dict[str, list[dict[str, Any]]] = {
    "cluster-admin": [
        {"apiGroups": EVERY, "resources": EVERY, "verbs": EVERY},
        {"nonResourceURLs": EVERY, "verbs": EVERY},
    ],
    "view": [*VIEW, {"apiGroups": FLUX, "resources": EVERY, "verbs": READ}],
    "system:discovery": [{"nonResourceURLs": DISCOVERY_PATHS, "verbs": ["get"]}],
    "system:basic-user": [{**rule, "verbs": ["create"]} for rule in REVIEWS],
    "embedded:clock": [{"nonResourceURLs": ["/clock"], "verbs": ["get"]}],
}
BINDINGS = {
    "cluster-admin": "system:masters",
    "system:discovery": "system:authenticated",
    "system:basic-user": "system:authenticated",
    "embedded:clock": "system:authenticated",
}


def ensure(store: Store) -> None:
    """Create whatever of it is missing; what is there already is left as it is."""
    for name in NAMESPACES:
        _create(store, "v1", "Namespace", name, {})
    for name, rules in ROLES.items():
        _create(store, RBAC, "ClusterRole", name, {"rules": rules})
    for name, group in BINDINGS.items():
        reference = {"apiGroup": RBAC.partition("/")[0], "kind": "ClusterRole", "name": name}
        subject = {"apiGroup": RBAC.partition("/")[0], "kind": "Group", "name": group}
        _create(store, RBAC, "ClusterRoleBinding", name, {"roleRef": reference, "subjects": [subject]})


def _create(store: Store, gv: str, kind_name: str, name: str, fields: dict[str, Any]) -> None:
    kind = store.by_kind[gv, kind_name]
    if store.find(kind, None, name) is None:
        labels = {} if kind_name == "Namespace" else {"kubernetes.io/bootstrapping": "rbac-defaults"}
        store.create(kind, None, {"metadata": {"name": name, "labels": labels}, **fields}, trusted=True)
