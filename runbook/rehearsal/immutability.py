"""Fields that no update may change [kk:pkg/apis/*/validation]: what people run into when they edit in place."""

from __future__ import annotations

import copy
from typing import Any

from runbook.rehearsal.apierrors import invalid
from runbook.rehearsal.changes import encode
from runbook.rehearsal.jsonpath import get
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object

FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "deployments"): ("spec.selector",),
    ("apps", "replicasets"): ("spec.selector",),
    ("apps", "daemonsets"): ("spec.selector",),
    ("apps", "statefulsets"): ("spec.selector", "spec.serviceName", "spec.podManagementPolicy"),
    ("batch", "jobs"): ("spec.template", "spec.selector", "spec.completions"),
    ("", "secrets"): ("type",),
}
MUTABLE_POD_FIELDS = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")
POD = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_change(kind: Kind, old: Object, new: Object) -> None:
    """Raises ApiError 422 when an update changes a field that is immutable, or an immutable Secret or ConfigMap."""
    name = old["metadata"]["name"]
    if kind.kind in ("RoleBinding", "ClusterRoleBinding") and new.get("roleRef") != old.get("roleRef"):
        role = new.get("roleRef") or {}
        given = {"APIGroup": role.get("apiGroup", ""), "Kind": role.get("kind", ""), "Name": role.get("name", "")}
        raise invalid(kind, name, "roleRef", f"Invalid value: {encode(given)}: cannot change roleRef")
    for field in FIELDS.get(kind.gr, ()):
        had, has = get(old, field), get(new, field)
        if kind.gr == ("", "secrets"):
            has = has or "Opaque"
        if had is not None and has != had:
            raise invalid(kind, name, field, f"Invalid value: {encode(has)}: field is immutable")
    if kind.gr in (("", "secrets"), ("", "configmaps")) and old.get("immutable"):
        changed = [f for f in ("data", "binaryData", "immutable") if old.get(f) != new.get(f)]
        if changed:
            why = "Forbidden: field is immutable when `immutable` is set"
            raise invalid(kind, name, changed[0], why, "FieldValueForbidden")
    if kind.gr == ("", "pods") and _fixed(old) != _fixed(new):
        raise invalid(kind, name, "spec", POD, "FieldValueForbidden")


def _fixed(pod: Object) -> dict[str, Any]:
    """A pod's spec less what may change."""
    spec: dict[str, Any] = copy.deepcopy(pod.get("spec") or {})
    for field in MUTABLE_POD_FIELDS:
        spec.pop(field, None)
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        container.pop("image", None)
    return spec
