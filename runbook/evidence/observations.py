"""What was seen, as it is kept: redacted items less managedFields, one JSON line each, gzip; probes; and snapshot.json.

Checks run on what is read back from here and not on what came over the wire, so that a replay reaches the same
findings by construction.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from runbook.domain.kinds import KINDS
from runbook.domain.meta import Resource
from runbook.domain.probes import SoakWindow
from runbook.evidence.files import json_bytes, private_folder, stamp, sync_folder, write_whole, writing
from runbook.evidence.redaction import Redactor
from runbook.evidence.templates import PARTS
from runbook.model import Gap, ObjectRef, Snapshot

SCHEMA = "runbook/snapshot/v1"
SNAPSHOT, SOAK, PROVED = "snapshot.json", "SoakWindow.jsonl", "proved"
MANY = 2000
_AT_ONCE = 50  # items that are asked together whether anything is to be cut; one that has something costs all of them a second look
_MAPS = ("metadata", "spec", "status")
_BY_STRUCTURE = frozenset({"Secret", "ConfigMap", "SealedSecret"})
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Observation(Protocol):
    """What the clients hand over: the typed snapshot, and the raw JSON items of each API kind as served."""

    @property
    def snapshot(self) -> Snapshot:
        """Typed objects, gaps, malformed objects."""

    @property
    def raw(self) -> Mapping[str, tuple[bytes, ...]]:
        """Kind to items as served."""


@dataclass(frozen=True)
class Observed:
    """A stored observation: its folder, the snapshot as it can be read back, what was cut, and the digest of it all."""

    folder: Path
    snapshot: Snapshot
    redactor: Redactor
    digest: str

    @property
    def redactions(self) -> dict[str, int]:
        """What was cut, by kind."""
        return dict(self.redactor.counts)

    def compact(self, keep: Collection[ObjectRef]) -> Observed:
        """Of kinds with more than 2,000 objects keep those not in `keep` as their typed fields only."""
        body = _read_body(self.folder)
        changed = False
        for kind, entry in body["kinds"].items():
            if kind in KINDS and entry["items"] > MANY:
                lines, typed = _shortened(self.folder / entry["file"], self.snapshot.objects[kind], keep)
                body["kinds"][kind] = {**_write_kind(self.folder, kind, lines, probe=False), "typed_only": typed}
                changed = True
        return replace(self, digest=_write_body(self.folder, body, self.redactor)) if changed else self


def store(folder: Path, observation: Observation, *, redactor: Redactor | None = None) -> Observed:
    """Write an observation into `folder`, replacing an earlier one. Raises EvidenceError (disk full, read-only)."""
    from runbook.evidence.replay import load_folder

    cutter = redactor or Redactor()
    private_folder(folder)
    for old in (*folder.glob("*.jsonl.gz"), *folder.glob("*.jsonl")):
        old.unlink()
    snapshot, raw = observation.snapshot, observation.raw
    lines = {
        kind: _cleaned(kind, snapshot, raw, cutter)
        for kind in sorted({*snapshot.objects, *raw})
        if kind not in snapshot.gaps
    }
    kinds = {
        kind: _write_kind(
            folder, kind, [cutter.line(line) for line in found], probe=kind not in KINDS, again=len(found) > MANY
        )
        for kind, found in lines.items()
    }
    body = {
        "schema": SCHEMA,
        "observed_at": stamp(snapshot.observed_at),
        "cluster": snapshot.cluster,
        "kinds": kinds,
        "gaps": {kind: _gap(gap, cutter) for kind, gap in sorted(snapshot.gaps.items())},
        "malformed": [
            {"kind": r.kind, "namespace": r.namespace, "name": r.name, "why": cutter.text(why)}
            for r, why in snapshot.malformed
        ],
    }
    digest = _write_body(folder, body, cutter)
    return Observed(folder, load_folder(folder), cutter, digest)


def store_soak(folder: Path, window: SoakWindow, redactor: Redactor) -> Path:
    """Keep measured quiet beside the looks: it belongs to the stage and not to one moment."""
    return write_whole(folder / SOAK, _line(redactor.value(msgspec.to_builtins(window))) + b"\n")


def _cleaned(kind: str, snapshot: Snapshot, raw: Mapping[str, tuple[bytes, ...]], cutter: Redactor) -> list[bytes]:
    typed = snapshot.objects.get(kind, ())
    if kind in KINDS:
        return _items(kind, raw.get(kind, ()), typed, cutter)
    return [_line(cutter.value(msgspec.to_builtins(p))) for p in typed]


def _items(kind: str, raw: tuple[bytes, ...], typed: tuple[Any, ...], cutter: Redactor) -> list[bytes]:
    if not raw and typed:
        raw = tuple(msgspec.json.encode(obj) for obj in typed)
    some = (raw[at : at + _AT_ONCE] for at in range(0, len(raw), _AT_ONCE))
    return [line for items in some for line in _lines(kind, items, cutter)]


def _lines(kind: str, items: Sequence[bytes], cutter: Redactor) -> Iterator[bytes]:
    """Their lines. One in which nothing is to be cut is never taken apart further than to leave out managedFields.

    That nothing is to be cut is asked of all at once, and of each only where it is not so.
    """
    loose = [_loosened(kind, item) for item in items]
    shared = [_shared(kind, maps, cutter) for maps in loose]
    all_quiet = cutter.quiet.holds(*(part for maps in loose for part in (maps or {}).values()))
    for item, maps, clean in zip(items, loose, shared, strict=True):
        if maps is None:
            yield _cut(kind, msgspec.json.decode(item), cutter)
            continue
        quiet = all_quiet or cutter.quiet.holds(*maps.values())
        data: dict[str, Any] = {**maps.pop(""), **maps}
        if not quiet:
            data = msgspec.json.decode(msgspec.json.encode(data))
        if clean:
            data["spec"] = {**data["spec"], **clean}
        yield _line(data) if quiet else _cut(kind, data, cutter)


def _shared(kind: str, maps: Mapping[str, dict[str, msgspec.Raw]] | None, cutter: Redactor) -> dict[str, msgspec.Raw]:
    """What many pods have alike, cut already and taken out of the spec."""
    spec = maps.get("spec", {}) if maps is not None and kind == "Pod" else {}
    return {key: cutter.shared(spec.pop(key)) for key in PARTS & spec.keys()}


def _cut(kind: str, data: Mapping[str, Any], cutter: Redactor) -> bytes:
    """Items of a list carry no kind of their own; redaction must know a Secret when it sees one."""
    cleaned = cutter.item({"kind": kind, **data})
    return _line(cleaned if "kind" in data else {k: v for k, v in cleaned.items() if k != "kind"})


def _loosened(kind: str, item: bytes) -> dict[str, dict[str, msgspec.Raw]] | None:
    """An item as JSON part by part: its own (under no name), metadata less managedFields, spec, status.

    None where it is no usual object, or of a kind that is cut by its structure.
    """
    try:
        parts = _PARTS.decode(item)
        maps = {"": parts, **{key: _PARTS.decode(parts.pop(key)) for key in _MAPS if key in parts}}
    except msgspec.ValidationError:
        return None
    if (
        kind in _BY_STRUCTURE
        or "metadata" not in maps
        or msgspec.json.decode(parts.get("kind", b'""')) not in ("", kind)
    ):
        return None
    maps["metadata"].pop("managedFields", None)
    return maps


def _line(data: Any) -> bytes:
    return msgspec.json.encode(data, order="sorted")


def _gap(gap: Gap, cutter: Redactor) -> dict[str, str]:
    return {"what": cutter.text(gap.what), "why": cutter.text(gap.why), "permission": gap.permission}


def _write_kind(folder: Path, kind: str, lines: list[bytes], *, probe: bool, again: bool = False) -> dict[str, Any]:
    """`again`: it will be written once more, by `compact`; to pack it well is for then."""
    data = b"".join(line + b"\n" for line in lines)
    packed = data if probe else gzip.compress(data, compresslevel=1 if again else 6, mtime=0)
    name = f"{kind}.jsonl" if probe else f"{kind}.jsonl.gz"
    write_whole(folder / name, packed, sync=False)
    return {"file": name, "items": len(lines), "sha256": hashlib.sha256(packed).hexdigest()}


def _read_body(folder: Path) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode((folder / SNAPSHOT).read_bytes())
    return body


def _write_body(folder: Path, body: Mapping[str, Any], cutter: Redactor) -> str:
    """Last of all: what it lists is on disk before it is."""
    with writing(folder / SNAPSHOT):
        sync_folder(folder)
    data = json_bytes({**body, "redactions": dict(sorted(cutter.counts.items()))})
    write_whole(folder / SNAPSHOT, data)
    return hashlib.sha256(data).hexdigest()


def _shortened(path: Path, objects: Sequence[Resource], keep: Collection[ObjectRef]) -> tuple[list[bytes], int]:
    """Each line, or what was read back from it, whose typed fields are all that is kept of most."""
    whole = gzip.decompress(path.read_bytes()).splitlines()
    lines = [line if obj.ref in keep else msgspec.json.encode(obj) for line, obj in zip(whole, objects, strict=True)]
    return lines, sum(obj.ref not in keep for obj in objects)
