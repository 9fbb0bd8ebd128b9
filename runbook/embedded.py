"""The embedded cluster as a child process: started by argv, spoken to over its pipes, ended by pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from runbook.errors import RunbookError, ScenarioError


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of a scenario: its name, the stages a person would run there, and whether those may act."""

    name: str
    stages: tuple[str, ...]
    acts: bool = False


class EmbeddedCluster:
    """One embedded cluster for the length of a `with` block.

    Its state (kubeconfig, effective inventory, request log) lies in a private folder that goes away with it. The
    process is a group of its own, so that a Ctrl-C meant for this program does not end the cluster in mid-stage.
    """

    def __init__(
        self,
        scenario: str,
        *,
        time_scale: float,
        person: bool = True,
        until: str = "",
        ending: str = "seed",
        edits: str = "all",
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="runbook-rehearsal-")
        self.state = Path(self._folder.name)
        argv = [sys.executable, "-m", "runbook.rehearsal", "--scenario", scenario, "--time-scale", str(time_scale)]
        argv += ["--state", str(self.state), "--control"]
        argv += ["--person"] if person else []
        argv += ["--until", until] if until else []
        argv += ["--ending", ending, "--person-edits", edits]
        self._errors = (self.state / "cluster.log").open("wb")
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, start_new_session=True
        )
        try:
            self.ready = self._expect("ready")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def inventory(self) -> Path:
        """The effective inventory: the scenario's, with this process's ports and folders filled in."""
        return Path(self.ready["inventory"])

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig any client can use."""
        return Path(self.ready["kubeconfig"])

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The scenario's frames in order."""
        return tuple(Frame(f["name"], tuple(f["stages"]), bool(f.get("acts"))) for f in self.ready.get("frames", ()))

    def wait_for_frame(self, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any] | None:
        """Wait until the next frame's condition holds; None when the scenario has ended. `tell` gets every event."""
        return self._expect("frame", tell=tell, or_end=True)

    def proceed(self) -> None:
        """Let the scenario's person act and the night go on."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("next\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise RunbookError("the embedded cluster ended unexpectedly", hint=self._last_words()) from error

    def close(self) -> None:
        """End the process (by pid) and remove its folder."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            _close_quietly(pipe)
        self._errors.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _expect(
        self, event: str, *, tell: Callable[[dict[str, Any]], None] | None = None, or_end: bool = False
    ) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message: dict[str, Any] = json.loads(line)
            if tell is not None:
                tell(message)
            if message.get("event") == event:
                return message
            if message.get("event") == "end" and or_end:
                return {}
            if message.get("event") == "error":
                raise ScenarioError(str(message.get("message")), hint=str(message.get("hint", "")))
        code = self._process.wait()
        kind = ScenarioError if code == 2 else RunbookError
        raise kind(f"the embedded cluster ended before it was {event} (exit {code})", hint=self._last_words())

    def _last_words(self) -> str:
        self._errors.flush()
        path = self.state / "cluster.log"
        lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
        return lines[-1][:400] if lines else "It said nothing."


def _close_quietly(pipe: IO[str] | None) -> None:
    if pipe is not None:
        try:
            pipe.close()
        except BrokenPipeError:
            os.sync()
