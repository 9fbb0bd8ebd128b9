"""The contract with kubectl: every command of commands.txt, on whatever cluster the fixture names."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import pytest

AT_LEAST = 30


@dataclass
class Command:
    """One block of commands.txt."""

    line: str
    exits: tuple[int, ...] = (0,)
    everywhere: list[str] = field(default_factory=list)
    here: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    only_here: bool = False


def read(text: str) -> list[Command]:
    commands: list[Command] = []
    for number, line in enumerate(text.splitlines(), 1):
        word, _, rest = line.partition(" ")
        if not line.strip() or word == "#":
            continue
        if word == "$":
            commands.append(Command(rest))
        elif word == "exit":
            commands[-1].exits = tuple(int(code) for code in rest.split("|"))
        elif line == "only here":
            commands[-1].only_here = True
        else:
            kinds = {"has": commands[-1].everywhere, "here": commands[-1].here, "not": commands[-1].absent}
            assert word in kinds, f"commands.txt:{number}: {line}"
            kinds[word].append(rest)
    return commands


COMMANDS = read(Path(__file__).with_name("commands.txt").read_text(encoding="utf-8"))


def test_there_are_enough_commands_and_each_expects_something() -> None:
    assert len({command.line for command in COMMANDS}) == len(COMMANDS) >= AT_LEAST
    assert [c.line for c in COMMANDS if not (c.everywhere or c.here or c.absent)] == []


def fill(text: str, names: dict[str, str]) -> str:
    """Placeholders replaced; kubectl's own braces left alone. Skips when the cluster has no such object."""

    def name(match: re.Match[str]) -> str:
        if match[1] not in names:
            pytest.skip(f"the cluster has no {match[1]} to ask about")
        return names[match[1]]

    return re.sub(r"\{(namespace|pod|service|ingress|release|node)\}", name, text)


@pytest.mark.parametrize("command", COMMANDS, ids=[command.line for command in COMMANDS])
def test_kubectl_reads(cluster, command: Command) -> None:
    if command.only_here and not cluster.embedded:
        pytest.skip("only on the embedded cluster")
    names = dict(cluster.names)
    arguments = shlex.split(fill(command.line, names))
    assert arguments[0] == "kubectl"
    done = cluster.kubectl(*arguments[1:])
    output = done.stdout + done.stderr
    assert done.returncode in command.exits, output
    expected = command.everywhere + (command.here if cluster.embedded else [])
    missing = [rule for rule in expected if not re.search(fill(rule, names), output, re.MULTILINE)]
    assert missing == [], output
    assert [rule for rule in command.absent if re.search(rule, output, re.MULTILINE)] == [], output
