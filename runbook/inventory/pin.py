"""After a rebuild: the old and the new cluster side by side, and the new UID as a visible diff."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import datetime

from runbook.domain.cluster import Node
from runbook.domain.durations import human
from runbook.errors import InventoryError
from runbook.inventory.load import InventoryFile
from runbook.model import Snapshot

_UID = re.compile(
    r"^(?P<before>\s*uid:\s*|.*\bcluster:\s*\{.*?\buid:\s*)(?P<uid>\"[^\"]*\"|'[^']*'|[^,}\s#]*)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Change:
    """What pinning would do: the file's new text, the diff (empty when nothing changes), old and new UID, the nodes."""

    old: str
    new: str
    nodes: tuple[str, ...]
    text: str
    diff: str

    def describe(self) -> tuple[str, ...]:
        """Old against new, in sentences."""
        return (f"pinned: {self.old or 'nothing'}", f"live:   {self.new}", *(f"node    {node}" for node in self.nodes))


def pinned(file: InventoryFile, *, uid: str, snapshot: Snapshot) -> Change:
    """The inventory with `cluster.uid` set to the live one; comments and layout stay. Raises InventoryError."""
    old = file.inventory.cluster.uid
    text = file.text if old == uid else _edited(file, uid)
    name = file.path.name
    lines = difflib.unified_diff(file.text.splitlines(True), text.splitlines(True), f"a/{name}", f"b/{name}")
    return Change(old, uid, tuple(_nodes(snapshot)), text, "".join(lines))


def _edited(file: InventoryFile, uid: str) -> str:
    match = _UID.search(file.text)
    if match:
        return file.text[: match.start("uid")] + uid + file.text[match.end("uid") :]
    block = re.search(r"^cluster:[ \t]*\n(?P<indent>[ \t]+)", file.text, re.MULTILINE)
    if block:
        return file.text[: block.end()] + f"uid: {uid}\n{block['indent']}" + file.text[block.end() :]
    flow = re.search(r"^cluster:[ \t]*\{", file.text, re.MULTILINE)
    if flow:
        return file.text[: flow.end()] + f"uid: {uid}, " + file.text[flow.end() :]
    raise InventoryError("its `cluster:` cannot be edited safely; write `uid:` below it by hand", field=str(file.path))


def _nodes(snapshot: Snapshot) -> list[str]:
    out = []
    for node in snapshot.seen(Node):
        runtime = node.status.node_info.container_runtime_version or "runtime unknown"
        out.append(f"{node.metadata.name}, {runtime}, {_age(node.metadata.creation_timestamp, snapshot.observed_at)}")
    return out


def _age(born: datetime | None, now: datetime) -> str:
    return f"{human((now - born).total_seconds())} old" if born else "age unknown"
