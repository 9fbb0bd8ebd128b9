"""Lists: pages of 500, each decoded in one pass. A malformed object is named and loses nothing else; a failure is never empty."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import GenericAlias
from typing import Any

import msgspec

from runbook.clients.kubernetes.transport import Transport
from runbook.domain.alike import Alike
from runbook.domain.collecting import held_back
from runbook.domain.kinds import KINDS, decode, named
from runbook.domain.meta import Resource
from runbook.errors import MalformedError, ObservationError
from runbook.model import ObjectRef

PAGE = 500
PLAIN = "application/json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
METADATA_ONE = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "PartialObjectMetadataList"
Progress = Callable[[str, int, int], None]
_BUILDING = threading.Lock()  # msgspec builds decoders at first use, and two threads that do so at once may crash it


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
    """A whole list: typed items, the same items as served where that was asked for, and what could not be decoded.

    `restarted` says why the list was begun again, if it was.
    """

    kind: str
    items: tuple[Resource, ...]
    raw: tuple[bytes, ...]
    resource_version: str
    malformed: tuple[tuple[ObjectRef, str], ...] = ()
    restarted: str = ""


@dataclass
class _Gathered:
    """The pages so far. An object that a later page brings again takes its earlier place: pages may overlap."""

    kind: str
    as_served: bool
    items: list[Resource] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    malformed: list[tuple[ObjectRef, str]] = field(default_factory=list)
    alike: Alike = field(default_factory=Alike)

    def add(self, content: bytes, what: str) -> Any:
        """Take a page in, typed in one pass; item by item only where bytes are kept or one of them does not fit."""
        typed = None if self.as_served else _typed(self.kind, content)
        before = len(self.items)
        if typed is not None:
            self.items += [named(self.kind, item) for item in typed.items or ()]
        else:
            typed = _page(content, what)
            for item in typed.items or ():
                self._sort(bytes(item))
        self.alike.fold(self.items[before:])
        return _checked(typed, what)

    def _sort(self, item: bytes) -> None:
        try:
            self.items.append(decode(self.kind, item))
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            self.malformed.append((identity(self.kind, item), str(error)))
        else:
            if self.as_served:
                self.raw.append(item)

    def listing(self, version: str) -> Listing:
        """The list, each object once: of one that came twice the later copy."""
        places = {
            (o.metadata.namespace, o.metadata.name or place): place  # one without a name is like no other
            for place, o in enumerate(self.items)
        }
        items, raw = self.items, self.raw
        if len(places) < len(items):
            items = [items[place] for place in places.values()]
            raw = [raw[place] for place in places.values()] if self.as_served else []
        return Listing(self.kind, tuple(items), tuple(raw), version, tuple(self.malformed))


def fetch(
    transport: Transport,
    kind: str,
    path: str,
    what: str,
    *,
    progress: Progress | None = None,
    accept: str = PLAIN,
    as_served: bool = False,
    page: int = PAGE,
) -> Listing:
    """The list at `path`, all pages of `page` objects. A token that expired (410) starts it again, once, and the list says so."""
    arguments = (transport, kind, path, what, progress, accept, as_served, page)
    with held_back():
        try:
            return _pages(*arguments)
        except ObservationError as error:
            if not error.why.startswith("410"):
                raise
            return replace(_pages(*arguments), restarted=f"the list of {what} was begun again: {error.why}")


def _pages(
    transport: Transport,
    kind: str,
    path: str,
    what: str,
    progress: Progress | None,
    accept: str,
    as_served: bool,
    size: int,
) -> Listing:
    found = _Gathered(kind, as_served)
    token = ""
    while True:
        query: dict[str, str | int] = {"limit": size, **({"continue": token} if token else {})}
        page = found.add(transport.get(path, what, accept=accept, **query).content, what)
        if accept != PLAIN and page.kind != METADATA_LIST:
            raise MalformedError(what, f"only metadata was asked for, the answer is a {page.kind}: it was not kept")
        if token and token == page.metadata.continue_:
            raise MalformedError(what, "the list's next page is the page itself: it has no end")
        token = page.metadata.continue_
        if progress:
            progress(kind, len(found.items), len(found.items) + (page.metadata.remaining_item_count or 0))
        if not token:
            return found.listing(page.metadata.resource_version)


@lru_cache
def _decoder(kind: str) -> msgspec.json.Decoder[Any]:
    fields = [("kind", str, ""), ("metadata", _ListMeta, msgspec.field(default_factory=_ListMeta))]
    with _BUILDING:
        items = GenericAlias(list, (KINDS[kind].struct,)) | None
        return msgspec.json.Decoder(msgspec.defstruct(f"{kind}Page", [*fields, ("items", items, None)], gc=False))


def _typed(kind: str, content: bytes) -> Any:
    """The page with its items as fields, or None where it does not fit: the items tell one by one what is wrong."""
    try:
        return _decoder(kind).decode(content)
    except msgspec.DecodeError:
        return None


def _page(content: bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(content, type=_Page)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise MalformedError(what, f"the list cannot be read: {error}") from error


def _checked(page: Any, what: str) -> Any:
    if not page.kind.endswith("List"):
        raise MalformedError(what, f"the answer is a {page.kind or 'nameless thing'}, not a list")
    return page


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
