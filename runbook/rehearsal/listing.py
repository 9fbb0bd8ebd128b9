"""GET of one object and of lists: selectors, pages of one consistent snapshot, Tables, metadata only."""

from __future__ import annotations

import base64
import json
import time
import uuid
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from runbook.rehearsal.apierrors import ApiError, bad_request
from runbook.rehearsal.changes import encode
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.messages import Request, Response, answer
from runbook.rehearsal.selectors import Match, all_of, field_selector, label_selector
from runbook.rehearsal.store import Store
from runbook.rehearsal.tables import META, partial, table, wanted_form

MAX_SNAPSHOTS = 64
EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def matcher(request: Request, kind: Kind, name: str = "") -> Match | None:
    """The request's selectors as one predicate; None selects everything. Raises ApiError 400."""
    tests: list[Match] = []
    if request.query.get("labelSelector"):
        tests.append(label_selector(request.query["labelSelector"]))
    if request.query.get("fieldSelector"):
        tests.append(field_selector(request.query["fieldSelector"], kind))
    if name:
        tests.append(lambda obj: bool(obj["metadata"]["name"] == name))
    return all_of(tests)


def versioned(kind: Kind, obj: Object) -> Object:
    """The object in the version that was asked for: versions of one custom resource differ in name only."""
    return obj if obj["apiVersion"] == kind.gv else {**obj, "apiVersion": kind.gv}


def served_bytes(store: Store, kind: Kind, obj: Object) -> bytes:
    """The object's JSON as served under one version."""
    return store.bytes(obj) if obj["apiVersion"] == kind.gv else encode(versioned(kind, obj)).encode()


def one(store: Store, request: Request, kind: Kind, obj: Object, status: int = 200) -> Response:
    """Answer with one object in the form that was asked for."""
    form = wanted_form(request.headers.get("accept", ""))
    if form == "Table":
        metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        include = request.query.get("includeObject", "Metadata")
        return answer(table(kind, [versioned(kind, obj)], metadata, store.clock.now(), include), status)
    if form:
        return answer(partial(obj), status)
    return answer(versioned(kind, obj), status)


@dataclass(frozen=True)
class Page:
    """A token's meaning: which snapshot, from which object on, and at which revision (-1: whatever there is now)."""

    rv: int
    start: tuple[str, str]
    snapshot: str = ""

    def token(self) -> str:
        """The opaque `continue` value."""
        meaning = {"v": META, "rv": self.rv, "start": list(self.start), "snapshot": self.snapshot}
        return base64.urlsafe_b64encode(encode(meaning).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, token: str) -> Page:
        """The reverse. Raises ApiError 400."""
        try:
            meaning = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            namespace, name = meaning["start"]
            return cls(int(meaning["rv"]), (str(namespace), str(name)), str(meaning["snapshot"]))
        except (ValueError, KeyError, TypeError) as error:
            raise bad_request(f"invalid continue token: continue key is not valid: {_illegible(token)}") from error


def _illegible(token: str) -> str:
    """What Go says of a token that is none."""
    try:
        first = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:1].decode("latin-1")
    except ValueError:
        return "illegal base64 data at input byte 0"
    shown = first if first.isprintable() and first.isascii() else f"\\u{ord(first or ' '):04x}"
    return f"invalid character '{shown}' looking for beginning of value"


def place(obj: Object) -> tuple[str, str]:
    """Where an object stands in a list."""
    return (obj["metadata"].get("namespace") or "", obj["metadata"]["name"])


class Lister:
    """Lists with pages. A snapshot lives for `page_seconds` real seconds, as long as etcd keeps old revisions."""

    def __init__(self, store: Store, page_seconds: float = 300.0) -> None:
        self._store = store
        self.page_seconds = page_seconds
        self._snapshots: OrderedDict[str, tuple[float, list[Object]]] = OrderedDict()

    def page(self, request: Request, kind: Kind, namespace: str | None) -> Response:
        """Answer a list request with one page. Raises ApiError 400, 406, 410 (expired token or revision), 504 (revision of the future)."""
        form = wanted_form(request.headers.get("accept", ""))
        match, limit = matcher(request, kind), request.number("limit") or 0
        rv, objects, snapshot = self._objects(request, kind, namespace, match)
        metadata: dict[str, Any] = {"resourceVersion": str(rv)}
        if 0 < limit < len(objects):
            objects, rest = objects[:limit], objects[limit:]
            metadata["continue"] = Page(rv, place(rest[0]), snapshot or self._keep(rest)).token()
            if match is None:
                metadata["remainingItemCount"] = len(rest)
        return self._answer(request, kind, form, objects, metadata)

    def _objects(
        self, request: Request, kind: Kind, namespace: str | None, match: Match | None
    ) -> tuple[int, list[Object], str]:
        token, wanted = request.query.get("continue", ""), request.query.get("resourceVersion", "")
        if not token:
            self._check_revision(request, kind, wanted)
            return self._store.rv, self._store.list(kind, namespace, match), ""
        if wanted not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        page = Page.read(token)
        if page.rv < 0:
            found = [obj for obj in self._store.list(kind, namespace, match) if place(obj) >= page.start]
            return self._store.rv, found, ""
        kept = self._snapshots.get(page.snapshot)
        if kept is None or time.monotonic() - kept[0] > self.page_seconds:
            self._snapshots.pop(page.snapshot, None)
            raise ApiError(410, "Expired", EXPIRED, metadata={"continue": Page(-1, page.start).token()})
        return page.rv, kept[1][bisect_left(kept[1], page.start, key=place) :], page.snapshot

    def _check_revision(self, request: Request, kind: Kind, wanted: str) -> None:
        how = request.query.get("resourceVersionMatch", "")
        if how and how not in ("Exact", "NotOlderThan"):
            raise bad_request(f'resourceVersionMatch: Unsupported value: "{how}"')
        if how and not wanted:
            raise bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided")
        if wanted in ("", "0"):
            return
        if not wanted.isdigit():
            why = f'Invalid value: "{wanted}": strconv.ParseUint: parsing "{wanted}": invalid syntax'
            raise bad_request(f"invalid resource version: resourceVersion: {why}")
        changed = self._store.changes.since(kind, int(wanted)) if how == "Exact" else ()
        if int(wanted) > self._store.rv:
            self._store.changes.since(kind, int(wanted))
        if changed:
            raise ApiError(410, "Expired", f"The resourceVersion for the provided list is too old: {wanted}")

    def _keep(self, objects: list[Object]) -> str:
        name = uuid.uuid4().hex
        self._snapshots[name] = (time.monotonic(), objects)
        while len(self._snapshots) > MAX_SNAPSHOTS:
            self._snapshots.popitem(last=False)
        return name

    def _answer(
        self, request: Request, kind: Kind, form: str, objects: list[Object], metadata: dict[str, Any]
    ) -> Response:
        if form == "Table":
            include = request.query.get("includeObject", "Metadata")
            rows = (versioned(kind, obj) for obj in objects)
            return answer(table(kind, rows, metadata, self._store.clock.now(), include))
        if form:
            head = {"kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": metadata}
            return answer({**head, "items": [partial(obj) for obj in objects]})
        start = encode({"kind": f"{kind.kind}List", "apiVersion": kind.gv, "metadata": metadata})[:-1].encode()
        items = b",".join(served_bytes(self._store, kind, obj) for obj in objects)
        return Response(200, start + b',"items":[' + items + b"]}")
