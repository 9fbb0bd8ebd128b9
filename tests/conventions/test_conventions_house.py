"""The house's own rules: file sizes, names, words, and the ledger of what is proved."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "core", "manager", "misc", "tools"}
MODULES = sorted(p for p in (Path(__file__).parents[2] / "runbook").rglob("*.py"))


def _ids(paths: list[Path]) -> list[str]:
    return [str(p.relative_to(Path(__file__).parents[2])) for p in paths]


@pytest.mark.parametrize("path", MODULES, ids=_ids(MODULES))
def test_module_is_small_named_and_says_why_it_is_there(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    assert path.stem not in VAGUE
    assert ast.get_docstring(ast.parse(text)), "a module docstring says why the module exists"


def _tracked(root: Path) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
    )
    return [root / line for line in listing.stdout.splitlines() if (root / line).is_file()]


def test_no_file_depends_on_one_machine_or_on_what_lies_outside_the_repository(root: Path) -> None:
    machine = re.compile(r"/(?:work|farm)/(?:main|sha" + r"red|\.)|/root/\.|" + re.escape("../" + "shared"))
    found = [
        str(path.relative_to(root))
        for path in _tracked(root)
        if path.suffix in {".py", ".md", ".ipynb", ".toml", ".yaml", ".yml", ".json", ".txt", ".sh"}
        and path.name != "uv.lock"
        and machine.search(path.read_text(errors="replace"))
    ]
    assert found == []


def test_nothing_large_is_committed_and_no_package(root: Path) -> None:
    tracked = [path for path in _tracked(root) if path.is_file()]
    assert [path.name for path in tracked if path.suffix == ".whl"] == []
    assert [path.name for path in tracked if path.stat().st_size > 3_000_000] == []


def test_no_private_key_is_committed(root: Path) -> None:
    # Built from two halves, so that this file does not find itself.
    marker = "PRIVATE" + " KEY-----\n"
    found = [
        str(p.relative_to(root))
        for p in _tracked(root)
        if p.stat().st_size < 2_000_000 and ("-----BEGIN" in (t := p.read_text(errors="replace")) and marker in t)
    ]
    assert found == []


def test_no_exception_is_swallowed(root: Path) -> None:
    pattern = re.compile(r"except (?:Exception|BaseException)?\s*(?:as \w+)?:\s*\n\s+(?:pass|continue)\b")
    assert [str(p.relative_to(root)) for p in MODULES if pattern.search(p.read_text())] == []


def test_committed_notebooks_hold_no_output(root: Path) -> None:
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text())["cells"]
        assert not [c for c in cells if c.get("outputs") or c.get("execution_count")], path.name


@pytest.fixture(scope="module")
def rows(root: Path) -> dict[str, dict[str, object]]:
    return tomllib.loads((root / "tests/conformance.toml").read_text())


class TestLedger:
    """tests/conformance.toml: 234 rows, each proved by a test that exists or owed with a reason."""

    def test_every_item_has_one_row(self, rows: dict[str, dict[str, object]]) -> None:
        wanted = [f"E{n}" for n in range(1, 195)] + [f"T{n}" for n in range(1, 33)] + [f"K{n}" for n in range(1, 9)]
        assert sorted(rows) == sorted(wanted)

    def test_a_row_is_proved_or_owed_never_both(self, rows: dict[str, dict[str, object]]) -> None:
        for name, row in rows.items():
            assert row.get("what"), name
            proved, owed = {"check", "tests"} <= set(row), "owed" in row
            assert proved != owed, name

    def test_no_test_proves_more_than_four_rows(self, rows: dict[str, dict[str, object]]) -> None:
        counted = Counter(str(t) for row in rows.values() for t in row.get("tests", []))  # type: ignore[attr-defined]
        assert {t: n for t, n in counted.items() if n > 4} == {}

    def test_every_named_test_exists(self, rows: dict[str, dict[str, object]], root: Path) -> None:
        missing = []
        for name, row in rows.items():
            for node in row.get("tests", []):  # type: ignore[attr-defined]
                path, *parts = re.sub(r"\[.*\]$", "", str(node)).split("::")
                text = (root / path).read_text() if (root / path).is_file() else ""
                if not parts or not all(re.search(rf"(?:def|class) {re.escape(p)}\b", text) for p in parts):
                    missing.append((name, node))
        assert missing == []

    def test_every_named_check_exists(self, rows: dict[str, dict[str, object]]) -> None:
        from lies import LIES

        from runbook.checks import CHECKS

        known = {*CHECKS, *LIES}
        unknown = {n: r["check"] for n, r in rows.items() if "check" in r and r["check"] not in known}
        assert unknown == {}
