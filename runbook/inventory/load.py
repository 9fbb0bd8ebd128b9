"""Reads an inventory. Whatever is wrong with it is one clear sentence with the field's path, before anything is asked."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import Reader

from runbook.domain import yamltext
from runbook.errors import InventoryError
from runbook.inventory.model import Inventory
from runbook.inventory.references import problems

MAX_BYTES = 2_000_000
MAX_VALUES = 1_000_000
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
    for field, message in problems(inventory, path, today):
        raise InventoryError(message, field=f"{path}: {field}", hint=HINT)
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
        data = yamltext.load(text)
        _measure(data, {})
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
        where = _forbidden(text)
        said = f"{where}: a character YAML does not allow" if where else " ".join(str(error).split())[:200]
        raise InventoryError(f"is not YAML: {said}", field=str(path)) from error
    except RecursionError as error:
        raise InventoryError("is nested too deeply to be meant", field=str(path)) from error
    except _EndlessError as error:
        raise InventoryError(str(error), field=str(path)) from error
    if not isinstance(data, dict):
        raise InventoryError(
            "holds no mapping; an inventory begins with `schema: runbook/inventory/v1`", field=str(path)
        )
    return data


class _EndlessError(Exception):
    """What the aliases of a YAML text make of it has no end, or none worth waiting for."""


def _measure(value: Any, sizes: dict[int, int]) -> int:
    """How many values a text stands for once its aliases are followed. Raises _EndlessError."""
    if not isinstance(value, dict | list):
        return 1
    known = sizes.get(id(value))
    if known == 0:
        raise _EndlessError("holds itself: an alias (`*name`) stands inside of what it names (`&name`)")
    if known is None:
        sizes[id(value)] = 0
        parts = value.values() if isinstance(value, dict) else value
        known = sizes[id(value)] = 1 + sum(_measure(part, sizes) for part in parts)
        if known > MAX_VALUES:
            raise _EndlessError(f"stands for more than {MAX_VALUES} values once its aliases are followed")
    return known


def _forbidden(text: str) -> str:
    """Where the first character stands that YAML does not allow, or nothing."""
    found = Reader.NON_PRINTABLE.search(text)
    if found is None:
        return ""
    before = text[: found.start()]
    return f"line {before.count(chr(10)) + 1}, column {found.start() - (before.rfind(chr(10)) + 1) + 1}"


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
