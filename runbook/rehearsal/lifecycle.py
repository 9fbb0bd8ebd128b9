"""What an API server does to an object before it is stored: server-owned fields, generations, deletion timestamps.

Pure functions over dictionaries; the store commits what they return. Rules follow apiserver's `pkg/registry/rest`
(`create.go`, `update.go`, `delete.go`) and the strategies of the built-in kinds.
"""

from __future__ import annotations

import copy
import random
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from runbook.rehearsal import apierrors
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.objectdefaults import encode_secret, set_defaults

Object = dict[str, Any]

SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # apimachinery's util/rand: no vowels, no digits that look like letters
SERVER_OWNED = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
)
COLLECTOR_FINALIZERS = frozenset(("foregroundDeletion", "orphan"))
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def rfc3339(moment: datetime) -> str:
    """Seconds and a Z, as every timestamp of the API but eventTime and Lease times."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def stamped(kind: Kind, obj: Object) -> Object:
    """The object with its own kind's apiVersion and kind, and these two first."""
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
    return {"apiVersion": kind.gv, "kind": kind.kind, **rest}


def named(kind: Kind, metadata: Object) -> str:
    """The object's name, generated when only generateName is given. Raises 422 on a name Kubernetes refuses."""
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + "".join(random.choices(SUFFIX_ALPHABET, k=5))  # noqa: S311
    name = metadata.get("name")
    if not name:
        why = "Required value: name or generateName is required"
        raise apierrors.invalid(kind, "", "metadata.name", why, "FieldValueRequired")
    if kind.group == "rbac.authorization.k8s.io":
        if "/" in name or "%" in name:
            raise apierrors.invalid(kind, name, "metadata.name", f"Invalid value: \"{name}\": may not contain '/'")
    elif len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        raise apierrors.invalid(kind, name, "metadata.name", f'Invalid value: "{name}": {_SUBDOMAIN_RULE}')
    return str(name)


def created(kind: Kind, namespace: str, obj: Object, now: datetime, *, trusted: bool) -> Object:
    """The object as stored by a create. `trusted` keeps uid, creationTimestamp, generation and status as given."""
    obj = stamped(kind, copy.deepcopy(obj))
    metadata = obj.setdefault("metadata", {})
    if namespace:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    named(kind, metadata)
    if not trusted:
        if metadata.get("resourceVersion"):
            raise apierrors.bad_request("resourceVersion should not be set on objects to be created")
        for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"):
            metadata.pop(field, None)
        if "status" in kind.subs:
            obj.pop("status", None)
    metadata["uid"] = metadata.get("uid") or str(uuid.uuid4())
    metadata["creationTimestamp"] = metadata.get("creationTimestamp") or rfc3339(now)
    if kind.generational:
        metadata.setdefault("generation", 1)
    set_defaults(kind, obj, rfc3339(now))
    return obj


def updated(kind: Kind, old: Object, new: Object, sub: str | None) -> Object:
    """The object as stored by an update of `old`; equal to `old` when nothing changes.

    Raises 409 on a stale resourceVersion or another uid, 400 on another name, 403 on finalizers added while deleting.
    """
    new = copy.deepcopy(new)
    had, metadata = old["metadata"], new.setdefault("metadata", {})
    _check_identity(kind, had, metadata)
    if sub == "status":
        kept = {field: metadata.get(field, had.get(field)) for field in ("annotations", "labels")}
        new = {**copy.deepcopy(old), "status": new.get("status") or {}, "metadata": {**copy.deepcopy(had), **kept}}
    elif "status" in kind.subs:
        new.pop("status", None)
        if "status" in old:
            new["status"] = copy.deepcopy(old["status"])
    metadata = new["metadata"]
    for field in SERVER_OWNED:
        if field in had:
            metadata[field] = had[field]
        else:
            metadata.pop(field, None)
    for field in ("annotations", "labels", "finalizers", "ownerReferences"):
        if not metadata.get(field):
            metadata.pop(field, None)
    _check_finalizers(kind, had, metadata)
    new = stamped(kind, new)
    if kind.gr == ("", "secrets"):
        encode_secret(new)
    if kind.generational and _meaning(kind, new) != _meaning(kind, old):
        metadata["generation"] = had.get("generation", 0) + 1
    return new


