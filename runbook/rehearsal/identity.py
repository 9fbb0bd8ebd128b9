"""Which object, and which version of it, a write means.

PUT and PATCH differ [kapiserver:pkg/registry/rest/update.go]: a PUT makes its uid a precondition of the write (409), a
PATCH with another uid changes a field that no update may change (422). A resourceVersion must be the stored one in both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runbook.rehearsal import apierrors
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
# Where etcd keeps a kind when not under its plural [kk:pkg/kubeapiserver/default_storage_factory_builder.go]
PREFIXES = {
    ("", "replicationcontrollers"): "controllers",
    ("", "endpoints"): "services/endpoints",
    ("", "nodes"): "minions",
    ("", "services"): "services/specs",
    ("networking.k8s.io", "ingresses"): "ingress",
}
GROUPED = frozenset(("apiregistration.k8s.io", "apiextensions.k8s.io"))
# Kinds whose PUT must name the version it is based on [kk:pkg/registry/*/strategy.go AllowUnconditionalUpdate]
CONDITIONAL = frozenset(
    (
        ("policy", "poddisruptionbudgets"),
        ("coordination.k8s.io", "leases"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apiregistration.k8s.io", "apiservices"),
    )
)
# Kinds that a PUT creates when they are not there [kk:pkg/registry/*/strategy.go AllowCreateOnUpdate]
CREATED_BY_PUT = frozenset(
    (
        ("coordination.k8s.io", "leases"),
        ("", "events"),
        ("", "limitranges"),
        ("", "services"),
        ("", "endpoints"),
        ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
    )
)


def check_name(name: str, namespace: str | None, obj: Object) -> None:
    """The body names what the URL names. Raises ApiError 400."""
    metadata = obj.get("metadata") or {}
    given = metadata.get("namespace")
    if given and given != (namespace or ""):
        raise apierrors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if not metadata.get("name"):
        raise apierrors.bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )
    if metadata["name"] != name:
        why = f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        raise apierrors.bad_request(why)


def check_put(kind: Kind, current: Object, obj: Object) -> None:
    """A PUT replaces the object it was read from. Raises ApiError 409 (another uid, another version), 422 (no version)."""
    had, metadata = current["metadata"], obj["metadata"]
    if metadata.get("uid") and metadata["uid"] != had["uid"]:
        raise apierrors.conflict(kind, had["name"], _other_uid(kind, had, metadata["uid"]))
    check_version(kind, current, metadata)
    check_finalizers(kind, current, metadata)


def check_patched(kind: Kind, current: Object, patched: Object) -> None:
    """A PATCH leaves alone what identifies the object. Raises ApiError 409 (another version), 422 (another uid, timestamps)."""
    had, metadata = current["metadata"], patched["metadata"]
    check_version(kind, current, metadata)
    check_finalizers(kind, current, metadata)
    for field in ("uid", "deletionTimestamp", "deletionGracePeriodSeconds"):
        value = metadata.get(field)
        if value and value != had.get(field) and (field == "uid" or field not in had):
            why = f"Invalid value: {_quoted(value)}: field is immutable"
            raise apierrors.invalid(kind, had["name"], f"metadata.{field}", why)


def check_finalizers(kind: Kind, current: Object, metadata: Object) -> None:
    """What is being deleted takes no new finalizers. Raises ApiError 422."""
    had = current["metadata"].get("finalizers") or ()
    added = sorted(one for one in metadata.get("finalizers") or () if one not in had)
    if current["metadata"].get("deletionTimestamp") and added:
        words = ", ".join(f'"{one}"' for one in added)
        why = "no new finalizers can be added if the object is being deleted, found new finalizers []string"
        error = apierrors.FieldError("metadata.finalizers", f"Forbidden: {why}{{{words}}}", "FieldValueForbidden")
        raise apierrors.invalid_fields(kind, current["metadata"]["name"], [error])


def check_preconditions(kind: Kind, current: Object, options: Object) -> None:
    """DeleteOptions.preconditions [kapiserver:pkg/registry/rest/delete.go]. The server names the kind here. Raises ApiError 409."""
    wanted, had = options.get("preconditions") or {}, current["metadata"]
    named = replace(kind, plural=kind.kind)
    for field, label, fate in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        if wanted.get(field) and wanted[field] != had[field]:
            why = (
                f"the {label} in the precondition ({wanted[field]}) does not match the {label} in record ({had[field]})"
            )
            raise apierrors.conflict(named, had["name"], f"{why}. The object might have been {fate}")


def check_version(kind: Kind, current: Object, metadata: Object) -> None:
    """Optimistic locking. Raises ApiError 409, 422 (a kind that cannot be updated without a version), 500 (no number)."""
    name, version = current["metadata"]["name"], metadata.get("resourceVersion") or ""
    if version and not version.isdigit():
        raise apierrors.ApiError(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if version not in ("", "0"):
        if version != current["metadata"]["resourceVersion"]:
            raise apierrors.conflict(kind, name, MODIFIED)
    elif kind.crd or kind.gr in CONDITIONAL:
        raise apierrors.unversioned(kind, name)


def storage_key(kind: Kind, metadata: Object) -> str:
    """The object's place in etcd, which some messages show."""
    place = f"{kind.group}/{kind.plural}" if kind.crd or kind.group in GROUPED else kind.plural
    parts = ("/registry", PREFIXES.get(kind.gr, place), metadata.get("namespace") or "", metadata["name"])
    return "/".join(part for part in parts if part)


def _other_uid(kind: Kind, had: Object, uid: str) -> str:
    return (
        f"StorageError: invalid object, Code: 4, Key: {storage_key(kind, had)}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {uid}, UID in object meta: {had['uid']}"
    )


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
