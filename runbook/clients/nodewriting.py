"""One file on a node, through its transport: written beside and renamed, never through a link that leaves the node's root."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runbook.clients.noderoot import NodeRoot
from runbook.clients.permit import Permit
from runbook.errors import ActionError, ObservationError, RefusedError
from runbook.inventory.model import NodeEntry

MODE = 0o644  # container runtimes read it as root, people look at it as themselves


def read_file(node: NodeEntry, base: Path, path: str) -> bytes | None:
    """A node's file, or None when it is not there. Raises ObservationError when the node cannot be read."""
    return _root(node, base).read(path.lstrip("/"))


def write_file(node: NodeEntry, base: Path, path: str, data: bytes, permit: Permit) -> None:
    """Write a node's file whole or not at all, with its folders. Raises RefusedError, or ActionError naming the cause."""
    what = f"write {path} on node {node.name}"
    try:
        target = _root(node, base).real(path.lstrip("/"))
    except ObservationError as error:
        raise RefusedError(what, error.why) from error
    permit.spend(what, identity(node, path), f"WRITE {identity(node, path)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".ca.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(MODE)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ActionError(what, f"it could not be written: {error.strerror or error}") from error


def identity(node: NodeEntry, path: str) -> str:
    """What a permit for a node's file is bound to, in place of an object's uid."""
    return f"{node.name}:{path}"


def _root(node: NodeEntry, base: Path) -> NodeRoot:
    what = f"files of node {node.name}"
    if node.transport.kind == "none":
        raise ObservationError(what, "no transport: the inventory names no way to its files")
    return NodeRoot((base / node.transport.root).resolve(), what)
