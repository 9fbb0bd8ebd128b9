"""The next act of a first cause: the catalogue's sentence and command with the observed names filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from runbook.diagnosis.causetypes import Cause
from runbook.model import NextAct, ObjectRef

_SLOT = re.compile(r"(?<!\$)\{([a-z_]+)\}")
_NO_SHELL = re.compile(r"[^A-Za-z0-9._:/@=,+-]")


def next_act(cause: Cause, object_: ObjectRef, captures: Mapping[str, str]) -> NextAct:
    """Fill the slots. A name that was not observed stays a placeholder in angle brackets, never a guess."""
    known = {
        **captures,
        "kind": captures.get("kind") or object_.kind,
        "name": object_.name,
        "namespace": object_.namespace,
    }

    def word(match: re.Match[str]) -> str:
        return known.get(match[1]) or f"<{match[1].replace('_named', '')}>"

    def typed(match: re.Match[str]) -> str:
        # A captured text comes from the cluster: nothing of it may mean something to a shell.
        value = known.get(match[1], "")
        return _NO_SHELL.sub("", value) or match[1].replace("_named", "").upper()

    text = " ".join(_SLOT.sub(word, cause.next.text).split())
    command = _SLOT.sub(typed, cause.next.command)
    if not object_.namespace:
        command = command.replace(" -n NAMESPACE", "")
    return NextAct(text, command, cause.next.safe)
