"""Reads an inventory. Whatever is wrong with it is one clear sentence with the field's path, before anything is asked."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from runbook.errors import InventoryError
from runbook.inventory.check_ids import KNOWN_CHECKS
from runbook.inventory.model import Inventory

MAX_BYTES = 2_000_000
HINT = "docs/inventory.md describes every key; `runbook inventory check -i FILE` asks again."


@dataclass(frozen=True, slots=True)
class InventoryFile:
    """An inventory with where it came from. `digest` is the SHA-256 of the file's bytes, hex."""

    inventory: Inventory
    path: Path
    digest: str
    text: str


def load(path: Path, *, today: date) -> InventoryFile:
    """Read and check an inventory. `today` (UTC) decides which waivers have expired. Raises InventoryError."""
    content = _read(path)
    text = _decoded(path, content)
    data = _yaml(path, text)
    inventory = _model(path, data)
    for problem in (*_duplicates(inventory), *_references(inventory), *_expired(inventory, today)):
        raise InventoryError(problem[1], field=f"{path}: {problem[0]}", hint=HINT)
    return InventoryFile(inventory, path.resolve(), hashlib.sha256(content).hexdigest(), text)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InventoryError(f"has more than {MAX_BYTES} bytes", field=str(path))
        return path.read_bytes()
    except FileNotFoundError as error:
        hint = "`runbook inventory init` writes a starter inventory of a live cluster."
        raise InventoryError("there is no such file", field=str(path), hint=hint) from error
    except OSError as error:
        raise InventoryError(f"cannot be read: {error.strerror}", field=str(path)) from error


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InventoryError(f"is not UTF-8 at byte {error.start}", field=str(path)) from error


def _yaml(path: Path, text: str) -> dict[str, Any]:
    try:
        data = YAML(typ="safe").load(text)
    except DuplicateKeyError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise InventoryError(
            f"{where}: the same key twice: {str(error.problem).split(' with')[0]}", field=str(path)
        ) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise InventoryError(f"is not YAML: {where}: {error.problem}", field=str(path)) from error
    except YAMLError as error:
        raise InventoryError(f"is not YAML: {' '.join(str(error).split())[:200]}", field=str(path)) from error
    if not isinstance(data, dict):
        raise InventoryError(
            "holds no mapping; an inventory begins with `schema: runbook/inventory/v1`", field=str(path)
        )
    return data


def _model(path: Path, data: dict[str, Any]) -> Inventory:
    try:
        # JSON mode semantics for sequences (YAML has lists, the model has tuples); scalars stay strict.
        return Inventory.model_validate(_tupled(data))
    except ValidationError as error:
        # A misspelt key explains the missing one beside it: name the misspelling.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        where = _path(first["loc"])
        raise InventoryError(_words(first, data) + more, field=f"{path}: {where}", hint=HINT) from error


def _tupled(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _tupled(v) for k, v in value.items()}
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value


def _words(error: Any, data: Any) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(error["loc"])
    if kind == "missing":
        return "this key is missing"
    if kind == "string_type" and isinstance(error["input"], int | float) and not isinstance(error["input"], bool):
        return f'{error["input"]!r} is a number in YAML; quote it: "{error["input"]}"'
    if kind == "string_pattern_mismatch" and "fingerprint" in str(error["loc"][-1]):
        return "this is no SHA-256 fingerprint: 32 pairs of hex digits"
    if kind == "string_pattern_mismatch":
        return f"{error['input']!r} is not a duration such as 15m or 1h30m"
    message = str(error["msg"]).removeprefix("Input should be ")
    return (
        f"{error['input']!r} should be {message}"
        if not isinstance(error["input"], dict | tuple)
        else f"this should be {message}"
    )


def _unknown(location: tuple[Any, ...]) -> str:
    known = _fields(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    return f"there is no key {location[-1]!r}" + (
        f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known)}"
    )


def _fields(location: Iterable[Any]) -> list[str]:
    """The keys allowed at a place of the model."""
    model: type[BaseModel] = Inventory
    for part in location:
        if isinstance(part, int):
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = next(iter(_models(field.annotation)), None) if field else None
        if inner is None:
            return []
        model = inner
    return sorted(f.alias or n for n, f in model.model_fields.items())


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


def _path(location: Iterable[Any]) -> str:
    """`nodes[1].runtime`."""
    out = ""
    for part in location:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


def _duplicates(inventory: Inventory) -> Iterator[tuple[str, str]]:
    lists: dict[str, list[str]] = {
        "nodes": [n.name for n in inventory.nodes],
        "sources": [f"{s.kind}/{s.namespace}/{s.name}" for s in inventory.sources],
        "kustomizations": [f"{k.namespace}/{k.name}" for k in inventory.kustomizations],
        "releases": [f"{r.namespace}/{r.name}" for r in inventory.releases],
        "services": [s.id for s in inventory.services],
        "infrastructure": [r.id for r in inventory.infrastructure],
        "endpoints": [e.name for e in inventory.endpoints],
        "criteria": [c.id for c in inventory.criteria],
        "waivers": [w.id for w in inventory.waivers],
        "registry.names": list(inventory.registry.names) if inventory.registry else [],
    }
    for name, values in lists.items():
        for value, number in Counter(values).items():
            if number > 1:
                yield name, f"{value!r} stands here {number} times"


def _references(inventory: Inventory) -> Iterator[tuple[str, str]]:
    releases = {f"{r.namespace}/{r.name}" for r in inventory.releases}
    endpoints = {e.name for e in inventory.endpoints}
    for index, service in enumerate(inventory.services):
        if service.release and service.release not in releases:
            yield f"services[{index}].release", f"{service.release!r} is not among the releases"
        if service.endpoint and service.endpoint not in endpoints:
            yield f"services[{index}].endpoint", f"{service.endpoint!r} is not among the endpoints"
    for index, row in enumerate(inventory.infrastructure):
        yield from _checks(f"infrastructure[{index}].also", row.also)
    for index, criterion in enumerate(inventory.criteria):
        yield from _checks(f"criteria[{index}].checks", criterion.checks)
    for index, waiver in enumerate(inventory.waivers):
        yield from _checks(f"waivers[{index}].check", (waiver.check,))
    for host, address in inventory.resolve.items():
        if not all(part.rpartition(":")[2].isdigit() for part in (host, address)):
            yield f"resolve.{host}", f"{host!r}: {address!r} is not host:port: address:port"


def _checks(where: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name not in KNOWN_CHECKS:
            near = difflib.get_close_matches(name, KNOWN_CHECKS, n=1, cutoff=0.4)
            yield where, f"there is no check {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _expired(inventory: Inventory, today: date) -> Iterator[tuple[str, str]]:
    for index, waiver in enumerate(inventory.waivers):
        if waiver.until < today:
            yield f"waivers[{index}].until", f"waiver {waiver.id!r} expired on {waiver.until}: renew it or take it out"
