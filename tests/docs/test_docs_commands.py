"""Documentation under test: what README tells people to type works, and every command explains itself."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    "rehearse", "cluster", "plan", "apply", "run", "status", "explain", "runs", "show", "replay", "seal", "check-seal", "lab", "execute",
    "inventory", "inventory init", "inventory check", "inventory pin", "inventory amend",
    "causes", "causes search", "causes explain", "causes match",
]  # fmt: skip


def run(*argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runbook", *argv], capture_output=True, text=True, cwd=cwd, timeout=120, check=False
    )


def test_help_lists_exactly_what_is_built() -> None:
    done = run("--help")
    assert done.returncode == 0
    listed = re.findall(r"^  ([a-z][a-z-]+)  ", done.stdout, re.MULTILINE)
    assert sorted(listed) == sorted({c.split()[0] for c in COMMANDS})


def test_help_waits_for_nothing_that_it_does_not_print() -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "runbook", "--help"],
                          capture_output=True, text=True, timeout=120, check=True)  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in imported  # or this sees nothing
    heavy = {
        "msgspec",
        "pydantic",
        "runbook.model",
        "runbook.display.table",
        "runbook.diagnosis.catalogue",
        "papermill",
        "pandas",
    }
    assert not imported & heavy


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_fits_one_screen_and_ends_with_two_examples(command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    lines = done.stdout.rstrip().splitlines()
    assert len(lines) <= 48
    tail = " ".join(lines[-3:])
    assert "Examples:" in tail
    assert tail.count("runbook ") == 2


@pytest.mark.parametrize("command", ["resume", "timeline", "diff", "retro", "ticket"])
def test_a_promised_command_is_refused_by_name(command: str) -> None:
    done = run(command, "x")
    assert done.returncode == 2
    assert f"runbook {command}" in done.stderr
    assert "not built yet" in done.stderr


def test_an_ending_that_is_none_is_refused_by_name() -> None:
    done = run("rehearse", "--ending", "happy")
    assert done.returncode == 2
    assert "happy" in done.stderr
    assert "healed" in done.stderr


def _readme_commands(root: Path) -> list[str]:
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_every_runbook_command_in_the_readme_is_a_real_one(root: Path) -> None:
    """Each option and command README shows is known: the command with --help in place of running it."""
    seen = 0
    for line in _readme_commands(root):
        for part in re.split(r"&&|\||;", line):
            words = shlex.split(part, comments=True)
            if not words or Path(words[0]).name != "runbook":
                continue
            seen += 1
            done = run(*words[1:], "--help")
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            options = {w.split("=")[0] for w in words[1:] if w.startswith("-") and w not in ("-i", "-n")}
            assert all(o in done.stdout for o in options), line
    assert seen >= 4
