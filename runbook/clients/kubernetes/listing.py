"""Lists: pages of 500, items decoded one by one. A malformed object is named and loses nothing else; a failure is never empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from runbook.clients.kubernetes.transport import Transport
from runbook.domain.kinds import KINDS, decode
from runbook.domain.meta import Resource
from runbook.errors import MalformedError, ObservationError
from runbook.model import ObjectRef

PAGE = 500
PLAIN = "application/json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
METADATA_ONE = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "PartialObjectMetadataList"
Progress = Callable[[str, int, int], None]


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class _Page(msgspec.Struct):
    kind: str = ""
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


class _Named(msgspec.Struct):
    name: object = ""
    namespace: object = ""


class _Identity(msgspec.Struct):
    metadata: _Named = msgspec.field(default_factory=_Named)


@dataclass(frozen=True)
class Listing:
    """A whole list: typed items, the same items as served, and what could not be decoded."""

    kind: str
    items: tuple[Resource, ...]
    raw: tuple[bytes, ...]
    resource_version: str
    malformed: tuple[tuple[ObjectRef, str], ...] = ()


def fetch(
    transport: Transport,
    kind: str,
    path: str,
    what: str,
    *,
    progress: Progress | None = None,
    accept: str = PLAIN,
    page: int = PAGE,
) -> Listing:
    """The list at `path`, all pages of `page` objects. A token that expired (410) starts it again, once."""
    try:
        return _pages(transport, kind, path, what, progress, accept, page)
    except ObservationError as error:
        if not error.why.startswith("410"):
            raise
        return _pages(transport, kind, path, what, progress, accept, page)


def _pages(
    transport: Transport, kind: str, path: str, what: str, progress: Progress | None, accept: str, size: int
) -> Listing:
    items: list[Resource] = []
    raw: list[bytes] = []
    malformed: list[tuple[ObjectRef, str]] = []
    token, version = "", ""
    while True:
        query: dict[str, str | int] = {"limit": size, **({"continue": token} if token else {})}
        page = _page(transport.get(path, what, accept=accept, **query).content, what)
        if accept != PLAIN and page.kind != METADATA_LIST:
            raise MalformedError(what, f"only metadata was asked for, the answer is a {page.kind}: it was not kept")
        for item in page.items or ():
            _sort(kind, bytes(item), items, raw, malformed)
        if token and token == page.metadata.continue_:
            raise MalformedError(what, "the list's next page is the page itself: it has no end")
        version, token = page.metadata.resource_version, page.metadata.continue_
        if progress:
            progress(kind, len(items), len(items) + (page.metadata.remaining_item_count or 0))
        if not token:
            return Listing(kind, tuple(items), tuple(raw), version, tuple(malformed))


def _page(content: bytes, what: str) -> _Page:
    try:
        page = msgspec.json.decode(content, type=_Page)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise MalformedError(what, f"the list cannot be read: {error}") from error
    if not page.kind.endswith("List"):
        raise MalformedError(what, f"the answer is a {page.kind or 'nameless thing'}, not a list")
    return page


def _sort(
    kind: str, item: bytes, items: list[Resource], raw: list[bytes], malformed: list[tuple[ObjectRef, str]]
) -> None:
    try:
        items.append(decode(kind, item))
        raw.append(item)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        malformed.append((identity(kind, item), str(error)))


def identity(kind: str, item: bytes) -> ObjectRef:
    """The name of an object that does not decode, as far as it can be read."""
    try:
        metadata = msgspec.json.decode(item, type=_Identity).metadata
    except (msgspec.ValidationError, msgspec.DecodeError):
        return ObjectRef(kind, "", "(unreadable)")
    return ObjectRef(kind, str(metadata.namespace or ""), str(metadata.name or "(unnamed)"))


def collection(kind: str, version: str, namespace: str = "") -> str:
    """The URL path of a kind's collection."""
    entry = KINDS[kind]
    root = f"/apis/{entry.group}/{version}" if entry.group else f"/api/{version}"
    place = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{place}/{entry.plural}"


def what_of(kind: str, namespace: str = "") -> str:
    """`helmreleases.helm.toolkit.fluxcd.io in all namespaces`."""
    entry = KINDS[kind]
    if not entry.namespaced:
        return entry.qualified
    return f"{entry.qualified} in {f'namespace {namespace}' if namespace else 'all namespaces'}"
