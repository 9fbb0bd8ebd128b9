"""What a real server refuses about an object's shape: the part that reading and cleaning up can run into."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from runbook.rehearsal.apierrors import bad_request, invalid, mismatch
from runbook.rehearsal.jsonpath import compiled
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object

_NAME = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
NAME_LIMIT = 63


def check(kind: Kind, obj: Object) -> None:
    """Raises ApiError 400 for wrong JSON types, 422 for wrong values."""
    metadata = obj.get("metadata", {})
    if not isinstance(metadata, dict):
        raise mismatch(kind, "metadata", metadata, "v1.ObjectMeta")
    for field in ("name", "generateName", "namespace", "resourceVersion", "uid"):
        if not isinstance(metadata.get(field, ""), str):
            raise mismatch(kind, f"metadata.{field}", metadata[field], "string")
    for field in ("labels", "annotations"):
        _strings(kind, field, metadata.get(field))
    name = str(metadata.get("name", ""))
    for key, value in (metadata.get("labels") or {}).items():
        _label(kind, name, key, value)
    for field in ("spec", "status"):
        if not isinstance(obj.get(field) or {}, dict):
            raise mismatch(kind, field, obj[field], f"{kind.kind}{field.capitalize()}")
    _references(kind, name, metadata)
    special = {"Pod": _pod, "CustomResourceDefinition": _definition, "Lease": _lease}
    special |= {"RoleBinding": _binding, "ClusterRoleBinding": _binding, "Role": _role, "ClusterRole": _role}
    if not kind.crd and kind.kind in special:
        special[kind.kind](kind, name, obj)


def _require(kind: Kind, name: str, field: str, ok: bool, why: str = "Required value") -> None:
    if not ok:
        raise invalid(kind, name, field, why, "FieldValueRequired" if why == "Required value" else "FieldValueInvalid")


def _dicts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _references(kind: Kind, name: str, metadata: Object) -> None:
    references, finalizers = metadata.get("ownerReferences") or [], metadata.get("finalizers") or []
    if not _dicts(references):
        raise mismatch(kind, "metadata.ownerReferences", references, "v1.OwnerReference")
    if not isinstance(finalizers, list) or not all(isinstance(item, str) for item in finalizers):
        raise mismatch(kind, "metadata.finalizers", finalizers, "[]string")
    for number, reference in enumerate(references):
        for field in ("apiVersion", "kind", "name", "uid"):
            value = reference.get(field)
            _require(kind, name, f"metadata.ownerReferences[{number}].{field}", isinstance(value, str) and bool(value))


def _pod(kind: Kind, name: str, obj: Object) -> None:
    containers = (obj.get("spec") or {}).get("containers")
    _require(kind, name, "spec.containers", bool(containers) and _dicts(containers))
    for number, container in enumerate(containers or ()):
        _require(kind, name, f"spec.containers[{number}].name", isinstance(container.get("name"), str))


def _lease(kind: Kind, name: str, obj: Object) -> None:
    """[kk:pkg/apis/coordination/validation/validation.go]: numbers, and times as they are written with microseconds."""
    spec = obj.get("spec") or {}
    for field in ("acquireTime", "renewTime"):
        if spec.get(field) is not None and not _is_time(spec[field]):
            given = f'"{spec[field]}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "{spec[field]}" as "2006"'
            raise bad_request(
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: parsing time {given}'
            )
    for field, least, words in (("leaseDurationSeconds", 1, ""), ("leaseTransitions", 0, "or equal to ")):
        number = spec.get(field)
        if number is None:
            continue
        if not isinstance(number, int):
            raise mismatch(kind, f"spec.{field}", number, "int32")
        why = f"Invalid value: {number}: must be greater than {words}0"
        _require(kind, name, f"spec.{field}", number >= least, why)


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _role(kind: Kind, name: str, obj: Object) -> None:
    rules = obj.get("rules") or []
    _require(kind, name, "rules", _dicts(rules), "Invalid value: must be a list of rules")
    for number, rule in enumerate(rules):
        for field in ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"):
            strings = all(isinstance(item, str) for item in rule.get(field) or [])
            _require(kind, name, f"rules[{number}].{field}", strings, "Invalid value: must be a list of strings")
        _require(kind, name, f"rules[{number}].verbs", bool(rule.get("verbs")))


def _binding(kind: Kind, name: str, obj: Object) -> None:
    reference, subjects = obj.get("roleRef"), obj.get("subjects") or []
    _require(kind, name, "roleRef", isinstance(reference, dict))
    kinds = ("ClusterRole",) if kind.kind == "ClusterRoleBinding" else ("ClusterRole", "Role")
    _require(kind, name, "roleRef.kind", (reference or {}).get("kind") in kinds, f"Unsupported value: one of {kinds}")
    _require(kind, name, "roleRef.name", bool((reference or {}).get("name")))
    _require(kind, name, "subjects", _dicts(subjects) and all(subject.get("name") for subject in subjects))


def _definition(kind: Kind, name: str, obj: Object) -> None:
    spec = obj.get("spec") or {}
    names, versions = spec.get("names"), spec.get("versions")
    _require(kind, name, "spec.group", isinstance(spec.get("group"), str) and "." in spec["group"])
    _require(kind, name, "spec.scope", spec.get("scope") in ("Namespaced", "Cluster"), "Unsupported value")
    _require(kind, name, "spec.names", isinstance(names, dict))
    for field in ("kind", "plural"):
        _require(kind, name, f"spec.names.{field}", isinstance((names or {}).get(field), str))
    expected = f"{(names or {}).get('plural')}.{spec['group']}"
    _require(kind, name, "metadata.name", name == expected, f'Invalid value: "{name}": must be "{expected}"')
    _require(kind, name, "spec.versions", bool(versions) and _dicts(versions))
    for version in versions or ():
        _require(kind, name, "spec.versions.name", isinstance(version.get("name"), str))
        for column in version.get("additionalPrinterColumns") or ():
            try:
                compiled(column["jsonPath"])
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise invalid(
                    kind, name, "spec.versions.additionalPrinterColumns", f"Invalid value: {error}"
                ) from error


def _strings(kind: Kind, field: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise mismatch(kind, f"metadata.{field}", value, "map[string]string")
    wrong = [item for item in value.values() if not isinstance(item, str)]
    if wrong:
        raise mismatch(kind, f"metadata.{field}", wrong[0], "string")


def _label(kind: Kind, name: str, key: str, value: str) -> None:
    prefix, _, last = key.rpartition("/")
    if not last or len(last) > NAME_LIMIT or not _NAME.fullmatch(last) or (prefix and not _PREFIX.fullmatch(prefix)):
        raise invalid(kind, name, "metadata.labels", f'Invalid value: "{key}": name part must consist of alphanumeric')
    if len(value) > NAME_LIMIT or not _NAME.fullmatch(value):
        why = f'Invalid value: "{value}": a valid label must be an empty string or consist of alphanumeric characters'
        raise invalid(kind, name, "metadata.labels", why)
