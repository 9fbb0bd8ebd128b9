"""Event objects as controllers record them: equal events are one object whose count grows [client-go:tools/record]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runbook.rehearsal.lifecycle import Object, rfc3339


def event_key(
    obj: Mapping[str, Any], type_: str, reason: str, message: str, source: str, *, path: str
) -> tuple[str, ...]:
    """What makes two events equal."""
    return (obj["metadata"].get("uid", ""), type_, reason, message, source, path)


def new_event(
    obj: Object,
    type_: str,
    reason: str,
    message: str,
    source: str,
    *,
    now: datetime,
    serial: int,
    field_path: str = "",
    host: str = "",
) -> Object:
    """The Event of one occurrence. Cluster-scoped objects have theirs in `default`; messages are cut at 1024 bytes."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace") or "default"
    involved = {
        "kind": obj["kind"],
        "namespace": metadata.get("namespace"),
        "name": metadata["name"],
        "uid": metadata.get("uid"),
        "apiVersion": obj["apiVersion"],
        "resourceVersion": metadata.get("resourceVersion"),
        "fieldPath": field_path or None,
    }
    when = rfc3339(now)
    nanoseconds = int(now.timestamp() * 1_000_000) * 1_000 + serial % 1_000
    return {
        "metadata": {"name": f"{metadata['name']}.{nanoseconds:x}", "namespace": namespace},
        "involvedObject": {key: value for key, value in involved.items() if value},
        "reason": reason,
        "message": message.encode()[:1024].decode(errors="ignore"),
        "source": {"component": source, **({"host": host} if host else {})},
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
        "type": type_,
        "eventTime": None,
        "reportingComponent": source,
        "reportingInstance": host,
    }


def repeated(event: Object, now: datetime) -> Object:
    """The same event seen once more."""
    return {**event, "count": event["count"] + 1, "lastTimestamp": rfc3339(now)}
