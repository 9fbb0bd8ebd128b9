"""Which groups, versions and resources are served: the legacy documents and the aggregated one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from runbook.rehearsal.apierrors import no_resource
from runbook.rehearsal.changes import encode
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.messages import JSON, Request, Response, answer
from runbook.rehearsal.store import Store

AGGREGATED = "APIGroupDiscoveryList"
SUB_VERBS = {"log": ["get"], "proxy": ["create", "delete", "get", "patch", "update"], "eviction": ["create"]}
SERVED_SUBS = frozenset(("status", "log", "proxy", "scale", "eviction"))
# Subresources that answer with a kind of another group
SUB_KINDS = {"scale": ("autoscaling", "v1", "Scale"), "eviction": ("policy", "v1", "Eviction")}
Groups = dict[str, dict[str, list[Kind]]]


def discover(store: Store, request: Request, parts: list[str]) -> Response:
    """Answer `/api`, `/apis`, `/apis/GROUP`, `/api/v1`, `/apis/GROUP/VERSION`. Raises ApiError 404."""
    groups: Groups = {}
    for kind in store.kinds.values():
        groups.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    if parts in (["api"], ["apis"]) and (version := _aggregated_version(request)):
        return _aggregated(groups, core=parts == ["api"], version=version)
    if parts == ["api"]:
        return answer({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
    if parts == ["apis"]:
        listed = [_group(name, versions) for name, versions in groups.items() if name]
        return answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2] if len(parts) > 2 else "")
    if group and not version and group in groups:
        return answer({"kind": "APIGroup", "apiVersion": "v1", **_group(group, groups[group])})
    if version not in groups.get(group, {}):
        raise no_resource()
    gv = f"{group}/{version}" if group else version
    resources = [entry for kind in groups[group][version] for entry in _resources(kind)]
    return answer({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": gv, "resources": resources})


def _aggregated_version(request: Request) -> str:
    """The first form of the aggregated document a client accepts; empty when it asks for the legacy ones first."""
    for option in request.headers.get("accept", "").split(","):
        if f"as={AGGREGATED}" in option and "g=apidiscovery.k8s.io" in option and JSON in option:
            if "v=v2beta1" in option:
                return "v2beta1"
            if "v=v2" in option:
                return "v2"
        elif option.strip() == JSON:
            return ""
    return ""


def _group(name: str, versions: Iterable[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _subs(kind: Kind) -> list[str]:
    return sorted(sub for sub in kind.subs & SERVED_SUBS if sub == "status" or not kind.crd)


def _resources(kind: Kind) -> Iterable[dict[str, Any]]:
    entry: dict[str, Any] = {"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced}
    entry |= {"kind": kind.kind, "verbs": list(kind.verbs)}
    if kind.short:
        entry["shortNames"] = list(kind.short)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    yield entry
    for sub in _subs(kind):
        yield {
            "name": f"{kind.plural}/{sub}",
            "singularName": "",
            "namespaced": kind.namespaced,
            **_sub_kind(kind, sub),
            "verbs": SUB_VERBS.get(sub, ["get", "patch", "update"]),
        }


def _sub_kind(kind: Kind, sub: str) -> dict[str, str]:
    """Group, version and kind of what a subresource answers, where they are not the object's own."""
    if sub not in SUB_KINDS:
        return {"kind": kind.kind}
    group, version, name = SUB_KINDS[sub]
    return {"group": group, "version": version, "kind": name}


def _aggregated(groups: Groups, *, core: bool, version: str) -> Response:
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
            "versions": [
                {"version": v, "freshness": "Current", "resources": [_aggregated_resource(kind) for kind in kinds]}
                for v, kinds in versions.items()
            ],
        }
        for name, versions in groups.items()
        if (name == "") is core
    ]
    body = {"kind": AGGREGATED, "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}, "items": items}
    return Response(200, encode(body).encode(), f"{JSON};g=apidiscovery.k8s.io;v={version};as={AGGREGATED}")


def _aggregated_resource(kind: Kind) -> dict[str, Any]:
    response = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    return {
        "resource": kind.plural,
        "responseKind": response,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
        "shortNames": list(kind.short),
        "categories": list(kind.categories),
        "subresources": [
            {
                "subresource": sub,
                "responseKind": {**response, **_sub_kind(kind, sub)},
                "verbs": SUB_VERBS.get(sub, ["get", "patch", "update"]),
            }
            for sub in _subs(kind)
        ],
    }
