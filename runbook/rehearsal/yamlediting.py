"""Edits of YAML files as a careful person makes them: comments, quotes and layout stay, so that the diff is the edit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

WIDTH = 4096  # a long line is left as long as it is
_SET_IN = re.compile(r"^( *)[^ #\n-][^\n]*:[ ]*\n(?:[ ]*#[^\n]*\n)*\1  - ", re.MULTILINE)


def editor(text: str) -> YAML:
    """A round-trip reader and writer that indents lists as the text does."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    if _SET_IN.search(text):
        yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def edit(path: Path, change: Callable[[list[Any]], bool], *, name: str = "") -> str:
    """Let `change` edit a file's documents in place; the unified diff, empty when it changed nothing.

    `name` is what the diff calls the file, by default its own name.
    """
    before = path.read_text(encoding="utf-8")
    yaml = editor(before)
    documents = list(yaml.load_all(before))
    if not change(documents):
        return ""
    out = StringIO()
    yaml.dump_all(documents, out)
    path.write_text(out.getvalue(), encoding="utf-8")
    return diff(name or path.name, before, out.getvalue())


def diff(name: str, before: str, after: str) -> str:
    """A unified diff under git's prefixes."""
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{name}", f"b/{name}")
    return "".join(lines)


def at(document: Any, dotted: str) -> Any:
    """The value at a dotted path, or None."""
    for part in dotted.split("."):
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def put(document: Any, dotted: str, value: Any) -> bool:
    """Set a dotted path; whether that changed anything."""
    *parents, last = dotted.split(".")
    for part in parents:
        document = document.setdefault(part, {})
    if document.get(last) == value:
        return False
    document[last] = value
    return True
