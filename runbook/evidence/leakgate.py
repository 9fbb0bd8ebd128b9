"""The last gate: finished files are read once more, and one that holds a secret is withheld. It fails closed.

Known values are looked for as they are, in base64, in JSON and HTML spelling; known shapes in the text and inside
base64 runs. A leak is told by its kind and place, never by its value.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from runbook.errors import EvidenceError
from runbook.evidence.searches import matches, once
from runbook.evidence.shapes import is_telling

SUFFIXES = (".ipynb", ".html", ".json", ".jsonl", ".gz", ".txt", ".log", ".yaml", ".yml", ".md")
_RUN = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
# kubeseal's ciphertexts are public: two bytes of length first, so `Ag…` for RSA 4096 and `AQ…` for RSA 2048.
_SEALED = re.compile(r"A(?<!\wA)[gQ][A-Za-z0-9+/]{300,}={0,2}")
_PICTURE = re.compile(r"(data:image/png;base64,|\"image/png\":\s*\")[A-Za-z0-9+/=\\n\s]+")
_LONGEST_RUN = 8192


@dataclass(frozen=True, slots=True)
class Leak:
    """One secret found in a finished file: which kind, and on which line. `encoded` says that it was in base64."""

    path: Path
    kind: str
    line: int
    encoded: bool = False

    def __str__(self) -> str:
        return f"{self.path.name}, line {self.line}: {self.kind}{' in base64' if self.encoded else ''}"


def leak_gate(paths: Iterable[Path], *, known: Iterable[str] = ()) -> tuple[Leak, ...]:
    """Every secret in the files and folders given. Raises EvidenceError for a file that cannot be read: not clean."""
    spellings = {s for value in known if is_telling(value) for s in _spellings(value)}
    leaks: list[Leak] = []
    for file in searchable(paths):
        leaks += _scan(file, _text(file), spellings)
    return tuple(leaks)


def withhold(leaks: Iterable[Leak]) -> tuple[Path, ...]:
    """Remove each file with a leak and leave a note of the kinds and lines in its place."""
    by_file: dict[Path, list[Leak]] = {}
    for leak in leaks:
        by_file.setdefault(leak.path, []).append(leak)
    for path, found in by_file.items():
        note = path.with_name(path.name + ".withheld.txt")
        lines = [f"{path.name} is withheld: it held {len(found)} secret(s).", *(f"- {leak}" for leak in found)]
        note.write_text("\n".join(lines) + "\n", encoding="utf-8")
        note.chmod(0o600)
        path.unlink(missing_ok=True)
    return tuple(by_file)


def searchable(paths: Iterable[Path]) -> Iterator[Path]:
    """The files given, and those of a kind that may hold words in the folders given."""
    for path in paths:
        if path.is_dir():
            yield from (f for f in sorted(path.rglob("*")) if f.is_file() and f.suffix in SUFFIXES)
        elif path.is_file():
            yield path


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise EvidenceError(f"{path} could not be searched for secrets: {error}") from error
    return data.decode("utf-8", errors="replace")


def _spellings(value: str) -> Iterator[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield html.escape(value)
    yield quote(value, safe="")
    data = value.encode()
    yield data.hex()
    for shift in range(3):  # base64 of a text that contains the value, at each alignment
        coded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        middle = coded[(shift * 8 + 5) // 6 : len(coded) - (1 if (shift + len(data)) % 3 else 0)]
        if len(middle) >= 8:
            yield middle
            yield middle.replace("+", "-").replace("/", "_")


def _scan(path: Path, text: str, spellings: set[str]) -> Iterator[Leak]:
    strings = once(text)
    for value in spellings:
        at = text.find(value) if '"' in value or value in strings else -1
        if at >= 0:
            yield Leak(path, "known value", text.count("\n", 0, at) + 1, value not in text)
    plain = _SEALED.sub("", _PICTURE.sub(r"\1", text) if "image/png" in text else text)
    if plain != text:
        strings = once(plain)
    for kind, begin, _ in matches(plain, strings):
        yield Leak(path, kind, plain.count("\n", 0, begin) + 1)
    inside = {run: kind for run in set(_RUN.findall(strings)) if (kind := _inside(run[:_LONGEST_RUN]))}
    for run in _RUN.finditer(plain) if inside else ():
        if kind := inside.get(run.group(), ""):
            yield Leak(path, kind, plain.count("\n", 0, run.start()) + 1, encoded=True)


def _inside(run: str) -> str:
    """The kind of secret inside a base64 run, or nothing."""
    body = run.rstrip("=")
    try:
        data = base64.b64decode(
            body[: len(body) - len(body) % 4 if len(body) % 4 == 1 else None] + "=" * (-len(body) % 4)
        )
    except (binascii.Error, ValueError):
        return ""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        return ""
    return next((kind for kind, _, _ in matches(text)), "")
