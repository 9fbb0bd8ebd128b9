"""What the kernel says while it works, passed on to the one who listens to this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook.stage.telling import Teller

_PAUSE = 0.1  # seconds between two looks at the file
_VERBS = ("action", "generate", "success", "warning", "failure")


@contextmanager
def relayed(path: Path, talk: Teller) -> Iterator[None]:
    """Pass every line of the kernel's file on, for the length of a `with` block and to its last line."""
    path.touch(mode=0o600)
    done = threading.Event()
    reader = threading.Thread(target=_follow, args=(path, talk, done), daemon=True)
    reader.start()
    try:
        yield
    finally:
        done.set()
        reader.join(timeout=2)


def _follow(path: Path, talk: Teller, done: threading.Event) -> None:
    with path.open(encoding="utf-8") as file:
        rest = ""
        while True:
            over = done.wait(_PAUSE)
            *lines, rest = (rest + file.read()).split("\n")
            for line in lines:
                _pass(line, talk)
            if over:
                return


def _pass(line: str, talk: Teller) -> None:
    said = json.loads(line)
    if said["verb"] == "waiting":
        talk.waiting(said["stage"], said["sentence"], done=said.get("done"), total=said.get("total"))
    elif said["verb"] in _VERBS:
        getattr(talk, said["verb"])(said["stage"], said["sentence"])
