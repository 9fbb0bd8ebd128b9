"""The example's sealed records, replayed cell by cell in this process, and altered one fact at a time."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

# What a result answers; the rest of it (how long a step took, how much was cut) is not asked again by a replay.
ANSWERS = ("checks", "criteria", "first_causes", "unexplained", "not_evaluated", "actions", "verdict", "cluster_time", "notes")  # fmt: skip
Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Fact:
    """One recorded value: the file, its line (JSON lines) or -1, where in the JSON, and what it says."""

    file: str
    line: int
    where: Path_
    value: Any

    def __str__(self) -> str:
        line = f" line {self.line + 1}" if self.line >= 0 else ""
        return f"{self.file}{line} {'.'.join(map(str, self.where))}: {str(self.value)[:40]!r} → {str(other(self.value))[:40]!r}"


def differing(attempt: Path) -> list[str]:
    """Run the code cells of an attempt's notebook in order, as a kernel would; every cell that says something else, or fails.

    The caller has set RUNBOOK_REPLAY to the attempt's folder.
    """
    from IPython.core.formatters import DisplayFormatter

    formatter, scope, found = DisplayFormatter(), {}, []  # type: ignore[var-annotated, no-untyped-call]
    try:
        notebook: Any = nbformat.read(attempt / "notebook.ipynb", as_version=4)  # type: ignore[no-untyped-call]
        for cell in (c for c in notebook.cells if c.cell_type == "code"):
            shown = _ran(cell.source, scope)
            said = [] if shown is None else [formatter.format(shown)[0]]  # type: ignore[no-untyped-call]
            told = [dict(o.data) for o in cell.outputs if "data" in o]
            if said != told or len(told) != len(cell.outputs):
                found.append(cell.id)
    except Exception as error:  # noqa: BLE001  # whatever stops a replay is an answer: the record does not hold
        found.append(f"{type(error).__name__}: {error}")
    return found


def _ran(source: str, scope: dict[str, Any]) -> Any:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), scope)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), scope)  # type: ignore[attr-defined]


def facts(attempt: Path) -> dict[str, list[Fact]]:
    """Every recorded fact of an attempt, by file."""
    found: dict[str, list[Fact]] = {}
    for path in sorted((attempt / "observations").rglob("*.*")):
        found[str(path.relative_to(attempt))] = list(_of_file(path, attempt))
    found["result.json"] = [f for f in _of_file(attempt / "result.json", attempt) if f.where[0] in ANSWERS]
    cells = [f for f in _of_file(attempt / "notebook.ipynb", attempt) if "data" in f.where]
    found["notebook.ipynb"] = [f for f in cells if str(f.value).strip()]
    return {file: some for file, some in found.items() if some}


def altered(attempt: Path, fact: Fact, folder: Path) -> Path:
    """A copy of the attempt's run with one fact changed, by one who also corrects the hash that stands beside it."""
    run = shutil.copytree(attempt.parent, folder)
    path = run / attempt.name / fact.file
    texts = _read(path).splitlines() if fact.line >= 0 else [_read(path)]
    at = max(0, fact.line)
    data = json.loads(texts[at])
    place = data
    for step in fact.where[:-1]:
        place = place[step]
    place[fact.where[-1]] = other(fact.value)
    texts[at] = json.dumps(data, ensure_ascii=False)
    text = "\n".join(texts) + "\n"
    packed = gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode()
    path.write_bytes(packed)
    _rehash(path, hashlib.sha256(packed).hexdigest())
    return run / attempt.name


def _rehash(path: Path, digest: str) -> None:
    beside = path.parent / "snapshot.json"
    if beside.is_file() and path != beside:
        body = json.loads(beside.read_text())
        for entry in body["kinds"].values():
            entry["sha256"] = digest if entry["file"] == path.name else entry["sha256"]
        beside.write_text(json.dumps(body, ensure_ascii=False))


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if value is None:
        return "altered"
    swapped = {"True": "False", "False": "True", "pass": "fail", "fail": "pass", "error": "pass"}
    return swapped.get(str(value), f"{value} altered")


def chosen(pool: Mapping[str, Mapping[str, list[Fact]]], count: int, seed: int) -> list[tuple[str, Fact]]:
    """`count` facts: what was seen, what was answered and what was shown in turn, each from a file chosen at random."""
    rng = random.Random(seed)
    some = []
    for number in range(count):
        name = rng.choice(sorted(pool))
        seen = sorted(f for f in pool[name] if f.startswith("observations/"))
        file = (rng.choice(seen), "result.json", "notebook.ipynb")[number % 3]
        some.append((name, rng.choice(pool[name][file])))
    return some


def _of_file(path: Path, attempt: Path) -> Iterator[Fact]:
    name = str(path.relative_to(attempt))
    if ".jsonl" in path.name:
        for number, line in enumerate(_read(path).splitlines()):
            yield from (Fact(name, number, where, value) for where, value in _leaves(json.loads(line)))
    else:
        yield from (Fact(name, -1, where, value) for where, value in _leaves(json.loads(_read(path))))


def _read(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def _leaves(value: Any, where: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*where, key))
    elif where:
        yield where, value
