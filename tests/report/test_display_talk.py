"""Talk goes to stderr, data to stdout; a terminal, a log and a dumb terminal each get what they can show."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from runbook.display import Talk

NOW = datetime(2025, 10, 17, 11, 43, 26, tzinfo=UTC)
UTC_LINE = re.compile(r"^2025-10-17T11:43:26Z . verify {4,}\S")


class Screen(io.StringIO):
    """A stream that may be a terminal."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self.terminal, self.named = terminal, encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.named

    def isatty(self) -> bool:
        return self.terminal


def said(*, terminal: bool, encoding: str = "utf-8", **environ: str) -> str:
    screen = Screen(terminal=terminal, encoding=encoding)
    talk = Talk(screen, now=lambda: NOW, environ=environ)
    talk.action("verify", "asks 27 releases")
    talk.generate("verify", "writes → report.html")
    for done in range(3):
        talk.waiting("verify", f"waits {done}", done=done, total=3)
    talk.success("verify", "done")
    talk.warning("verify", "look \x1b[31mhere\nnow")
    talk.failure("verify", "16 of 27")
    talk.close()
    return screen.getvalue()


def test_a_terminal_gets_glyphs_colour_on_the_glyph_and_one_line_rewritten() -> None:
    text = said(terminal=True, TERM="xterm-256color")
    assert "\x1b[34m►\x1b[0m verify" in text
    assert "\x1b[31m✗\x1b[0m verify" in text
    assert "2025-10-17T" not in text
    assert "━" in text or "╌" in text
    assert "\x1b[31mhere" not in text


def test_a_log_gets_utc_in_front_one_line_an_event_and_no_codes() -> None:
    lines = said(terminal=False).splitlines()
    assert len(lines) == 6
    assert all(UTC_LINE.match(line) for line in lines), lines
    assert [line[21] for line in lines] == list(">+ov!x")
    assert "\x1b" not in "".join(lines)
    assert sum("waits" in line for line in lines) == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_no_colour_when_no_color_asks(terminal: bool) -> None:
    text = said(terminal=terminal, NO_COLOR="1", FORCE_COLOR="1", TERM="xterm")
    assert not re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", text)


def test_force_color_colours_a_log() -> None:
    assert "\x1b[34m>\x1b[0m" in said(terminal=False, FORCE_COLOR="1")


@pytest.mark.parametrize(("encoding", "term"), [("utf-8", "dumb"), ("ascii", "xterm"), ("latin-1", "xterm")])
def test_ascii_when_the_terminal_or_its_encoding_asks(encoding: str, term: str) -> None:
    text = said(terminal=True, encoding=encoding, TERM=term)
    assert text.isascii()
    assert "writes -> report.html" in text


def test_data_is_never_talk_and_talk_never_data() -> None:
    code = "from runbook.display import Talk; t = Talk(); t.action('a', 'b'); t.waiting('a', 'c'); t.failure('a', 'd')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not done.stdout
    assert len(done.stderr.splitlines()) == 3
