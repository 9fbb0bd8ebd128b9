"""Decodes the few protobuf messages that kubectl's typed commands send (`auth can-i`, `create ns` …); answers may be JSON.

Field numbers are those of the `generated.proto` files of k8s.io/api and apimachinery.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"
TEXT, BYTES, NUMBER = "text", "bytes", "number"
LENGTH_DELIMITED, VARINT = 2, 0
FIXED = {1: 8, 5: 4}  # wire type -> width

Schema = dict[int, tuple[str, Any]]  # field number -> (JSON name, TEXT | BYTES | NUMBER | Schema | [item] | {value})
METADATA: Schema = {
    1: ("name", TEXT),
    2: ("generateName", TEXT),
    3: ("namespace", TEXT),
    5: ("uid", TEXT),
    6: ("resourceVersion", TEXT),
    11: ("labels", {"map": TEXT}),
    12: ("annotations", {"map": TEXT}),
    14: ("finalizers", [TEXT]),
}
ATTRIBUTES: Schema = {
    1: ("namespace", TEXT),
    2: ("verb", TEXT),
    3: ("group", TEXT),
    4: ("version", TEXT),
    5: ("resource", TEXT),
    6: ("subresource", TEXT),
    7: ("name", TEXT),
}
DELETE_OPTIONS: Schema = {
    1: ("gracePeriodSeconds", NUMBER),
    2: ("preconditions", {1: ("uid", TEXT), 2: ("resourceVersion", TEXT)}),
    3: ("orphanDependents", NUMBER),
    4: ("propagationPolicy", TEXT),
    5: ("dryRun", [TEXT]),
}
NON_RESOURCE: Schema = {1: ("path", TEXT), 2: ("verb", TEXT)}
ACCESS: Schema = {1: ("resourceAttributes", ATTRIBUTES), 2: ("nonResourceAttributes", NON_RESOURCE)}
MESSAGES: dict[str, Schema] = {
    "SelfSubjectAccessReview": {1: ("metadata", METADATA), 2: ("spec", ACCESS)},
    "SelfSubjectRulesReview": {1: ("metadata", METADATA), 2: ("spec", {1: ("namespace", TEXT)})},
    "SelfSubjectReview": {1: ("metadata", METADATA)},
    "Namespace": {1: ("metadata", METADATA)},
    "ServiceAccount": {1: ("metadata", METADATA)},
    "DeleteOptions": DELETE_OPTIONS,
    "ConfigMap": {1: ("metadata", METADATA), 2: ("data", {"map": TEXT})},
    "Secret": {1: ("metadata", METADATA), 2: ("data", {"map": BYTES}), 3: ("type", TEXT)},
}


class UnknownMessageError(ValueError):
    """A kind that is only read as JSON or YAML here."""


def loads(body: bytes) -> dict[str, Any]:
    """The object in a Kubernetes protobuf body. Raises ValueError, UnknownMessageError for kinds not listed."""
    if not body.startswith(MAGIC):
        raise ValueError("not a Kubernetes protobuf body")
    envelope = dict(_fields(body[len(MAGIC) :]))
    type_meta = {number: bytes(value).decode() for number, value in _fields(_blob(envelope[1]))}
    api_version, kind = type_meta.get(1, ""), type_meta.get(2, "")
    if kind not in MESSAGES:
        raise UnknownMessageError(kind)
    return {"apiVersion": api_version, "kind": kind, **_decode(_blob(envelope.get(2, b"")), MESSAGES[kind])}


def _blob(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise TypeError("a message was expected where a number stands")
    return value


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _fields(body: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(body):
        tag, at = _varint(body, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = _varint(body, at)
            yield number, value
            continue
        if wire == LENGTH_DELIMITED:
            length, at = _varint(body, at)
        elif wire in FIXED:
            length = FIXED[wire]
        else:
            raise ValueError(f"unknown protobuf wire type {wire}")
        yield number, body[at : at + length]
        at += length


def _decode(body: bytes, schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(body):
        if number not in schema:
            continue
        name, type_ = schema[number]
        if isinstance(type_, list):
            found.setdefault(name, []).append(_value(value, type_[0]))
        elif isinstance(type_, dict) and "map" in type_:
            entry = _decode(value, {1: ("key", TEXT), 2: ("value", type_["map"])})
            found.setdefault(name, {})[entry.get("key", "")] = entry.get("value", "")
        elif (decoded := _value(value, type_)) != "":  # Go writes empty strings out
            found[name] = decoded
    return found


def _value(value: Any, type_: Any) -> Any:
    if type_ == TEXT:
        return bytes(value).decode()
    if type_ == BYTES:
        return base64.b64encode(bytes(value)).decode()
    return value if type_ == NUMBER else _decode(bytes(value), type_)
