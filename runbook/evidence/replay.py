"""Recorded observations as the same typed snapshot, with no cluster; and the proof that they are what was recorded."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from runbook.domain import inquiries, probes
from runbook.domain.collecting import held_back
from runbook.domain.kinds import KINDS, named
from runbook.domain.probes import SoakWindow
from runbook.errors import EvidenceError, RunFolderError
from runbook.evidence.files import moment
from runbook.evidence.observations import PROVED, SCHEMA, SNAPSHOT, SOAK
from runbook.model import Gap, ObjectRef, Snapshot


def load_snapshot(attempt: Path, *, part: str | None = None, only: Collection[str] | None = None) -> Snapshot:
    """The snapshot of an attempt's folder: its last look with the measured quiet, or one `part`: "" is the first look.

    With `only`, no more than the objects of these kinds are read: a hundredth of a large cluster may be enough.
    Raises RunFolderError when there is none, or it is truncated, foreign or of a newer schema.
    """
    snapshot = load_folder(_folder(attempt, part), only=only)
    soak = attempt / "observations" / SOAK
    if part == "" or not soak.is_file():
        return snapshot
    try:
        windows = tuple(msgspec.json.decode(line, type=SoakWindow) for line in _bytes(soak).splitlines())
    except msgspec.MsgspecError as error:
        raise RunFolderError(f"{soak} lacks or misstates {error}", hint="It was cut or altered.") from error
    return replace(snapshot, objects={**snapshot.objects, "SoakWindow": windows})


def observations_digest(attempt: Path, *, part: str | None = None) -> str:
    """SHA-256 of snapshot.json after every file it lists was compared with its hash; raises EvidenceError on a difference."""
    folder = _folder(attempt, part)
    body, data = _body(folder)
    for kind, entry in body["kinds"].items():
        if hashlib.sha256(_bytes(folder / entry["file"])).hexdigest() != entry["sha256"]:
            raise EvidenceError(f"{folder / entry['file']} is not what was recorded of {kind}", hint="It was altered.")
    return hashlib.sha256(data).hexdigest()


def load_folder(folder: Path, *, only: Collection[str] | None = None) -> Snapshot:
    """The snapshot of one observations folder, or what it holds of some kinds."""
    body, _ = _body(folder)
    try:
        wanted = {k: e for k, e in body["kinds"].items() if only is None or k in only}
        with held_back():
            objects = {kind: _objects(folder, kind, entry) for kind, entry in wanted.items()}
        return Snapshot(
            moment(body["observed_at"]),
            body["cluster"],
            objects,
            {kind: Gap(g["what"], g["why"], g.get("permission", "")) for kind, g in body["gaps"].items()},
            tuple((ObjectRef(m["kind"], m["namespace"], m["name"]), m["why"]) for m in body["malformed"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.MsgspecError) as error:
        raise RunFolderError(f"{folder} lacks or misstates {error}", hint="It was cut or altered.") from error


def _folder(attempt: Path, part: str | None) -> Path:
    looks = attempt / "observations"
    if part is None:
        part = PROVED if (looks / PROVED / SNAPSHOT).is_file() else ""
    return looks / part


def _body(folder: Path) -> tuple[dict[str, Any], bytes]:
    data = _bytes(folder / SNAPSHOT)
    try:
        body = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise RunFolderError(f"{folder / SNAPSHOT} is truncated or not JSON: {error}") from error
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        schema = body.get("schema") if isinstance(body, dict) else None
        raise RunFolderError(f"{folder / SNAPSHOT} has the schema {schema!r}, this version reads {SCHEMA}")
    return body, data


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise RunFolderError(
            f"{path.parent} holds no {path.name}", hint="This attempt recorded no observation."
        ) from None
    except OSError as error:
        raise EvidenceError(f"{path} could not be read: {error.strerror}") from error


def _objects(folder: Path, kind: str, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    data = _bytes(folder / entry["file"])
    if entry["file"].endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise RunFolderError(f"{folder / entry['file']} is truncated: {error}") from error
    lines = data.splitlines()
    if len(lines) != entry["items"]:
        raise RunFolderError(
            f"{folder / entry['file']} holds {len(lines)} of {entry['items']} objects: it is truncated"
        )
    struct = KINDS[kind].struct if kind in KINDS else _probes()[kind]
    decoder = msgspec.json.Decoder(struct)
    found = (decoder.decode(line) for line in lines)
    return tuple(named(kind, one) for one in found) if kind in KINDS else tuple(found)


@cache
def _probes() -> dict[str, type[Any]]:
    found = (*vars(probes).values(), *vars(inquiries).values())
    classes = (c for c in found if isinstance(c, type) and issubclass(c, probes.ProbeResult))
    return {getattr(c, "KIND", c.__name__): c for c in classes}
