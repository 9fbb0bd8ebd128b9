"""Watches: resume from a resourceVersion, initial events, bookmarks, selectors that objects enter and leave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Any

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.changes import Event, Subscription, encode
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.listing import matcher, served_bytes, versioned
from runbook.rehearsal.messages import Request, Response
from runbook.rehearsal.routes import Target
from runbook.rehearsal.selectors import Match
from runbook.rehearsal.store import Store
from runbook.rehearsal.tables import META, partial, table, wanted_form

DEFAULT_SECONDS = 1_800  # a real server closes a watch after 30 to 60 minutes
INITIAL_END = {"k8s.io/initial-events-end": "true"}
FORBIDDEN = 'ListOptions.meta.k8s.io "" is invalid: '


@dataclass(frozen=True)
class Watch:
    """One watch as it was asked for. Times are real: a client's patience does not scale with the cluster's clock."""

    kind: Kind
    namespace: str | None
    match: Match | None
    form: str
    include: str
    resume: int | None
    initial: bool
    marks_initial_end: bool
    bookmarks: bool
    seconds: float


def watch(store: Store, request: Request, kind: Kind, target: Target, bookmark_every: float) -> Response:
    """Answer a watch. Raises ApiError 400, 406, 422 before anything is streamed; an expired version is an ERROR event."""
    return Response(200, _stream(store, _read(request, kind, target), bookmark_every))


def _read(request: Request, kind: Kind, target: Target) -> Watch:
    query = request.query
    sends = query.get("sendInitialEvents")
    how, rv = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if sends is not None and how != "NotOlderThan":
        why = "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise ApiError(422, "Invalid", FORBIDDEN + why)
    if sends is None and how:
        why = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch"
        raise ApiError(422, "Invalid", f"{FORBIDDEN}{why} unless sendInitialEvents is provided")
    if rv and not rv.isdigit():
        why = f'Invalid value: "{rv}": strconv.ParseUint: parsing "{rv}": invalid syntax'
        raise ApiError(500, "", f"resourceVersion: {why}")
    initial = request.flag("sendInitialEvents") if sends is not None else rv in ("", "0")
    return Watch(
        kind,
        target.namespace,
        matcher(request, kind, target.name),
        wanted_form(request.headers.get("accept", "").replace(";stream=watch", "")),
        query.get("includeObject", "Metadata"),
        None if initial or rv in ("", "0") else int(rv),
        initial,
        request.flag("sendInitialEvents") and request.flag("allowWatchBookmarks"),
        request.flag("allowWatchBookmarks"),
        float(request.number("timeoutSeconds") or DEFAULT_SECONDS),
    )


async def _stream(store: Store, asked: Watch, bookmark_every: float) -> AsyncGenerator[bytes, None]:
    queue = store.subscribe(asked.kind)
    try:
        try:
            first, last = _opening(store, asked)
        except ApiError as error:
            yield encode({"type": "ERROR", "object": error.status()}).encode() + b"\n"
            return
        yield first  # even when empty: the headers go out at once
        async for chunk in _live(store, asked, queue, last, bookmark_every):
            yield chunk
    finally:
        store.unsubscribe(queue)


def _opening(store: Store, asked: Watch) -> tuple[bytes, int]:
    """What comes before live events, and the version it is true at."""
    if asked.resume is not None:
        missed = store.changes.since(asked.kind, asked.resume)
        return b"".join(_lines(store, asked, missed)), max([asked.resume, *(event.rv for event in missed)])
    lines: list[bytes] = []
    if asked.initial:
        found = store.list(asked.kind, asked.namespace, asked.match)
        lines = [_line(store, asked, "ADDED", obj) for obj in found]
    if asked.marks_initial_end:
        lines.append(_bookmark(store, asked, INITIAL_END))
    return b"".join(lines), store.rv


async def _live(
    store: Store, asked: Watch, queue: Subscription, last: int, bookmark_every: float
) -> AsyncGenerator[bytes, None]:
    now = time.monotonic()
    ends, marks = now + asked.seconds, now + bookmark_every
    while (now := time.monotonic()) < ends:
        try:
            burst = [await asyncio.wait_for(queue.get(), max(0.0, min(ends, marks) - now))]
        except TimeoutError:
            if time.monotonic() >= marks:
                marks += bookmark_every
                if asked.bookmarks:
                    yield _bookmark(store, asked)
            continue
        while not queue.empty():  # a burst of events is one write
            burst.append(queue.get_nowait())
        fresh = [event for _kind, event in burst if event.rv > last]
        last = max([last, *(event.rv for event in fresh)])
        if chunk := b"".join(_lines(store, asked, fresh)):
            yield chunk
    if asked.bookmarks:
        yield _bookmark(store, asked)


def _lines(store: Store, asked: Watch, events: Iterable[Event]) -> Iterable[bytes]:
    for event in events:
        type_ = _seen_as(event, asked)
        if type_:
            yield _line(
                store, asked, type_, event.obj, event.data if event.obj["apiVersion"] == asked.kind.gv else None
            )


def _seen_as(event: Event, asked: Watch) -> str:
    """An object that enters a selector is ADDED for this watcher, one that leaves it DELETED; empty: not seen."""
    if asked.namespace is not None and event.obj["metadata"].get("namespace") != asked.namespace:
        return ""
    if asked.match is None:
        return event.type
    before = event.old is not None and asked.match(event.old)
    if event.type != "DELETED" and asked.match(event.obj):
        return "MODIFIED" if before else "ADDED"
    return "DELETED" if before else ""


def _line(store: Store, asked: Watch, type_: str, obj: Object, data: bytes | None = None) -> bytes:
    if asked.form == "Table":
        metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        rows = table(asked.kind, [versioned(asked.kind, obj)], metadata, store.clock.now(), asked.include)
        return encode({"type": type_, "object": rows}).encode() + b"\n"
    if asked.form:
        return encode({"type": type_, "object": partial(obj)}).encode() + b"\n"
    return b'{"type":"' + type_.encode() + b'","object":' + (data or served_bytes(store, asked.kind, obj)) + b"}\n"


def _bookmark(store: Store, asked: Watch, annotations: dict[str, str] | None = None) -> bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(store.rv), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    obj: dict[str, Any] = {"kind": asked.kind.kind, "apiVersion": asked.kind.gv, "metadata": metadata}
    if asked.form == "Table":
        row = {"cells": [], "object": {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": metadata}}
        obj = table(asked.kind, (), {"resourceVersion": str(store.rv)}, store.clock.now(), asked.include)
        obj["rows"] = [row]
    elif asked.form:
        obj = {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": metadata}
    return encode({"type": "BOOKMARK", "object": obj}).encode() + b"\n"
