"""One page of a list: decoded in one pass, or item by item where one of them does not fit, each with a name or a place."""

from __future__ import annotations

from functools import lru_cache
from types import GenericAlias
from typing import Any

import msgspec

from runbook.domain.kinds import KINDS, named
from runbook.domain.legible import BUILDING, DEEP, DEEPEST, HALF, decoded, is_deep, legible, strict, unicode
from runbook.domain.meta import Resource
from runbook.errors import MalformedError
from runbook.model import ObjectRef

METADATA_LIST = "PartialObjectMetadataList"
_MANAGED = b'"managedFields"'


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class _Page(msgspec.Struct):
    kind: str = ""
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET


class _Named(msgspec.Struct):
    name: object = ""
    namespace: object = ""


class _Identity(msgspec.Struct):
    metadata: _Named = msgspec.field(default_factory=_Named)


class _Managed(msgspec.Struct, rename="camel"):
    managed_fields: msgspec.Raw


class _Holder(msgspec.Struct):
    metadata: _Managed


@lru_cache
def _decoder(kind: str) -> msgspec.json.Decoder[Any]:
    fields = [("kind", str, ""), ("metadata", _ListMeta, msgspec.field(default_factory=_ListMeta))]
    with BUILDING:
        items = GenericAlias(list, (KINDS[kind].struct,)) | None | msgspec.UnsetType
        page = msgspec.defstruct(f"{kind}Page", [*fields, ("items", items, msgspec.UNSET)], gc=False)
        return msgspec.json.Decoder(page)


def typed(kind: str, content: bytes) -> Any:
    """The page with its items as fields, or None where it does not fit: the items tell one by one what is wrong."""
    try:
        return decoded(unicode(content), _decoder(kind))
    except msgspec.DecodeError:
        return None


def untyped(content: bytes, what: str) -> Any:
    """The page with its items as bytes; what cannot be read of one is left out of it. Raises MalformedError."""
    try:
        return decoded(content, _Page)
    except msgspec.DecodeError as error:
        why = f"the list cannot be read: {error}"
    try:
        return decoded(legible(content), _Page)
    except msgspec.DecodeError:
        raise MalformedError(what, why) from None


def checked(page: Any, kind: str, what: str, *, metadata_only: bool) -> Any:
    """The page. Raises MalformedError for what is no list, or one of something else: a table, say, or other objects."""
    wanted = METADATA_LIST if metadata_only else f"{kind}List"
    if not page.kind.endswith("List"):
        raise MalformedError(what, f"the answer is a {page.kind or 'nameless thing'}, not a list")
    if page.kind != wanted and metadata_only:
        raise MalformedError(what, f"only metadata was asked for, the answer is a {page.kind}: it was not kept")
    if page.kind != wanted:
        raise MalformedError(what, f"the answer is a {page.kind}, not a {wanted}")
    if page.items is msgspec.UNSET:
        raise MalformedError(what, f"the answer is a {page.kind} without items: null or [] would be an empty list")
    return page


def kept(kind: str, item: bytes) -> tuple[Resource, bytes]:
    """An item as fields and as bytes, these without its managedFields: most of a pod, and evidence keeps none of them.

    Raises msgspec.DecodeError, also for what could not be read back whole.
    """
    lean = _lean(strict(item))
    found = named(kind, decoded(lean, KINDS[kind].struct))
    if is_deep(lean):
        raise msgspec.DecodeError(f"it is nested deeper than {DEEPEST} levels")
    decoded(lean)
    return found, lean


def _lean(item: bytes) -> bytes:
    """With an empty list in place of managedFields. Cut out as it stands: taking an item apart costs more than reading it."""
    if item.count(_MANAGED) != 1:
        return item
    try:
        length = memoryview(decoded(item, _Holder).metadata.managed_fields).nbytes
    except msgspec.DecodeError:
        return item  # it has none, or its fields tell what is wrong with it
    start = item.index(b":", item.index(_MANAGED) + len(_MANAGED)) + 1
    while item[start] in b" \t\r\n":
        start += 1
    return item[:start] + b"[]" + item[start + length :]


def single(content: bytes, what: str) -> bytes:
    """One object as it was served. Raises MalformedError when it is none, or whoever takes it apart could not read it."""
    try:
        decoded(content, dict[str, Any])
    except msgspec.DecodeError as error:
        raise MalformedError(what, f"the answer cannot be read: {error}") from error
    if is_deep(content):
        raise MalformedError(what, f"the answer cannot be read: it is nested deeper than {DEEPEST} levels")
    return content


def identity(kind: str, item: bytes, place: str = "") -> ObjectRef:
    """The name of an object that does not decode, as far as it can be read; `place` is where it stands if it cannot."""
    for text in (item, legible(item)):
        try:
            metadata = decoded(text, _Identity).metadata
        except msgspec.DecodeError:
            continue
        return ObjectRef(kind, _shown(metadata.namespace), _shown(metadata.name) or f"(unnamed{place})")
    return ObjectRef(kind, "", f"(unreadable{place})")


def _shown(name: object) -> str:
    text = str(name or "")
    for mark in (DEEP, HALF):
        text = text.replace(mark.decode("unicode-escape"), "\N{REPLACEMENT CHARACTER}")
    return text
