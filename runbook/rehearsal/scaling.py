"""The scale subresource: `autoscaling/v1` Scale of a Deployment, ReplicaSet, StatefulSet or ReplicationController."""

from __future__ import annotations

from typing import Any

from runbook.rehearsal import apierrors, identity, managedfields
from runbook.rehearsal.apierrors import FieldError
from runbook.rehearsal.fieldsets import FieldSet
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.listing import one
from runbook.rehearsal.messages import Request, Response, document, mapping
from runbook.rehearsal.options import WriteOptions, media_type, write_options
from runbook.rehearsal.patches import APPLY, JSON, MERGE, STRATEGIC, patched
from runbook.rehearsal.routes import Target
from runbook.rehearsal.store import Store

SCALE = Kind("autoscaling/v1", "Scale", "scales", subs=frozenset())
REPLICAS: FieldSet = frozenset({("f:spec", "f:replicas")})


def scale(store: Store, request: Request, kind: Kind, target: Target) -> Response:
    """GET, PUT, PATCH. Raises ApiError 400, 404, 405, 409, 415, 422."""
    old = store.get(kind, target.namespace, target.name)
    if request.method == "GET":
        return one(store, request, SCALE, scale_of(old))
    if request.method not in ("PUT", "PATCH"):
        raise apierrors.not_allowed()
    options = write_options(request)
    new = _asked(request, kind, old)
    identity.check_name(target.name, target.namespace, new)
    if request.method == "PUT":
        identity.check_put(kind, old, new)
    identity.check_version(kind, old, new["metadata"])
    replicas = (new.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int):
        raise apierrors.mismatch(SCALE, "spec.replicas", replicas, "int32")
    if replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        named = Kind("autoscaling/v1", "Scale", "scales")
        raise apierrors.invalid_fields(named, target.name, [FieldError("spec.replicas", why)])
    uid = new["metadata"].get("uid")
    if uid and uid != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise apierrors.conflict(kind, target.name, why, sub="scale")
    return one(store, request, SCALE, scale_of(_stored(store, kind, old, replicas, options)))


def scale_of(obj: Object) -> Object:
    """The Scale of an object."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    metadata = {key: obj["metadata"].get(key) for key in ("name", "namespace", "uid", "resourceVersion")}
    metadata["creationTimestamp"] = obj["metadata"]["creationTimestamp"]
    selector = spec.get("selector") or {}
    labels = selector.get("matchLabels", selector) if isinstance(selector, dict) else {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": replicas} if (replicas := spec.get("replicas", 1)) else {},
        "status": {
            "replicas": status.get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def _asked(request: Request, kind: Kind, old: Object) -> Object:
    if request.method == "PUT":
        return {"metadata": {}, **mapping(request)}
    media = media_type(request)
    if media == APPLY:
        raise apierrors.unsupported_media(
            f"{JSON}, {MERGE}, {STRATEGIC} (the embedded cluster applies no {kind.plural}/scale)"
        )
    if media not in (JSON, MERGE, STRATEGIC):
        raise apierrors.unsupported_media(f"{JSON}, {MERGE}, {STRATEGIC}, {APPLY}")
    return patched(SCALE, scale_of(old), media, document(request))


def _stored(store: Store, kind: Kind, old: Object, replicas: int, options: WriteOptions) -> Object:
    spec: dict[str, Any] = {**(old.get("spec") or {}), "replicas": replicas}
    record = None
    if old.get("spec", {}).get("replicas", 1) != replicas:
        record = managedfields.taken(kind, old, options.manager, "scale", REPLICAS)
    return store.update(kind, old, {**old, "spec": spec}, options.dry, managed=record)
