"""Create, update, patch, delete over HTTP: what is refused before the store is asked."""

from __future__ import annotations

from runbook.rehearsal import apierrors, identity, managedfields
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object, named
from runbook.rehearsal.listing import matcher, one, versioned
from runbook.rehearsal.messages import Request, Response, answer, mapping
from runbook.rehearsal.options import WriteOptions, delete_options, dry_run, write_options
from runbook.rehearsal.patching import stored
from runbook.rehearsal.routes import Target
from runbook.rehearsal.store import Store
from runbook.rehearsal.validation import check

PERMANENT = frozenset(("default", "kube-system", "kube-public"))
# What a delete without a policy does to dependents [kk:pkg/registry/batch/job/strategy.go, core/replicationcontroller]
ORPHANING = frozenset((("batch", "jobs"), ("", "replicationcontrollers")))


def body_of(store: Store, request: Request, kind: Kind) -> Object:
    """The object in a request, of the kind the path names. Raises ApiError 400."""
    obj = mapping(request, kind.kind)
    if kind.crd:
        _check_custom(kind, obj)
        return obj
    # typed endpoints know what they are sent
    obj = {**obj, "apiVersion": obj.get("apiVersion") or kind.gv, "kind": obj.get("kind") or kind.kind}
    given = (str(obj["apiVersion"]), str(obj["kind"]))
    if given != (kind.gv, kind.kind):
        version, name = given[0].rpartition("/")[2], given[1]
        why = f'no kind "{name}" is registered for version "{given[0]}" in scheme "pkg/runtime/scheme.go:110"'
        known = store.by_kind.get(given)
        if known is not None and not known.crd:
            package = kind.group.partition(".")[0] or "core"
            why = f"converting ({version}.{name}) to ({package}.{kind.kind}): unknown conversion"
        raise apierrors.bad_request(f'{name} in version "{version}" cannot be handled as a {kind.kind}: {why}')
    return obj


def _check_custom(kind: Kind, obj: Object) -> None:
    if obj.get("apiVersion") != kind.gv:
        why = (
            f"the API version in the data ({obj.get('apiVersion')}) does not match the expected API version ({kind.gv})"
        )
        raise apierrors.bad_request(why)
    if obj.get("kind") != kind.kind:
        why = f"the kind in the data ({obj.get('kind')}) does not match the expected kind ({kind.kind})"
        raise apierrors.bad_request(why)


def create(store: Store, request: Request, kind: Kind, namespace: str | None) -> Response:
    """POST: 201 with the object."""
    options, obj = write_options(request), body_of(store, request, kind)
    obj = _named(kind, obj)
    check(kind, obj)
    if obj["metadata"].get("resourceVersion") if obj.get("metadata") else False:
        raise apierrors.ApiError(500, "", "resourceVersion should not be set on objects to be created")
    return one(store, request, kind, _created(store, kind, namespace, obj, options), 201)


def _named(kind: Kind, obj: Object) -> Object:
    """The object with the name that the server makes up for it, if it does, so that a refusal can say it."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("name") or not isinstance(metadata.get("generateName"), str):
        return obj
    metadata = dict(metadata)
    if metadata["generateName"]:
        named(kind, metadata)
    return {**obj, "metadata": metadata}


def _created(store: Store, kind: Kind, namespace: str | None, obj: Object, options: WriteOptions) -> Object:
    record = managedfields.created(kind, obj, options.manager, store.now())
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "managedFields"}
    return store.create(
        kind, namespace, {**obj, "metadata": metadata | ({"managedFields": record} if record else {})}, options.dry
    )


def update(store: Store, request: Request, kind: Kind, target: Target) -> Response:
    """PUT on an object or its status; a few kinds are created by it when they are not there."""
    options, obj = write_options(request), body_of(store, request, kind)
    identity.check_name(target.name, target.namespace, obj)
    check(kind, obj)
    old = store.find(kind, target.namespace, target.name)
    if old is None and kind.gr in identity.CREATED_BY_PUT and not target.sub:
        return one(store, request, kind, _created(store, kind, target.namespace, obj, options), 201)
    if old is None:
        raise apierrors.not_found(kind, target.name)
    identity.check_put(kind, old, obj)
    return one(store, request, kind, stored(store, kind, old, obj, options, target.sub))


def delete(store: Store, request: Request, kind: Kind, target: Target) -> Response:
    """DELETE of one object: a Status when it is gone, the object while it lingers."""
    name, options = target.name, delete_options(request, kind.gr in ORPHANING)
    dry = dry_run(request, options)
    if kind.gr == ("", "namespaces") and name in PERMANENT:
        raise apierrors.forbidden(kind, name, "this namespace may not be deleted")
    identity.check_preconditions(kind, store.get(kind, target.namespace, name), options)
    obj, gone = store.delete(kind, target.namespace, name, options, dry)
    if not gone or kind.gr in (("", "pods"), ("", "namespaces")):
        return one(store, request, kind, obj)
    details = {**apierrors.details_of(kind, name), "uid": obj["metadata"]["uid"]}
    return answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


def delete_collection(store: Store, request: Request, kind: Kind, namespace: str | None) -> Response:
    """DELETE of a list: every object that the selectors match."""
    options = delete_options(request, kind.gr in ORPHANING)
    dry, found = dry_run(request, options), store.list(kind, namespace, matcher(request, kind))
    gone = []
    for obj in found:
        if store.by_uid(obj["metadata"]["uid"]) is not None:  # one deletion can take others with it
            metadata = obj["metadata"]
            gone.append(store.delete(kind, metadata.get("namespace"), metadata["name"], options, dry)[0])
    head = {"kind": f"{kind.kind}List", "apiVersion": kind.gv, "metadata": {"resourceVersion": str(store.rv)}}
    return answer({**head, "items": [versioned(kind, obj) for obj in gone]})
