"""What a real server refuses about what an object says: containers, selectors, keys, rules [kk:pkg/apis/*/validation]."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from runbook.rehearsal.apierrors import FieldError, bad_request, go_word, mismatch
from runbook.rehearsal.changes import encode
from runbook.rehearsal.jsonpath import compiled
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.selectors import match_labels

Errors = Iterator[FieldError]
_MICRO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[-+]\d\d:\d\d)")
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=\r\n]")
CONFIG_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def spec_errors(kind: Kind, obj: Object) -> Errors:
    """Everything that is wrong. Raises ApiError 400 for a wrong JSON type. Of custom resources nothing is known."""
    judge = None if kind.crd else JUDGES.get(kind.kind)
    return judge(kind, obj) if judge else iter(())


def status_errors(kind: Kind, obj: Object) -> Errors:
    """What is wrong with a status that comes through its own door: a budget counts no less than nothing."""
    status = obj.get("status") or {}
    if kind.gr != ("policy", "poddisruptionbudgets"):
        return
    for field in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        if isinstance(value := status.get(field, 0), int) and value < 0:
            yield FieldError(f"status.{field}", f"Invalid value: {value}: must be greater than or equal to 0")


def _required(field: str, why: str = "") -> FieldError:
    return FieldError(field, "Required value" + (f": {why}" if why else ""), "FieldValueRequired")


def _dicts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _pod(kind: Kind, obj: Object) -> Errors:
    return _containers(kind, obj.get("spec") or {}, "spec")


def _containers(kind: Kind, spec: Object, path: str) -> Errors:
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        containers = spec.get(field) or []
        if not _dicts(containers):
            raise mismatch(kind, f"{path}.{field}", containers, "[]v1.Container")
        if field == "containers" and not containers:
            yield _required(f"{path}.containers")
        for number, container in enumerate(containers):
            place, name = f"{path}.{field}[{number}]", container.get("name") or ""
            if not name:
                yield _required(f"{place}.name")
            elif name in seen:
                yield FieldError(f"{place}.name", f"Duplicate value: {encode(name)}", "FieldValueDuplicate")
            seen.add(name)
            if not container.get("image"):
                yield _required(f"{place}.image")


def _workload(kind: Kind, obj: Object) -> Errors:
    """A Deployment, ReplicaSet, StatefulSet or DaemonSet."""
    spec = obj.get("spec") or {}
    replicas, selector, template = spec.get("replicas", 1), spec.get("selector"), spec.get("template") or {}
    if replicas is not None and not isinstance(replicas, int):
        raise mismatch(kind, "spec.replicas", replicas, "int32")
    if (replicas or 0) < 0:
        yield FieldError("spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0")
    if not selector:
        yield _required("spec.selector")
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector or not match_labels(selector)(labels):
        why = f"Invalid value: {encode(labels)}: `selector` does not match template `labels`"
        yield FieldError("spec.template.metadata.labels", why)
    yield from _containers(kind, template.get("spec") or {}, "spec.template.spec")


def _job(kind: Kind, obj: Object) -> Errors:
    template = ((obj.get("spec") or {}).get("template") or {}).get("spec") or {}
    yield from _containers(kind, template, "spec.template.spec")
    policy = template.get("restartPolicy", "Always")
    if policy not in ("OnFailure", "Never"):
        why = f'Unsupported value: "{policy}": supported values: "OnFailure", "Never"'
        word = 'Required value: valid values: "OnFailure", "Never"' if policy == "Always" else why
        cause = "FieldValueRequired" if policy == "Always" else "FieldValueNotSupported"
        yield FieldError("spec.template.spec.restartPolicy", word, cause)


def _data(kind: Kind, obj: Object) -> Errors:
    """A Secret's or ConfigMap's keys, and that a Secret's values are what they claim to be."""
    for field in ("data", "binaryData") if kind.kind == "ConfigMap" else ("data",):
        for key, value in (obj.get(field) or {}).items():
            if not _CONFIG_KEY.fullmatch(key):
                yield FieldError(f"{field}[{key}]", f'Invalid value: "{key}": {CONFIG_KEY_RULE}')
            if kind.kind == "Secret":
                _check_base64(kind, value)


