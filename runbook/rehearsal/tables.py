"""Tables and metadata-only forms of objects, as the `Accept` header asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.columns import Column
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.printers import columns_of

META = "meta.k8s.io/v1"
JSON_TYPES = ("application/json", "*/*", "application/*")
FORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


def wanted_form(accept: str) -> str:
    """`Table`, `PartialObjectMetadata` or empty (the objects themselves), the first the server can give.

    Raises ApiError 406 when nothing asked for can be given.
    """
    for option in accept.split(",") if accept else ("*/*",):
        media, *rest = (part.strip() for part in option.split(";"))
        parameters = dict(part.split("=", 1) for part in rest if "=" in part)
        form = parameters.get("as", "")
        if media not in JSON_TYPES:
            continue
        if not form:
            return ""
        if form in FORMS and parameters.get("g", "meta.k8s.io") == "meta.k8s.io" and parameters.get("v", "v1") == "v1":
            return form.removesuffix("List")
    media_types = "application/json"
    message = f"only the following media types are accepted: {media_types}"
    raise ApiError(406, "NotAcceptable", message)


def partial(obj: Object) -> Object:
    """PartialObjectMetadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": obj["metadata"]}


def _cell(column: Column, obj: Object, now: datetime) -> Any:
    """One cell. An object that is not shaped as its kind must not take its whole list down: kubectl's word for it."""
    try:
        return column.cell(obj, now)
    except (KeyError, TypeError, AttributeError, ValueError):
        return "<invalid>"


def table(
    kind: Kind, objects: Iterable[Object], metadata: Mapping[str, Any], now: datetime, include: str = "Metadata"
) -> Object:
    """A `Table` of objects; `include` says what each row carries: Metadata, Object or None."""
    columns = columns_of(kind)
    rows = []
    for obj in objects:
        row: dict[str, Any] = {"cells": [_cell(column, obj, now) for column in columns]}
        if include == "Object":
            row["object"] = obj
        elif include != "None":
            row["object"] = partial(obj)
        rows.append(row)
    definitions = [
        {"name": c.name, "type": c.type, "format": c.format, "description": c.description, "priority": c.priority}
        for c in columns
    ]
    return {
        "kind": "Table",
        "apiVersion": META,
        "metadata": dict(metadata),
        "columnDefinitions": definitions,
        "rows": rows,
    }
