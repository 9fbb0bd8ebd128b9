"""Recorded objects instead of a cluster: any number of files of `kubectl get -o json` or `-o yaml`, or folders of them.

"Now" is the newest time in the input. What is not in the input was not observed: each absent kind is a Gap, never
an empty list. What is in the input and was not used is said as well: files without objects, older copies, odd bytes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from runbook.clients import recordedfiles
from runbook.clients.recordedobjects import Read, read, text_of
from runbook.domain.cluster import Generic
from runbook.domain.kinds import KINDS
from runbook.domain.meta import Resource
from runbook.errors import UsageError
from runbook.model import Gap, ObjectRef, Snapshot

CLUSTER = "recorded"

_DEEPEST = 60
_NAMED = 5
_NOBODY = "?"  # kind and name of what has none


class _Head(msgspec.Struct, rename="camel"):
    """What tells a List from an object. An empty list may be written as null; anything else is no Kubernetes object."""

    kind: str = ""
    api_version: str | None = None
    items: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET


@dataclass
class _Found:
    """What the files hold so far."""

    objects: dict[ObjectRef, Read] = field(default_factory=dict)
    malformed: list[tuple[ObjectRef, str]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    newest: datetime | None = None
    untimed: int = 0
    lists: int = 0
    aside: list[str] = field(default_factory=list)
    older: dict[ObjectRef, list[datetime | None]] = field(default_factory=dict)
    copies: int = 0
    odd: dict[Path, int] = field(default_factory=dict)


def load(paths: Sequence[Path]) -> Snapshot:
    """Read files and folders into a snapshot. Of an object that occurs twice the newer one counts; the older is history.

    Raises UsageError (exit 2) naming the file, and line and column where it has them, when a file is missing, too
    large, empty, cut off or holds no objects; in a folder, such files are left aside and named.
    """
    found = _Found()
    for path in paths:
        _read_path(path, found)
    if found.newest is None:
        raise _timeless(paths, found)
    objects: dict[str, list[Resource]] = defaultdict(list)
    for ref, one in found.objects.items():
        if not one.problem:
            objects["Generic" if isinstance(one.object, Generic) else ref.kind].append(one.object)
    malformed = (*found.malformed, *((ref, one.problem) for ref, one in found.objects.items() if one.problem))
    served = {kind: tuple(objects.get(kind, ())) for kind in {*objects, *(k for k in found.kinds if k in KINDS)}}
    gaps = {
        k.kind: Gap(k.plural, "not in the input") for k in KINDS.values() if k.kind not in served and not k.optional
    }
    return Snapshot(found.newest, CLUSTER, served, gaps, malformed, tuple(_left_out(found)), complete=False)


def _timeless(paths: Sequence[Path], found: _Found) -> UsageError:
    names = ", ".join(str(p) for p in paths)
    read_ = found.untimed + len(found.malformed)
    held = f"; {read_} object(s) without one" if read_ else "; a list of none" if found.lists else ""
    return UsageError(
        f"no object with a time in {names}{held}", hint="Give files made by kubectl get -o json or -o yaml."
    )


def _read_path(path: Path, found: _Found) -> None:
    if path.is_dir():
        _read_folder(path, found)
        return
    if path.suffixes[-2:] in ([".tar", ".gz"], [".tgz"]) or path.suffix in (".tgz", ".zip", ".tar"):
        raise UsageError("is an archive", field=str(path), hint="Unpack it and give the folder.")
    number = 0
    for number, document in enumerate(recordedfiles.documents(path), 1):
        _take(document, found, path, _place(number))
    if not number:
        raise UsageError(recordedfiles.holds(path), field=str(path))


def _read_folder(path: Path, found: _Found) -> None:
    """All files below it. What holds no objects is left aside by name: logs, notes, and what is broken."""
    before = len(found.objects) + len(found.malformed)
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        name = str(file.relative_to(path))
        if not file.name.endswith(recordedfiles.SUFFIXES):
            found.aside.append(name)
            continue
        held, odd = (len(found.objects), len(found.kinds), found.copies), len(found.malformed)
        try:
            for number, document in enumerate(recordedfiles.documents(file), 1):
                _take(document, found, file, _place(number))
        except UsageError as error:
            found.aside.append(f"{name} ({error.message.removeprefix(str(path)).lstrip('/')})")
            continue
        if held != (len(found.objects), len(found.kinds), found.copies):
            continue
        if all(ref.kind == _NOBODY for ref, _ in found.malformed[odd:]):  # a bundle's errors.json, a list of texts
            del found.malformed[odd:]
            found.aside.append(name)
    if before == len(found.objects) + len(found.malformed) and not found.kinds:
        raise UsageError(
            "no recorded objects in this folder",
            field=str(path),
            hint=f"It looks for {', '.join(f'*{s}' for s in recordedfiles.SUFFIXES)}; {_some(found.aside)} hold none.",
        )


def _place(number: int) -> str:
    return f"document {number}" if number > 1 else ""


def _take(
    document: bytes | msgspec.Raw, found: _Found, path: Path, place: str, of: tuple[str, str] = ("", ""), depth: int = 0
) -> None:
    """One document: an object, a List of them, a List of Lists, or an array. `of` is the kind and version a typed List holds."""
    if depth > _DEEPEST:
        raise UsageError(f"lists within lists, more than {_DEEPEST} deep ({place})", field=str(path))
    where = f"{path.name}, {place}" if place else path.name
    if bytes(memoryview(document)[:64]).lstrip()[:1] == b"[":
        for number, item in enumerate(msgspec.json.decode(document, type=list[msgspec.Raw])):
            _take(item, found, path, f"{place}[{number}]", of, depth + 1)
        return
    head = _head(document)
    kind = (head.kind if head is not None else "") or of[0]
    if head is None or not kind:
        what = "an object without a kind" if head is not None else "something that is not an object"
        if depth:
            found.malformed.append((ObjectRef(_NOBODY, "", _NOBODY), f"{what}: kind is missing ({where})"))
            return
        raise UsageError(f"holds {what}: kind is missing", field=f"{path}, {place}" if place else str(path))
    version = head.api_version or of[1]
    if head.items is msgspec.UNSET or not kind.endswith("List"):
        _take_object(document, kind, version, (path, where), found)
        return
    held = kind.removesuffix("List")
    found.lists += 1
    if held:
        found.kinds.add(held)
    for number, item in enumerate(head.items or ()):
        _take(
            item,
            found,
            path,
            f"{place}{'.' if place else ''}items[{number}]",
            (held, version if held else ""),
            depth + 1,
        )


def _head(document: bytes | msgspec.Raw) -> _Head | None:
    try:
        return msgspec.json.decode(document, type=_Head)
    except msgspec.DecodeError:
        return None
    except UnicodeDecodeError:
        return _head(text_of(document))


def _take_object(
    document: bytes | msgspec.Raw, kind: str, version: str, place: tuple[Path, str], found: _Found
) -> None:
    path, where = place
    try:
        one = read(document, kind, version, where)
    except msgspec.DecodeError as error:
        found.malformed.append((ObjectRef(kind, "", _NOBODY), f"{error} ({where})"))
        return
    if one.odd:
        found.odd[path] = found.odd.get(path, 0) + 1
    if one.newest is not None:
        found.newest = max(found.newest or one.newest, one.newest)
    else:
        found.untimed += 1
    earlier = found.objects.get(one.ref)
    if earlier is not None:
        found.copies += 1
        older, newer = (one, earlier) if one.older_than(earlier) else (earlier, one)
        if not one.same_as(earlier):
            found.older.setdefault(one.ref, []).append(older.newest)
        one = newer
    found.objects[one.ref] = one


def _left_out(found: _Found) -> Iterator[Gap]:
    if found.aside:
        yield Gap(f"{len(found.aside)} file(s) that hold no objects", f"left aside: {_some(found.aside)}")
    newer = {ref: [t for t in times if t != found.objects[ref].newest] for ref, times in found.older.items()}
    if each := [
        f"{ref} of {_when(found.objects[ref].newest)} counts, {', '.join(map(_when, times))} is history"
        for ref, times in newer.items()
        if times
    ]:
        yield Gap(f"{len(each)} object(s) at more than one time", _some(each))
    if differ := [f"{ref} of {_when(found.objects[ref].newest)}" for ref, times in newer.items() if not times]:
        why = f"{_some(differ)}: the higher resourceVersion counts, else the copy that was read last"
        yield Gap(f"{len(differ)} object(s) in copies of one time that differ", why)
    for path, number in found.odd.items():
        yield Gap(str(path), f"{number} object(s) with bytes that are not UTF-8: each such byte was read as �")


def _when(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else "no time"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