def _check_base64(kind: Kind, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise mismatch(kind, "data", value, "[]uint8")
    wrong = _NOT_BASE64.search(value)
    try:
        base64.b64decode(value)
    except binascii.Error:
        wrong = wrong or re.search(r"$", value)
    if wrong is not None:
        why = f"illegal base64 data at input byte {wrong.start()}"
        raise bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')


def _lease(kind: Kind, obj: Object) -> Errors:
    """Numbers, and times as they are written with microseconds."""
    spec = obj.get("spec") or {}
    for field in ("acquireTime", "renewTime"):
        if spec.get(field) is not None and not _is_time(spec[field]):
            raise bad_request(
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {_untimely(spec[field])}'
            )
    for field, least, words in (("leaseDurationSeconds", 1, ""), ("leaseTransitions", 0, "or equal to ")):
        number = spec.get(field)
        if number is not None and not isinstance(number, int):
            raise mismatch(kind, f"spec.{field}", number, "int32")
        if number is not None and number < least:
            yield FieldError(f"spec.{field}", f"Invalid value: {number}: must be greater than {words}0")


def _is_time(value: Any) -> bool:
    """A MicroTime has exactly six digits after the point."""
    try:
        return bool(_MICRO.fullmatch(value)) and datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _untimely(value: Any) -> str:
    """What Go says of a text that is no MicroTime: the rest it could not read, and the part it was looking for."""
    if not isinstance(value, str):
        return f"json: cannot unmarshal {go_word(value)} into Go value of type string"
    seconds = _SECONDS.match(value)
    rest, part = (value[seconds.end() :], ".000000") if seconds else (value, "2006")
    return f'parsing time "{value}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "{rest}" as "{part}"'


def _namespace(_kind: Kind, obj: Object) -> Errors:
    name = str(obj.get("metadata", {}).get("name") or "")
    if name and not _LABEL.fullmatch(name):
        dotted = all(_LABEL.fullmatch(part) for part in name.split("."))
        why = "must not contain dots" if dotted else LABEL_RULE
        yield FieldError("metadata.name", f'Invalid value: "{name}": {why}')


def _role(kind: Kind, obj: Object) -> Errors:
    rules = obj.get("rules") or []
    if not _dicts(rules):
        raise mismatch(kind, "rules", rules, "[]v1.PolicyRule")
    for number, rule in enumerate(rules):
        for field in ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"):
            if not all(isinstance(item, str) for item in rule.get(field) or []):
                raise mismatch(kind, f"rules.{field}", 0, "string")
        if not rule.get("verbs"):
            yield _required(f"rules[{number}].verbs", "verbs must contain at least one value")


def _binding(kind: Kind, obj: Object) -> Errors:
    reference, subjects = obj.get("roleRef") or {}, obj.get("subjects") or []
    if not isinstance(reference, dict):
        raise mismatch(kind, "roleRef", reference, "v1.RoleRef")
    if not _dicts(subjects):
        raise mismatch(kind, "subjects", subjects, "[]v1.Subject")
    known = ("ClusterRole",) if kind.kind == "ClusterRoleBinding" else ("Role", "ClusterRole")
    if reference.get("kind") not in known:
        names = ", ".join(f'"{name}"' for name in known)
        why = f'Unsupported value: "{reference.get("kind", "")}": supported values: {names}'
        yield FieldError("roleRef.kind", why, "FieldValueNotSupported")
    if not reference.get("name"):
        yield _required("roleRef.name")
    for number, subject in enumerate(subjects):
        if not subject.get("name"):
            yield _required(f"subjects[{number}].name")


def _definition(_kind: Kind, obj: Object) -> Errors:
    spec, name = obj.get("spec") or {}, str(obj["metadata"].get("name", ""))
    names, versions = spec.get("names"), spec.get("versions")
    names = names if isinstance(names, dict) else {}
    group = spec.get("group") if isinstance(spec.get("group"), str) else ""
    if name != f"{names.get('plural')}.{group}":
        yield FieldError("metadata.name", f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group')
    if not group:
        yield _required("spec.group")
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        yield _required("spec.scope")
    for field in ("plural", "kind"):
        if not isinstance(names.get(field), str) or not names[field]:
            yield _required(f"spec.names.{field}")
    if not versions or not _dicts(versions) or not all(isinstance(version.get("name"), str) for version in versions):
        yield _required("spec.versions", "must have at least one version")
        return
    for number, version in enumerate(versions):
        for column, entry in enumerate(version.get("additionalPrinterColumns") or ()):
            try:
                compiled(entry["jsonPath"])
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                field = f"spec.versions[{number}].additionalPrinterColumns[{column}].jsonPath"
                yield FieldError(field, f"Invalid value: {error}")


JUDGES: dict[str, Callable[[Kind, Object], Errors]] = {
    "Pod": _pod,
    "Namespace": _namespace,
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"), _workload),
    "Job": _job,
    **dict.fromkeys(("Secret", "ConfigMap"), _data),
    "Lease": _lease,
    **dict.fromkeys(("Role", "ClusterRole"), _role),
    **dict.fromkeys(("RoleBinding", "ClusterRoleBinding"), _binding),
    "CustomResourceDefinition": _definition,
}
