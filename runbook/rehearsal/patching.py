"""PATCH: merge, JSON and strategic patches, and server-side apply."""

from __future__ import annotations

import re
from typing import Any

from runbook.rehearsal import apierrors, identity, managedfields
from runbook.rehearsal.changes import encode
from runbook.rehearsal.immutability import check_change
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.listing import one
from runbook.rehearsal.messages import Request, Response, document
from runbook.rehearsal.options import WriteOptions, media_type, write_options
from runbook.rehearsal.patches import APPLY, STRATEGIC, accepted, patched, undecodable
from runbook.rehearsal.routes import Target
from runbook.rehearsal.store import Store
from runbook.rehearsal.strategic import go_text
from runbook.rehearsal.validation import check, check_status, check_types


def patch(store: Store, request: Request, kind: Kind, target: Target) -> Response:
    """PATCH on an object or its status. Raises ApiError 415 naming the patch types that are taken."""
    media = media_type(request)
    if media not in accepted(kind):
        raise _unsupported(kind)
    options = write_options(request)
    if media == APPLY:
        return _apply(store, request, kind, target, options)
    change = document(request)
    old = store.get(kind, target.namespace, target.name)
    new = patched(kind, old, media, change)
    _check_decodes(kind, new, change, media)
    identity.check_name(target.name, target.namespace, new)
    identity.check_patched(kind, old, new)
    return one(store, request, kind, stored(store, kind, old, new, options, target.sub))


def _check_decodes(kind: Kind, new: Object, change: Any, media: str) -> None:
    """A patch that makes a field of the wrong type is invalid itself. Raises ApiError 422."""
    try:
        check(kind, new)
    except apierrors.ApiError as error:
        if error.code != 400:
            return  # said later, once it is known which object is meant
        text, why = encode(encode(new)), error.message.partition(f"cannot be handled as a {kind.kind}: ")[2]
        if media == STRATEGIC:
            text, why = encode(go_text(change)), _unconverted(why)
        invalid = apierrors.FieldError("patch", f"Invalid value: {text}: {why}")
        raise apierrors.invalid_patch(invalid) from error


def _unconverted(why: str) -> str:
    """The words of the strategic patch's own converter."""
    found = re.fullmatch(r"json: cannot unmarshal (\w+) into Go .* of type (\w+)", why)
    if found is None:
        return why
    given = {"number": "int64"}.get(found[1], found[1])
    return f"cannot convert {given} to {found[2]}" if found[2] == "string" else f"unrecognized type: {found[2]}"


def _unsupported(kind: Kind) -> apierrors.ApiError:
    """415: of built-in kinds the web framework says it, before the handler that would name the types."""
    if kind.crd:
        return apierrors.unsupported_media(", ".join(accepted(kind)))
    return apierrors.ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type")


def stored(store: Store, kind: Kind, old: Object, new: Object, options: WriteOptions, sub: str) -> Object:
    """`new` in the place of `old`, once what it says about identity has been checked; the fields it changes are the manager's."""
    new = _settled(old, new)
    planned = store.update(kind, old, new, True, sub or None)
    if planned is old:
        return old
    if not sub:
        check(kind, planned)
        check_change(kind, old, planned)
    else:
        check_status(kind, planned)
    record = None
    if not _forgotten(new):
        record = managedfields.updated(kind, old, planned, options.manager, store.now(), sub)
    return store.replace(kind, old, planned, record, options.dry)


def _settled(old: Object, new: Object) -> Object:
    """`new` without the version it was based on, and with the stored record of managers unless it clears it."""
    metadata = {key: value for key, value in new["metadata"].items() if key != "resourceVersion"}
    if not _forgotten(new):
        metadata.pop("managedFields", None)
        if "managedFields" in old["metadata"]:
            metadata["managedFields"] = old["metadata"]["managedFields"]
    else:
        metadata["managedFields"] = []
    return {**new, "metadata": metadata}


def _forgotten(new: Object) -> bool:
    """A list with nothing in it clears the record of managers; no list leaves it as it is."""
    return new["metadata"].get("managedFields") in ([], [{}])


def _apply(store: Store, request: Request, kind: Kind, target: Target, options: WriteOptions) -> Response:
    config = _configuration(kind, target, _decoded(request))
    identity.check_name(target.name, target.namespace, config)
    old = store.find(kind, target.namespace, target.name)
    if old is None:
        return _apply_new(store, request, kind, target, config, options)
    now, given = store.now(), config["metadata"]
    new, record = managedfields.applied(kind, old, config, options.manager, now, force=options.force, sub=target.sub)
    new["metadata"] |= {key: given[key] for key in ("uid", "resourceVersion") if given.get(key)}
    identity.check_patched(kind, old, new)
    new["metadata"].pop("resourceVersion", None)
    sub = target.sub or None
    planned = store.update(kind, old, new, True, sub)
    if planned is not old and not sub:
        check(kind, planned)
        check_change(kind, old, planned)
    elif sub:
        check_status(kind, planned)
    return one(store, request, kind, store.update(kind, old, new, options.dry, sub, managed=record))


def _decoded(request: Request) -> Any:
    """YAML, of which JSON is a part. Raises ApiError 400."""
    try:
        return document(request, "application/yaml")
    except apierrors.ApiError as error:
        raise apierrors.bad_request(f"error decoding YAML: {error.message.partition('error: ')[2]}") from error


def _configuration(kind: Kind, target: Target, config: Any) -> Object:
    """What is applied. Raises ApiError 400."""
    if not isinstance(config, dict):
        raise undecodable(
            config, "map[string]interface {}", "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
        )
    version, name = str(config.get("apiVersion") or ""), str(config.get("kind") or "")
    if (version, name) != (kind.gv, kind.kind):
        group, _, version = version.rpartition("/")
        raise apierrors.bad_request(f"invalid object type: {group}/{version}, Kind={name}")
    metadata = config.get("metadata") or {}
    if not isinstance(metadata, dict) or metadata.get("managedFields") is not None:
        raise apierrors.bad_request("metadata.managedFields must be nil")
    metadata = {"name": target.name, **metadata}
    check_types(kind, {**config, "metadata": metadata})
    return {**config, "metadata": metadata}


def _apply_new(
    store: Store, request: Request, kind: Kind, target: Target, config: Object, options: WriteOptions
) -> Response:
    """An apply creates what is not there, but neither another version of it nor its status."""
    if config["metadata"].get("uid"):
        why = f"uid mismatch: the provided object specified uid {config['metadata']['uid']}, and no existing object was found"
        raise apierrors.conflict(kind, target.name, why)
    if target.sub:
        raise apierrors.not_found(kind, target.name)
    live: Object = {"metadata": {}}
    _, record = managedfields.applied(kind, live, config, options.manager, store.now(), force=True)
    check(kind, config)
    metadata = {key: value for key, value in config["metadata"].items() if key != "resourceVersion"}
    obj = {**config, "metadata": {**metadata, "managedFields": record}}
    return one(store, request, kind, store.create(kind, target.namespace, obj, options.dry), 201)
