"""Kernels over private sockets, forked from the warm parent where that is sound and else started cold; ready at once, gone at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any, cast

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import DottedObjectName, Tuple, Type

from runbook.runner.warm import POOL, ForkedKernel

_MODULE = "ipykernel_launcher"
_LONGEST_SOCKET = 90  # a unix socket's path may have 107 bytes, five sockets append two each
_BOUND = 20.0  # seconds to wait for a kernel's word that its sockets are bound, before asking there without it
_ASK_AGAIN = 0.02  # seconds without a word from a kernel that has answered: it did not hear our subscription yet
_DEAF = 0.01  # seconds from a kernel's answer to its next message


class Provisioner(LocalProvisioner):
    """Forks the kernel when this interpreter's ipykernel is wanted, and says when it listens."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start it. Raises OSError."""
        modules, cwd = getattr(self.parent, "modules", ()), str(kwargs.get("cwd") or Path.cwd())
        argv = cmd[cmd.index(_MODULE) + 1 :] if _MODULE in cmd else []
        kernel = POOL.fork(argv, kwargs["env"], cwd, modules) if argv and self._is_plain(kwargs) else None
        if kernel is None:
            return await super().launch_kernel(cmd, **kwargs)
        self.process = cast("Any", kernel)
        self.pid, self.pgid, self.cwd = kernel.pid, kernel.pid, kwargs.get("cwd") or cwd
        kernel.is_listening(_BOUND)
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """Kill it, and be back when it has gone: nobody has to look for that every tenth of a second."""
        await super().kill(restart)
        process: Any = self.process
        if isinstance(process, ForkedKernel):
            with contextlib.suppress(subprocess.TimeoutExpired):  # jupyter_client goes on looking for it, and says so
                await asyncio.to_thread(process.wait, 1)

    @staticmethod
    def _is_plain(kwargs: dict[str, Any]) -> bool:
        """Whether nothing is asked for but an environment and a folder."""
        return not {k for k, v in kwargs.items() if v is not None} - {"env", "cwd", "extra_arguments", "kernel_id"}


class PromptClient(AsyncKernelClient):
    """Takes a kernel for ready when it has answered where outputs will come from, and waits for nothing after that."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Ask it until it answers. Raises RuntimeError when it dies, or does not in time."""
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            asked = self.kernel_info()
            if await self._heard(self.shell_channel, asked, "kernel_info_reply", 1.0) and await self._heard(
                self.iopub_channel, asked, "status", _ASK_AGAIN
            ):
                cast("SwiftKernelManager", self.parent).before_cells()
                return
            if not await self._async_is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > until:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def _heard(self, channel: Any, asked: str, kind: str, patience: float) -> bool:
        """Whether this came as an answer; a status only counts when it says that the kernel is idle again."""
        while True:
            try:
                got = await channel.get_msg(timeout=patience)
            except Empty:
                return False
            if got["parent_header"].get("msg_id") != asked or got["msg_type"] != kind:
                continue
            if kind == "kernel_info_reply":
                self._handle_kernel_info_reply(got)
                return True
            if got["content"]["execution_state"] == "idle":
                return True


class SwiftKernelManager(AsyncKernelManager):
    """A kernel by its kernelspec, started as said above.

    `modules` are what its notebook will import, if that is known; `before_cells` is called when it is ready.
    """

    client_class = DottedObjectName(f"{__name__}.PromptClient")
    client_factory = Type(PromptClient, klass=AsyncKernelClient)
    modules = Tuple()
    before_cells: Callable[[], Any] = staticmethod(lambda: None)

    async def _async_pre_start_kernel(self, **kw: Any) -> Any:
        if self.provisioner is None:
            self.kernel_id = self.kernel_id or str(uuid.uuid4())
            self.provisioner = Provisioner(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**kw)

    async def _async_interrupt_kernel(self) -> None:
        if self.shutting_down:  # its last answer is here, and it needs a moment to be deaf to interrupts again
            await asyncio.sleep(_DEAF)
        await super()._async_interrupt_kernel()

    async def _async_finish_shutdown(
        self, waittime: float | None = None, pollinterval: float = 0.01, restart: bool = False
    ) -> None:
        await super()._async_finish_shutdown(waittime, pollinterval, restart)


class PrivateKernelManager(SwiftKernelManager):
    """Starts the interpreter that runs this, whatever kernelspecs are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """ipykernel of this interpreter."""
        argv = [sys.executable, "-m", _MODULE, "-f", "{connection_file}"]
        return KernelSpec(argv=argv, language="python", display_name="Python 3 (runbook)")


def is_ours(spec: KernelSpec) -> bool:
    """Whether a kernelspec is nothing but the ipykernel of this interpreter."""
    program, *rest = spec.argv or [""]
    names = {"python", f"python{sys.version_info[0]}", f"python{sys.version_info[0]}.{sys.version_info[1]}"}
    return (
        (program in names or Path(program) == Path(sys.executable))
        and [a for a in rest if a != "-Xfrozen_modules=off"] == ["-m", _MODULE, "-f", "{connection_file}"]
        and spec.interrupt_mode == "signal"
        and "kernel_provisioner" not in spec.metadata
    )


def use_private_sockets(manager: SwiftKernelManager, folder: Path) -> None:
    """Unix sockets in a folder of our own: plain TCP on loopback lets every user of the machine listen."""
    socket = str(folder / "k")
    if len(socket) <= _LONGEST_SOCKET and os.name == "posix":
        manager.transport, manager.ip = "ipc", socket
