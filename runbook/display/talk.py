"""What a command says while it works, on stderr: six verbs, a stage in a fixed column, one sentence.

On a terminal a wait is one line rewritten in place (rich), with a bar where a total is known; in a log it is one line
at its start, and the next verb is its end. In a Jupyter kernel it is one plain output that is updated, never a widget,
because a widget is a dead view in an archive.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from runbook.display.texts import ascii_text, one_line, wrap

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

_STAGE = 10
_KEPT = 40  # lines a kernel's output keeps


@dataclass(frozen=True, slots=True)
class Verb:
    """One of flux's six verbs of output, with the mark for ASCII and the colour of its glyph."""

    glyph: str
    ascii: str
    colour: str


ACTION = Verb("►", ">", "blue")
GENERATE = Verb("✚", "+", "blue")
WAITING = Verb("◎", "o", "cyan")
SUCCESS = Verb("✔", "v", "green")
WARNING = Verb("⚠", "!", "yellow")
FAILURE = Verb("✗", "x", "red")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Talk:
    """Says what is done. `stream` is stderr; `now` is the clock of a log's lines.

    `FORCE_COLOR` colours a log, `NO_COLOR` (any value but an empty one) nothing; `TERM=dumb`, or an encoding that
    lacks the glyphs, gets ASCII.
    """

    _live: ClassVar[Live | None] = None

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        now: Callable[[], datetime] = _utc_now,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._now = now
        self._environ = os.environ if environ is None else environ
        self._waits_for = ""
        self._lines: list[str] = []
        self._handle: Any = None

    def action(self, stage: str, sentence: str) -> None:
        """► Begins or does something."""
        self._say(ACTION, stage, sentence)

    def generate(self, stage: str, sentence: str) -> None:
        """✚ Writes a file."""
        self._say(GENERATE, stage, sentence)

    def success(self, stage: str, sentence: str) -> None:
        """✔ Succeeded."""
        self._say(SUCCESS, stage, sentence)

    def warning(self, stage: str, sentence: str) -> None:
        """⚠ Look here."""
        self._say(WARNING, stage, sentence)

    def failure(self, stage: str, sentence: str) -> None:
        """✗ Failed."""
        self._say(FAILURE, stage, sentence)

    def waiting(self, stage: str, sentence: str, *, done: float | None = None, total: float | None = None) -> None:
        """◎ Waits. Called again it rewrites its line; `done` of `total` draws a bar on a terminal."""
        if self._in_kernel():
            self._update_kernel(WAITING, stage, sentence)
        elif self._is_live():
            self._rewrite(stage, sentence, done, total)
        elif self._waits_for != stage:
            self._write(WAITING, stage, sentence)
        self._waits_for = stage

    def close(self) -> None:
        """End a wait that is being rewritten, so that the terminal is left clean."""
        if Talk._live is not None:
            Talk._live.stop()
            Talk._live = None
        self._waits_for = ""

    def _say(self, verb: Verb, stage: str, sentence: str) -> None:
        if self._in_kernel():
            self._update_kernel(verb, stage, sentence)
            self._waits_for = ""
            return
        self.close()
        self._write(verb, stage, sentence)

    def _is_live(self) -> bool:
        return self._stream.isatty() and self._environ.get("TERM") != "dumb"

    def _is_ascii(self) -> bool:
        if self._environ.get("TERM") == "dumb":
            return True
        try:
            "►✚◎✔⚠✗".encode(self._stream.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return True
        return False

    def _has_colour(self) -> bool:
        if self._environ.get("NO_COLOR"):
            return False
        return bool(self._environ.get("FORCE_COLOR")) or self._is_live()

    def _write(self, verb: Verb, stage: str, sentence: str) -> None:
        live, plain = self._is_live(), self._is_ascii()
        glyph = verb.ascii if plain or not live else verb.glyph
        paint = ("\x1b[" + _SGR[verb.colour] + "m", "\x1b[0m") if self._has_colour() else ("", "")
        stamp = "" if live else f"{self._now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} "
        lines = self._sentence(sentence, live)
        shown = ascii_text(one_line(stage)) if plain else one_line(stage)
        head = f"{stamp}{paint[0]}{glyph}{paint[1]} {shown:<{_STAGE}} "
        indent = " " * (len(stamp) + 2 + max(_STAGE, len(shown)) + 1)
        text = ("\n" + indent).join(lines)
        self._stream.write(f"{head}{ascii_text(text) if plain else text}\n")
        self._stream.flush()

    def _sentence(self, sentence: str, live: bool) -> list[str]:
        parts = [one_line(part) for part in sentence.split("\n") if part.strip()] or [""]
        if not live:
            return [" ".join(parts)]  # one event, one line: a log is read by grep
        room = max(30, self._columns() - _STAGE - 3)
        return [line for part in parts for line in wrap(part, room)]

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError, AttributeError):
            return 100

    def _rewrite(self, stage: str, sentence: str, done: float | None, total: float | None) -> None:
        from rich.console import Console
        from rich.live import Live

        if Talk._live is None:
            colour = "standard" if self._has_colour() else None
            console = Console(file=self._stream, force_terminal=True, color_system=colour, highlight=False)  # type: ignore[arg-type]
            Talk._live = Live(
                console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            Talk._live.start()
            console.show_cursor(True)  # a process that dies here must not leave a terminal without a cursor
        Talk._live.update(self._wait_line(stage, sentence, done, total), refresh=True)

    def _wait_line(self, stage: str, sentence: str, done: float | None, total: float | None) -> Text:
        from rich.text import Text

        plain = self._is_ascii()
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(WAITING.ascii if plain else WAITING.glyph, style=WAITING.colour)
        said = f" {one_line(stage):<{_STAGE}} {one_line(sentence)}"
        line.append(ascii_text(said) if plain else said)
        if done is not None and total:
            line.append("  " + _bar(done / total, plain))
        return line

    def _in_kernel(self) -> bool:
        if self._stream is not sys.stderr or "ipykernel" not in sys.modules:
            return False
        from IPython import get_ipython

        shell = get_ipython()
        return shell is not None and hasattr(shell, "kernel")

    def _update_kernel(self, verb: Verb, stage: str, sentence: str) -> None:
        line = f"{verb.glyph} {one_line(stage):<{_STAGE}} {one_line(sentence)}"
        if self._waits_for == stage and self._lines and self._lines[-1].startswith(WAITING.glyph):
            self._lines[-1] = line
        else:
            self._lines.append(line)
        shown = {"text/plain": "\n".join(self._lines[-_KEPT:])}
        if self._handle is None:
            from IPython.display import display

            self._handle = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown, raw=True)


_SGR = {"blue": "34", "cyan": "36", "green": "32", "yellow": "33", "red": "31"}


def _bar(share: float, plain: bool) -> str:
    full = round(max(0.0, min(1.0, share)) * 20)
    return ("=" * full + "-" * (20 - full)) if plain else ("━" * full + "╌" * (20 - full))
