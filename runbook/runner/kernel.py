"""One kernel for one stage: this very interpreter, over private sockets, never left alive. papermill drives it.

A kernelspec named python3 may belong to another environment; plain TCP on loopback lets every user of the machine listen.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from runbook.runner.cells import JournalledEngine
from runbook.runner.foresight import STAGE
from runbook.runner.launching import PrivateKernelManager, use_private_sockets

ENGINE = "runbook-stage"


@dataclass
class Session:
    """What the engine needs and what it leaves: the private folder, the kernel's environment, its client.

    `stopped` is asked before each cell; `begun` says whether a cell has been started, so that there may be a record.
    """

    folder: Path
    environment: Mapping[str, str]
    stopped: Callable[[], bool] = lambda: False
    client: Any = field(default=None)
    pid: int | None = None
    begun: bool = False

    def kernel_pid(self) -> int | None:
        """The kernel's process id, or None while there is none."""
        provisioner = getattr(getattr(self.client, "km", None), "provisioner", None)
        found = getattr(provisioner, "pid", None)
        self.pid = found or self.pid
        return found if isinstance(found, int) else None

    def end(self) -> None:
        """Make sure that no kernel outlives its stage."""
        process = getattr(getattr(getattr(self.client, "km", None), "provisioner", None), "process", None)
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


class StoppableClient(PapermillNotebookClient):  # type: ignore[misc]
    """Starts no further cell when the run is to stop: a kernel ignores every interrupt that comes between two cells."""

    session: Session

    def execute_cell(self, cell: Any, cell_index: int, **rest: Any) -> Any:
        """Run one cell. Raises KeyboardInterrupt in its place, and leaves it as one that never ran."""
        if self.session.stopped():
            cell.metadata.papermill["start_time"] = None
            raise KeyboardInterrupt
        self.session.begun = self.session.begun or cell.cell_type == "code"
        return super().execute_cell(cell, cell_index, **rest)


class StageEngine(JournalledEngine, NBClientEngine):  # type: ignore[misc]
    """papermill's own engine with a kernel of ours."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, session: Session, start_timeout: int = 60, **_rest: Any
    ) -> Any:
        """Run the cells. Raises what nbclient raises; a failing cell is left in the notebook."""
        session.client = StoppableClient(
            nb_man,
            kernel_manager_class=PrivateKernelManager,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            timeout=None,
            shutdown_kernel="immediate",
            raise_on_iopub_timeout=True,
        )
        session.client.session = session
        session.client.km = _manager(session.folder)
        session.client.owns_km = True
        try:
            return session.client.execute(env=dict(session.environment), cwd=str(session.folder))
        finally:
            session.end()


def _manager(folder: Path) -> PrivateKernelManager:
    manager = PrivateKernelManager(kernel_name="python3", connection_file=str(folder / "kernel.json"))
    manager.modules = STAGE
    use_private_sockets(manager, folder)
    return manager


papermill_engines.register(ENGINE, StageEngine)
