"""papermill's engine `runbook`, for any notebook: what papermill does, with kernels forked from a warm parent.

Kernels of other languages, environments or provisioners are papermill's own affair, as they were.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from papermill.engines import NBClientEngine

from runbook.runner.cells import JournalledEngine
from runbook.runner.foresight import modules_of
from runbook.runner.launching import SwiftKernelManager, is_ours, use_private_sockets


class WarmEngine(JournalledEngine, NBClientEngine):  # type: ignore[misc]
    """papermill's own engine; a kernel of this very interpreter is forked, over private sockets."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, turn: Callable[[], None] = lambda: None, **options: Any
    ) -> Any:
        """Run the cells; `turn` is called when the kernel is ready, and may wait. Raises what nbclient raises."""
        if not _is_ours(kernel_name) or {"km", "kernel_manager_class"} & options.keys():
            turn()
            return NBClientEngine.execute_managed_notebook(nb_man, kernel_name, **options)
        with tempfile.TemporaryDirectory(prefix="runbook-", ignore_cleanup_errors=True) as folder:
            modules = modules_of([c.source for c in nb_man.nb.cells if c.cell_type == "code"], Path.cwd())

            class Manager(SwiftKernelManager):
                """With the sockets of this run, and what its notebook will import."""

                def __init__(self, **more: Any) -> None:
                    super().__init__(**more)
                    use_private_sockets(self, Path(folder))
                    self.modules, self.before_cells = modules, turn

            return NBClientEngine.execute_managed_notebook(nb_man, kernel_name, kernel_manager_class=Manager, **options)


def _is_ours(kernel_name: str) -> bool:
    try:
        return is_ours(KernelSpecManager().get_kernel_spec(kernel_name))
    except NoSuchKernel:
        return False
