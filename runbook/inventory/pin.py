"""After a rebuild: the old and the new cluster side by side, and the new UID as a visible diff."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ruamel.yaml import YAML, nodes
from ruamel.yaml.error import YAMLError

from runbook.domain import yamltext
from runbook.domain.cluster import Node
from runbook.domain.durations import human
from runbook.errors import InventoryError
from runbook.inventory.load import InventoryFile
from runbook.model import Snapshot

_PLAIN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z][\w-]*")


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
    """The text with the UID put where YAML itself finds `cluster`; refused when it would then say anything else."""
    cluster = _value(YAML().compose(file.text), "cluster")
    if not isinstance(cluster, nodes.MappingNode):
        raise _unsafe(file)
    start = end = cluster.start_mark.index
    old = _value(cluster, "uid")
    if isinstance(old, nodes.ScalarNode):
        start, end = old.start_mark.index, old.end_mark.index
        written = json.dumps(uid) if old.style in ('"', "'") else _scalar(uid)
    elif cluster.flow_style:
        start = end = start + 1
        written = f"uid: {_scalar(uid)}, "
    else:
        written = f"uid: {_scalar(uid)}\n" + " " * cluster.start_mark.column
    text = file.text[:start] + written + file.text[end:]
    before, after = _data(file.text), _data(text)
    before["cluster"]["uid"] = uid
    if before != after:
        raise _unsafe(file)
    return text


def _value(mapping: Any, key: str) -> Any:
    pairs = mapping.value if isinstance(mapping, nodes.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _scalar(text: str) -> str:
    """The text plain where YAML reads it back as itself, else quoted."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _data(text: str) -> Any:
    try:
        return yamltext.load(text)
    except YAMLError:
        return None


def _unsafe(file: InventoryFile) -> InventoryError:
    return InventoryError("its `cluster:` cannot be edited safely; write `uid:` below it by hand", field=str(file.path))


def _nodes(snapshot: Snapshot) -> list[str]:
    out = []
    for node in snapshot.seen(Node):
        runtime = node.status.node_info.container_runtime_version or "runtime unknown"
        out.append(f"{node.metadata.name}, {runtime}, {_age(node.metadata.creation_timestamp, snapshot.observed_at)}")
    return out


def _age(born: datetime | None, now: datetime) -> str:
    return f"{human((now - born).total_seconds())} old" if born else "age unknown"
