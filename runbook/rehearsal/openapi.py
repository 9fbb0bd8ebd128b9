"""OpenAPI documents without schemas: kubectl fetches them before it applies, and every kind is an open object."""

from __future__ import annotations

from typing import Any

from runbook.rehearsal.apierrors import no_resource
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.messages import Response, answer
from runbook.rehearsal.store import Store

PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation", "force")
]


def openapi(store: Store, parts: list[str], version: str) -> Response:
    """Answer `/openapi/v2`, `/openapi/v3` and `/openapi/v3/…`. Raises ApiError 404."""
    info = {"title": "Kubernetes", "version": version}
    by_path: dict[str, list[Kind]] = {}
    for kind in store.kinds.values():
        by_path.setdefault(f"apis/{kind.gv}" if kind.group else f"api/{kind.gv}", []).append(kind)
    if parts == ["openapi", "v2"]:
        return answer({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})
    if parts == ["openapi", "v3"]:
        return answer({"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in by_path}})
    path = "/".join(parts[2:])
    if path not in by_path:
        raise no_resource()
    schemas, paths = {}, {}
    for kind in by_path[path]:
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        schemas[f"{kind.group or 'core'}.{kind.version}.{kind.kind}"] = {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "x-kubernetes-group-version-kind": [gvk],
        }
        base = f"/{path}/{'namespaces/{namespace}/' if kind.namespaced else ''}{kind.plural}"
        paths[base] = {"post": _operation("post", gvk)}
        paths[f"{base}/{{name}}"] = {"patch": _operation("patch", gvk), "put": _operation("put", gvk)}
    return answer({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}})


def _operation(action: str, gvk: dict[str, str]) -> dict[str, Any]:
    return {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk,
        "parameters": PARAMETERS,
        "responses": {"200": {"description": "OK"}},
    }
