"""What a real server refuses about an object's shape: JSON types (400), and names, labels and values (422)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runbook.rehearsal.apierrors import FieldError, invalid_fields, mismatch
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.specvalidation import spec_errors, status_errors

_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LIMIT, PREFIX_LIMIT = 63, 253
ALPHANUMERIC = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
)
NAME_RULE = ALPHANUMERIC + (
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
PREFIX_RULE = (
    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))


def check(kind: Kind, obj: Object) -> None:
    """Raises ApiError 400 for wrong JSON types, 422 for wrong values: all of them at once."""
    check_types(kind, obj)
    metadata = obj.get("metadata") or {}
    errors = [*_metadata_errors(kind, metadata), *spec_errors(kind, obj)]
    if errors:
        raise invalid_fields(kind, str(metadata.get("name", "")), errors)


def check_status(kind: Kind, obj: Object) -> None:
    """Raises ApiError 422 for wrong values of a status."""
    if errors := [*status_errors(kind, obj)]:
        raise invalid_fields(kind, str(obj["metadata"]["name"]), errors)


def check_types(kind: Kind, obj: Object) -> None:
    """The JSON types of what every object has. Raises ApiError 400."""
    metadata = obj.get("metadata", {})
    if not isinstance(metadata, dict):
        raise mismatch(kind, "metadata", metadata, "v1.ObjectMeta")
    for field in ("name", "generateName", "namespace", "resourceVersion", "uid"):
        if not isinstance(metadata.get(field, ""), str | None):
            raise mismatch(kind, f"metadata.{field}", metadata[field], "string")
    for field in ("labels", "annotations"):
        _check_strings(kind, field, metadata.get(field))
    for field in ("spec", "status"):
        if not isinstance(obj.get(field) or {}, dict):
            raise mismatch(kind, field, obj[field], f"{kind.kind}{field.capitalize()}")
    references, finalizers = metadata.get("ownerReferences") or [], metadata.get("finalizers") or []
    if not (isinstance(references, list) and all(isinstance(item, dict) for item in references)):
        raise mismatch(kind, "metadata.ownerReferences", references, "v1.OwnerReference")
    if not (isinstance(finalizers, list) and all(isinstance(item, str) for item in finalizers)):
        raise mismatch(kind, "metadata.finalizers", finalizers, "[]string")


def _check_strings(kind: Kind, field: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise mismatch(kind, f"metadata.{field}", value, "map[string]string")
    wrong = [item for item in value.values() if not isinstance(item, str)]
    if wrong:
        raise mismatch(kind, f"metadata.{field}", wrong[0], "string")


def _metadata_errors(kind: Kind, metadata: Object) -> Iterator[FieldError]:
    """[kapimachinery:pkg/api/validation/objectmeta.go]."""
    for key, value in (metadata.get("labels") or {}).items():
        yield from _qualified("metadata.labels", key)
        yield from _label_value(value)
    for key in metadata.get("annotations") or {}:
        yield from _qualified("metadata.annotations", key, key.lower())
    for reference in metadata.get("ownerReferences") or ():
        for field in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(field):
                what = "version must not be empty" if field == "apiVersion" else "must not be empty"
                yield FieldError(f"metadata.ownerReferences.{field}", f'Invalid value: "": {what}')
    for number, finalizer in enumerate(metadata.get("finalizers") or ()):
        yield from _qualified("metadata.finalizers", finalizer)
        if not kind.crd and "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield FieldError(f"metadata.finalizers[{number}]", f'Invalid value: "{finalizer}": {why}')


def _label_value(value: str) -> Iterator[FieldError]:
    if len(value) > LIMIT:
        yield FieldError("metadata.labels", f'Invalid value: "{value}": must be no more than {LIMIT} characters')
    if value and not _NAME.fullmatch(value):
        yield FieldError("metadata.labels", f'Invalid value: "{value}": {VALUE_RULE}')


def _qualified(field: str, key: str, judged: str = "") -> Iterator[FieldError]:
    """[kapimachinery:pkg/util/validation/validation.go IsQualifiedName]; `judged` is what is looked at instead of `key`."""
    prefix, slash, name = (judged or key).rpartition("/")
    told = []
    if "/" in prefix:
        example = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        told.append(f"a qualified name {NAME_RULE} {example}")
    else:
        if slash and not prefix:
            told.append("prefix part must be non-empty")
        elif prefix and (len(prefix) > PREFIX_LIMIT or not _PREFIX.fullmatch(prefix)):
            told.append(PREFIX_RULE)
        if not name:
            told.append("name part must be non-empty")
        elif len(name) > LIMIT:
            told.append(f"name part must be no more than {LIMIT} characters")
        if not _NAME.fullmatch(name):
            told.append(f"name part {NAME_RULE}")
    for why in told:
        yield FieldError(field, f'Invalid value: "{key}": {why}')
