"""The comparison in the documentation is the one that its command makes, and it is no worse than it was."""

from __future__ import annotations

from pathlib import Path

from benchmarks.against import TOOLS, ours, real, states, table

PAGE = Path(__file__).parents[2] / "docs" / "explaining.md"


def test_the_table_is_what_the_command_prints() -> None:
    for given in (states(), real()):
        assert table(given) in PAGE.read_text(), (
            "run: python -m benchmarks.against, and put its tables into docs/explaining.md"
        )
    assert "python -m benchmarks.against" in PAGE.read_text()


def test_every_state_is_told_right_here_and_by_nobody_else() -> None:
    told = dict.fromkeys(TOOLS, 0)
    for one in states():
        for tool, read in TOOLS.items():
            causes = read(one.state).causes
            told[tool] += causes <= one.right and not any(wanted.isdisjoint(causes) for wanted in one.causes)
    count = len(list(states()))
    assert count >= 37
    assert told.pop("`runbook explain`") == count
    assert max(told.values()) < count
    assert all(ours(one.state).red >= len(one.causes) for one in states())
