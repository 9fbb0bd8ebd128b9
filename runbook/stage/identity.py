"""Which cluster this is, whose it is and what time it has: asked before anything else, and compared with the inventory."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook.clients.kubernetes import KubeClient, connect
from runbook.domain.probes import ServerInfo
from runbook.errors import ClusterIdentityError, ParameterError
from runbook.inventory.load import InventoryFile, load

NO_INVENTORY = (
    "Set `inventory` in the parameters cell to the path of your inventory and run it again, or start Lab with\n"
    "    runbook lab -i my.yaml\n"
    "`runbook inventory init > my.yaml` writes a starter inventory of the cluster your kubeconfig names;\n"
    "`runbook lab --rehearse` needs no cluster at all."
)


@dataclass(frozen=True)
class Reached:
    """A cluster that was reached and is the one that was meant."""

    client: KubeClient
    server: ServerInfo
    now: Callable[[], datetime]
    scale: float


def utc_now() -> datetime:
    """Real time."""
    return datetime.now(UTC)


def who() -> str:
    """The operator's login name; RUNBOOK_WHO says it for an automation."""
    try:
        return os.environ.get("RUNBOOK_WHO") or getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def how() -> str:
    """`runner`, `lab`, `papermill` or `replay`: who started this kernel.

    A papermill that was started from a notebook inherits Lab's environment; the parent's command line tells them apart.
    """
    if os.environ.get("RUNBOOK_REPLAY"):
        return "replay"
    if os.environ.get("RUNBOOK_HOW") == "runner":
        return "runner"
    if not os.environ.get("JPY_SESSION_NAME"):
        return "papermill"
    try:
        parent = Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
    except OSError:
        parent = b""
    return "papermill" if b"papermill" in parent else "lab"


def read_inventory(path: str, *, today: datetime | None = None) -> InventoryFile:
    """The inventory a parameter names. Raises ParameterError when none is named, InventoryError when it cannot be meant."""
    if not path:
        raise ParameterError("no inventory is named, so nothing can be asked", field="inventory", hint=NO_INVENTORY)
    return load(Path(path).expanduser(), today=(today or utc_now()).date())


def reach(file: InventoryFile, *, kubeconfig: str = "", context: str = "") -> Reached:
    """Connect, identify, compare the UID, take the clock. Raises KubeconfigError or ClusterIdentityError (exit 2)."""
    cluster = file.inventory.cluster
    client = connect(
        kubeconfig=kubeconfig or None, context=context or cluster.context or None, resolve=file.inventory.resolve
    )
    try:
        server = client.identify()
        _compare(server, file)
        scale = client.clock().scale if cluster.clock == "server" else 1.0
    except BaseException:
        client.close()
        raise
    return Reached(client, server, (lambda: client.clock().now) if cluster.clock == "server" else utc_now, scale)


def _compare(server: ServerInfo, file: InventoryFile) -> None:
    cluster = file.inventory.cluster
    if cluster.uid and server.uid != cluster.uid:
        raise ClusterIdentityError(
            f"this is another cluster: UID {server.uid[:8]} at {server.server}, the inventory pins {cluster.uid[:8]} as "
            f"{cluster.name}. Nothing was touched.",
            hint=f"If the rebuild made it: `runbook inventory pin -i {file.path}` shows old and new, and writes the change.",
        )