def _meaning(kind: Kind, obj: Object) -> Object:
    """What a generation counts: everything but metadata and, where it is a subresource, status."""
    quiet = {"apiVersion", "kind", "metadata"} | ({"status"} if "status" in kind.subs else set())
    return {key: value for key, value in obj.items() if key not in quiet}


def _check_identity(kind: Kind, had: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    name = had["name"]
    if metadata.get("name", name) != name:
        why = f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        raise apierrors.bad_request(why)
    if metadata.get("namespace") and had.get("namespace") and metadata["namespace"] != had["namespace"]:
        raise apierrors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if metadata.get("uid") and metadata["uid"] != had["uid"]:
        why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {had['uid']}"
        raise apierrors.conflict(kind, name, why)
    if metadata.get("resourceVersion") and metadata["resourceVersion"] != had["resourceVersion"]:
        why = "the object has been modified; please apply your changes to the latest version and try again"
        raise apierrors.conflict(kind, name, why)


def _check_finalizers(kind: Kind, had: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    added = [f for f in metadata.get("finalizers") or () if f not in (had.get("finalizers") or ())]
    if had.get("deletionTimestamp") and added:
        why = (
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
            f"{added!r}".replace("'", '"')
        )
        raise apierrors.invalid(kind, had["name"], "metadata.finalizers", why, "FieldValueForbidden")


def check_preconditions(kind: Kind, obj: Object, options: Mapping[str, Any]) -> None:
    """DeleteOptions.preconditions. Raises 409."""
    wanted, metadata = options.get("preconditions") or {}, obj["metadata"]
    for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) and wanted[field] != metadata[field]:
            why = f"Precondition failed: {label} in precondition: {wanted[field]}, {label} in object meta: {metadata[field]}"
            raise apierrors.conflict(kind, metadata["name"], why)


def grace_seconds(kind: Kind, obj: Object, options: Mapping[str, Any]) -> int:
    """How long the object lingers: only pods do, and only those that a kubelet may still be running."""
    if kind.gr != ("", "pods"):
        return 0
    if not (obj.get("spec") or {}).get("nodeName") or (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    asked = options.get("gracePeriodSeconds")
    return int(obj["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked)


def being_deleted(kind: Kind, old: Object, options: Mapping[str, Any], now: datetime) -> tuple[Object, bool]:
    """`old` after a delete request, and whether it is gone at once.

    Foreground adds the finalizer `foregroundDeletion`; Orphan and Background take it away. A pod with a grace period,
    an object with finalizers and a namespace stay, marked with deletionTimestamp.
    """
    new = copy.deepcopy(old)
    metadata = new["metadata"]
    policy = options.get("propagationPolicy")
    finalizers = list(metadata.get("finalizers") or [])
    if policy:
        finalizers = [f for f in finalizers if f not in COLLECTOR_FINALIZERS]
    if policy == "Foreground":
        finalizers.append("foregroundDeletion")
    metadata["finalizers"] = finalizers
    if not finalizers:
        metadata.pop("finalizers")
    grace = grace_seconds(kind, old, options)
    if old["metadata"].get("deletionTimestamp") and grace and grace >= metadata.get("deletionGracePeriodSeconds", 0):
        return old, False
    if not (finalizers or grace or kind.gr == ("", "namespaces")):
        return new, True
    if "deletionTimestamp" not in metadata or grace < metadata.get("deletionGracePeriodSeconds", 0):
        metadata["deletionTimestamp"] = rfc3339(now + timedelta(seconds=grace))
        if kind.generational and "deletionTimestamp" not in old["metadata"]:
            metadata["generation"] = metadata.get("generation", 0) + 1
    metadata["deletionGracePeriodSeconds"] = grace
    if kind.gr == ("", "namespaces"):
        new["status"] = {**(new.get("status") or {}), "phase": "Terminating"}
    return new, False


def finished(kind: Kind, obj: Object) -> bool:
    """A marked object that nothing holds any more."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers") or kind.gr == ("", "namespaces"):
        return False
    return not (kind.gr == ("", "pods") and metadata.get("deletionGracePeriodSeconds"))
