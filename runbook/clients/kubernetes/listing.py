"""Lists: pages of 500, each decoded in one pass. A malformed object is named and loses nothing else; a failure is never empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from runbook.clients.kubernetes.pages import METADATA_LIST, checked, identity, kept, untyped
from runbook.clients.kubernetes.pages import typed as _typed
from runbook.clients.kubernetes.transport import Transport
from runbook.domain.alike import Alike
from runbook.domain.collecting import held_back
from runbook.domain.kinds import KINDS, decode, named
from runbook.domain.meta import Resource
from runbook.errors import MalformedError, ObservationError
from runbook.model import ObjectRef

PAGE = 500
MOST_PAGES = 10_000  # five million objects; a server that always has one page more is not believed
LARGEST = 1_000_000_000  # bytes of all pages as served: 50,000 pods of 8 kB are 400 million
LARGEST_KEPT = 500_000_000  # bytes of items that are kept beside their fields, less managedFields
PLAIN = "application/json"
METADATA_ONLY = f"application/json;as={METADATA_LIST};v=v1;g=meta.k8s.io"
METADATA_ONE = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Listing:
    """A whole list: typed items, their bytes less managedFields where they were asked for, and what could not be decoded.

    `restarted` says why the list was begun again, if it was; `short`, that the server had announced more than it gave.
    """

    kind: str
    items: tuple[Resource, ...]
    raw: tuple[bytes, ...]
    resource_version: str
    malformed: tuple[tuple[ObjectRef, str], ...] = ()
    restarted: str = ""
    short: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of how the list came about: wherever it is used, who reads the answer is told."""
        return tuple(note for note in (self.restarted, self.short) if note)


@dataclass
class _Gathered:
    """The pages so far. An object that a later page brings again takes its earlier place: pages may overlap."""

    kind: str
    what: str
    as_served: bool
    metadata_only: bool
    items: list[Resource] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    malformed: dict[ObjectRef, str] = field(default_factory=dict)
    alike: Alike = field(default_factory=Alike)
    pages: int = 0
    served: int = 0
    kept: int = 0
    announced: int = 0
    short: str = ""

    def add(self, content: bytes) -> Any:
        """Take a page in, typed in one pass; item by item only where bytes are kept or one of them does not fit."""
        self.pages, self.served = self.pages + 1, self.served + len(content)
        self._bound()
        page = None if self.as_served else _typed(self.kind, content)
        before = len(self.items)
        if page is not None:
            items = checked(page, self.kind, self.what, metadata_only=self.metadata_only).items or ()
            self.items += [named(self.kind, item) for item in items]
        else:
            page = checked(untyped(content, self.what), self.kind, self.what, metadata_only=self.metadata_only)
            for place, item in enumerate(page.items or (), 1):
                self._sort(bytes(item), f", item {place} of page {self.pages}")
        self.alike.fold(self.items[before:])
        self._count(page)
        return page.metadata

    def _bound(self) -> None:
        """Raises MalformedError for a list that has no end, or would fill the memory."""
        if self.pages > MOST_PAGES:
            raise MalformedError(self.what, f"the list has more than {MOST_PAGES:,} pages: it has no end")
        if self.served > LARGEST or self.kept > LARGEST_KEPT:
            size = LARGEST if self.served > LARGEST else LARGEST_KEPT
            raise MalformedError(
                self.what,
                f"the list is larger than {size / 1e6:,.0f} MB: it was not kept; remove what has piled up, or save the "
                "namespaces that matter with kubectl get -o json and explain these with --from",
            )

    def _count(self, page: Any) -> None:
        """A server estimates how many objects follow; that fewer came is to be said, and is no error."""
        came, left = len(page.items or ()), page.metadata.remaining_item_count or 0
        if not page.metadata.continue_ and came < self.announced:
            self.short = f"the list of {self.what} may lack objects: {self.announced} more were announced, {came} came"
        self.announced = left

    def _sort(self, item: bytes, place: str) -> None:
        try:
            if self.as_served:
                found, lean = kept(self.kind, item)
            else:
                found, lean = decode(self.kind, item), b""
        except msgspec.DecodeError as error:
            self.malformed[identity(self.kind, item, place)] = str(error)
            return
        self.items.append(found)
        if self.as_served:
            self.raw.append(lean)
            self.kept += len(lean)
            self._bound()

    def listing(self, version: str) -> Listing:
        """The list, each object once: of one that came twice the later copy, and of a malformed one the copy that is none."""
        places = {
            (o.metadata.namespace, o.metadata.name or place): place  # one without a name is like no other
            for place, o in enumerate(self.items)
        }
        items, raw = self.items, self.raw
        if len(places) < len(items):
            items = [items[place] for place in places.values()]
            raw = [raw[place] for place in places.values()] if self.as_served else []
        malformed = tuple((r, why) for r, why in self.malformed.items() if (r.namespace, r.name) not in places)
        return Listing(self.kind, tuple(items), tuple(raw), version, malformed, short=self.short)


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
            why = error.why
        # not in the handler: there the error's traceback would hold the first try's pages
        try:
            return replace(_pages(*arguments), restarted=f"the list of {what} was begun again: {why}")
        except ObservationError as error:
            if not error.why.startswith("410"):
                raise
            raise ObservationError(what, f"{error.why}, also after the list had been begun again") from None


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
    found = _Gathered(kind, what, as_served, accept != PLAIN)
    token, used = "", set[str]()
    while True:
        query: dict[str, str | int] = {"limit": size, **({"continue": token} if token else {})}
        head = found.add(transport.get(path, what, accept=accept, **query).content)
        used.add(token)
        token = head.continue_
        if token and token in used:
            raise MalformedError(what, "the list's next page is one that was read already: it has no end")
        if progress:
            progress(kind, len(found.items), len(found.items) + (head.remaining_item_count or 0))
        if not token:
            return found.listing(head.resource_version)


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
