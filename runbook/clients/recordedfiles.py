"""The documents that one file holds, as JSON: from JSON, JSON lines, or YAML of several documents; and where it is broken.

A file of JSON is read once and its items stay slices of it until each is looked at, so a large one costs its own size
and not a tree of all its objects. YAML has no such way: it is read into a tree, and only up to a size where that ends.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from runbook.domain import yamltext
from runbook.errors import UsageError

LARGEST = 500_000_000  # bytes of one file of JSON
LARGEST_YAML = 20_000_000  # bytes of one file of YAML: what is not plain is read at some 200 kB a second
SUFFIXES = (".json", ".yaml", ".yml", ".json.gz")

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def documents(path: Path) -> Iterator[bytes | msgspec.Raw]:
    """Every document of a file as JSON. Raises UsageError naming file, line and column for what is none."""
    content = _content(path)
    if content.lstrip()[:1] in (b"{", b"["):
        try:
            yield from _json(content, path)
        except UsageError:
            if path.suffix not in (".yaml", ".yml"):
                raise
        else:
            return
    yield from _yaml(content, path)


def holds(path: Path) -> str:
    """What a file without any document holds: nothing, or a null that is no object."""
    lines = [line.partition("#")[0].strip() for line in _content(path).decode("utf-8", errors="replace").splitlines()]
    rest = [line.removeprefix("---").strip() for line in lines if line not in ("---", "...")]
    said = " ".join(filter(None, rest))
    return f"holds {said[:20]}, and no object" if said else "the file is empty"


def _content(path: Path) -> bytes:
    """The file's bytes as UTF-8; a file that PowerShell wrote is UTF-16. Never more than the limit is read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content: bytes = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            size = f"{path.stat().st_size} bytes" if path.suffix != ".gz" else "unpacked"
            raise UsageError(
                f"{size}, more than the {LARGEST} that are read from one file",
                field=str(path),
                hint="Save it in parts, one kind or namespace a file, and give them all.",
            )
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"cannot be read: {getattr(error, 'strerror', '') or error}", field=str(path)) from error
    if content[:2] in _UTF16:
        return content.decode("utf-16", errors="replace").encode()
    return content.removeprefix(codecs.BOM_UTF8)


def _json(content: bytes, path: Path) -> Iterator[bytes | msgspec.Raw]:
    try:
        yield msgspec.json.decode(content, type=msgspec.Raw)
    except RecursionError as error:
        raise UsageError("nested too deeply", field=str(path)) from error
    except msgspec.DecodeError as error:
        if "trailing" not in str(error):
            raise _broken(content, path, str(error)) from error
        yield from _several(content, path)


def _several(content: bytes, path: Path) -> Iterator[bytes | msgspec.Raw]:
    """One document after another, as `kubectl get -w -o json` writes them: each on a line, or spread over many."""
    try:
        yield from msgspec.json.Decoder(msgspec.Raw).decode_lines(content)
        return
    except (msgspec.DecodeError, RecursionError):
        pass
    if len(content) > LARGEST_YAML:
        raise _broken(content, path, "several documents, and not one on each line")
    text, at, decoder = content.decode("utf-8", errors="replace"), 0, json.JSONDecoder()
    while at < len(text):
        try:
            document, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            raise _broken(content, path, str(error)) from error
        yield json.dumps(document).encode()
        at += len(text[at:]) - len(text[at:].lstrip())


def _broken(content: bytes, path: Path, why: str) -> UsageError:
    """Where JSON is broken: by line and column, in a file that is too large to be read twice by its end."""
    hint = "Is the file cut off?"
    if len(content) <= LARGEST_YAML:
        text, at, decoder = content.decode("utf-8", errors="replace"), 0, json.JSONDecoder()
        try:
            while at < len(text):
                _, at = decoder.raw_decode(text, at)
                at += len(text[at:]) - len(text[at:].lstrip())
        except json.JSONDecodeError as error:
            return UsageError(f"not JSON: {error.msg}", field=f"{path}:{error.lineno}:{error.colno}", hint=hint)
        except RecursionError:
            return UsageError("nested too deeply", field=str(path))
    line = content.count(b"\n") + 1
    return UsageError(f"not JSON: {why}", field=f"{path} ({len(content)} bytes, {line} lines)", hint=hint)


def _yaml(content: bytes, path: Path) -> Iterator[bytes]:
    if len(content) > LARGEST_YAML:
        raise UsageError(
            f"{len(content)} bytes of YAML; at most {LARGEST_YAML} are read from one file",
            field=str(path),
            hint="Save it with kubectl get -o json: that is read up to half a gigabyte.",
        )
    text = content.decode("utf-8", errors="replace")
    try:
        for document in yamltext.load_all(text):
            if document.data is not None:
                yield _as_json(document.data, len(text), path)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageError(f"not YAML: {error.problem}", field=where) from error
    except (YAMLError, ValueError) as error:
        raise UsageError(f"not YAML: {' '.join(str(error).split())}", field=str(path)) from error
    except RecursionError as error:
        raise UsageError("nested too deeply", field=str(path)) from error


def _as_json(document: Any, size: int, path: Path) -> bytes:
    """YAML's tree as JSON. Aliases may unfold to far more than the file holds: a tree of more nodes than letters is one."""
    nodes, waiting = 0, [document]
    while waiting:
        nodes += 1
        if nodes > size:
            raise UsageError("its aliases unfold to more than the file holds", field=str(path))
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
    return json.dumps(document, default=_plain, skipkeys=True, allow_nan=False).encode()


def _plain(value: Any) -> str:
    """YAML reads times as times; an object's fields have them as texts."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
