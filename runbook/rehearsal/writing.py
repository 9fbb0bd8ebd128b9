"""Create, update, patch, delete over HTTP: what is refused before the store is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook.rehearsal import apierrors, identity
from runbook.rehearsal.immutability import check_change
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.listing import matcher, one, versioned
from runbook.rehearsal.messages import Request, Response, answer, document, mapping
from runbook.rehearsal.patches import JSON, MERGE, STRATEGIC, accepted, patched
from runbook.rehearsal.routes import Target
from runbook.rehearsal.store import Store
from runbook.rehearsal.validation import check

PERMANENT = frozenset(("default", "kube-system", "kube-public"))
POLICIES = ("Background", "Foreground", "Orphan")
# What a delete without a policy does to dependents [kk:pkg/registry/batch/job/strategy.go, core/replicationcontroller]
ORPHANING = frozenset((("batch", "jobs"), ("", "replicationcontrollers")))


def dry_run(request: Request, options: Mapping[str, Any] | None = None) -> bool:
    """Whether nothing may be written. Raises ApiError 422 on any value but `All`."""
    given = [request.query["dryRun"]] if request.query.get("dryRun") else []
    given += (options or {}).get("dryRun") or []
    wrong = [value for value in given if value != "All"]
    if wrong:
        why = f'dryRun: Unsupported value: "{wrong[0]}": supported values: "All"'
        raise apierrors.ApiError(422, "Invalid", f'Options.meta.k8s.io "" is invalid: {why}')
    return bool(given)


def body_of(request: Request, kind: Kind) -> Object:
    """The object in a request, of the kind the path names. Raises ApiError 400."""
    obj = mapping(request)
    if not kind.crd:  # typed endpoints know what they are sent
        obj = {**obj, "apiVersion": obj.get("apiVersion") or kind.gv, "kind": obj.get("kind") or kind.kind}
    if (obj.get("apiVersion"), obj.get("kind")) != (kind.gv, kind.kind):
        raise apierrors.bad_request(
            f"the API version in the data ({obj.get('apiVersion')}) does not match the expected API version ({kind.gv})"
            if obj.get("apiVersion") != kind.gv
            else f"the kind in the data ({obj.get('kind')}) does not match the expected kind ({kind.kind})"
        )
    return obj


def create(store: Store, request: Request, kind: Kind, namespace: str | None) -> Response:
    """POST: 201 with the object."""
    obj = body_of(request, kind)
    check(kind, obj)
    dry = dry_run(request)
    return one(store, request, kind, store.create(kind, namespace, obj, dry), 201)


def update(store: Store, request: Request, kind: Kind, target: Target) -> Response:
    """PUT on an object or its status; a few kinds are created by it when they are not there."""
    obj, dry = body_of(request, kind), dry_run(request)
    identity.check_name(target.name, target.namespace, obj)
    check(kind, obj)
    old = store.find(kind, target.namespace, target.name)
    if old is None and kind.gr in identity.CREATED_BY_PUT and not target.sub:
        return one(store, request, kind, store.create(kind, target.namespace, obj, dry), 201)
    if old is None:
        raise apierrors.not_found(kind, target.name)
    identity.check_put(kind, old, obj)
    if not target.sub:
        check_change(kind, old, obj)
    return one(store, request, kind, store.update(kind, old, _unlocked(obj), dry, target.sub or None))


def patch(store: Store, request: Request, kind: Kind, target: Target) -> Response:
    """PATCH on an object or its status. Raises ApiError 415 naming the patch types that are taken."""
    media = request.headers.get("content-type", "").partition(";")[0].strip()
    if media not in ((JSON, MERGE) if kind.crd else (JSON, MERGE, STRATEGIC)):
        raise apierrors.unsupported_media(accepted(kind))
    change, dry, sub = document(request), dry_run(request), target.sub or None
    old = store.get(kind, target.namespace, target.name)
    new = patched(kind, old, media, change)
    identity.check_name(target.name, target.namespace, new)
    identity.check_patched(kind, old, new)
    new = _unlocked(new)
    planned = store.update(kind, old, new, True, sub)
    if planned is not old and not sub:
        check(kind, planned)
        check_change(kind, old, planned)
    return one(store, request, kind, planned if dry else store.update(kind, old, new, sub=sub))


def _unlocked(obj: Object) -> Object:
    """The object less the version it was based on, once that has been checked."""
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}}


def delete_options(request: Request, kind: Kind) -> dict[str, Any]:
    """DeleteOptions from body and query. Raises ApiError 400, 422."""
    options = dict(mapping(request)) if request.body.strip() else {}
    for field in ("propagationPolicy", "orphanDependents"):
        if request.query.get(field):
            options[field] = request.query[field] if field == "propagationPolicy" else request.flag(field)
    if (grace := request.number("gracePeriodSeconds")) is not None:
        options["gracePeriodSeconds"] = grace
    policy = options.get("propagationPolicy")
    if policy is not None and policy not in POLICIES:
        wanted = ", ".join(f'"{p}"' for p in POLICIES)
        why = f'propagationPolicy: Invalid value: "{policy}": must be one of {wanted}'
        raise apierrors.ApiError(422, "Invalid", f'DeleteOptions.meta.k8s.io "" is invalid: {why}')
    if policy is None:
        orphans = options.get("orphanDependents", kind.gr in ORPHANING)
        options["propagationPolicy"] = "Orphan" if orphans else "Background"
    return options


def delete(store: Store, request: Request, kind: Kind, target: Target) -> Response:
    """DELETE of one object: a Status when it is gone, the object while it lingers."""
    name, options = target.name, delete_options(request, kind)
    dry = dry_run(request, options)
    if kind.gr == ("", "namespaces") and name in PERMANENT:
        raise apierrors.forbidden(kind, name, "this namespace may not be deleted")
    obj, gone = store.delete(kind, target.namespace, name, options, dry)
    if not gone or kind.gr in (("", "pods"), ("", "namespaces")):
        return one(store, request, kind, obj)
    details = {**apierrors.details_of(kind, name), "uid": obj["metadata"]["uid"]}
    return answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


def delete_collection(store: Store, request: Request, kind: Kind, namespace: str | None) -> Response:
    """DELETE of a list: every object that the selectors match."""
    options = delete_options(request, kind)
    dry, found = dry_run(request, options), store.list(kind, namespace, matcher(request, kind))
    gone = []
    for obj in found:
        if store.by_uid(obj["metadata"]["uid"]) is not None:  # one deletion can take others with it
            metadata = obj["metadata"]
            gone.append(store.delete(kind, metadata.get("namespace"), metadata["name"], options, dry)[0])
    head = {"kind": f"{kind.kind}List", "apiVersion": kind.gv, "metadata": {"resourceVersion": str(store.rv)}}
    return answer({**head, "items": [versioned(kind, obj) for obj in gone]})
