"""The parent that kernels are forked from: it has imported what a kernel needs, and has neither threads nor a loop.

A process of its own, started and spoken to by `warm`. Each kernel has a line (a socket) to the runner: when the runner
lets go of it, or dies, the kernel is killed; and a kernel that ended is not reaped before, so that no other process can
come to its number. When this process dies, its kernels die with it.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# What a kernel imports before its first cell, whatever the cell does.
KERNEL = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger", "ipykernel.comm.manager",
    "IPython.core.completerlib", "IPython.extensions.storemagic", "tornado.platform.asyncio",
)  # fmt: skip
INLINE = "module://matplotlib_inline.backend_inline"
_PR_SET_PDEATHSIG = 1
_PDEATHSIG = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
Order = dict[str, Any]


@dataclass(eq=False)
class Child:
    """A kernel that was forked: its line to the runner, and whether its end was told there."""

    pid: int
    pidfd: int
    line: socket.socket
    ended: bool = False


@dataclass
class Server:
    """Takes orders until the runner is gone. `unfit` says why nothing may be forked here (empty: nothing)."""

    control: socket.socket
    children: list[Child] = field(default_factory=list)
    unfit: str = ""

    def serve(self) -> tuple[Order, socket.socket, list[int]] | None:
        """None when the runner is gone; in a child: the order it has to carry out, its line, and its output streams."""
        while True:
            watched: list[Any] = [self.control, *(c.line for c in self.children)]
            watched += [c.pidfd for c in self.children if not c.ended]
            ready = select.select(watched, [], [])[0]
            for child in [c for c in self.children if c.pidfd in ready and not c.ended]:
                _tell_the_end(child)
            for child in [c for c in self.children if c.line in ready]:
                self._let_go(child)
            if self.control in ready and (order := self._take()) is not None:
                return order if order[0] else None

    def _take(self) -> tuple[Order, socket.socket, list[int]] | None:
        """One order. In the child it is given back; an empty one says that the runner is gone."""
        sent, fds, _, _ = socket.recv_fds(self.control, 1, 3)
        if not sent:
            for child in list(self.children):
                self._let_go(child)
            return {}, self.control, []
        line = socket.socket(fileno=fds[0])
        order = _read(line)
        self.unfit = self.unfit or preload(order["modules"])
        if "argv" not in order or self.unfit:
            _say(line, f"unfit {self.unfit}" if self.unfit else "done")
            pid = -1
        else:
            gc.freeze()
            pid = os.fork()
        if pid == 0:
            self._forget()
            return order, line, fds[1:]
        for fd in fds[1:]:
            os.close(fd)
        if pid < 0:
            line.close()
            return None
        self.children.append(Child(pid, os.pidfd_open(pid), line))
        _say(line, f"pid {pid}")
        return None

    def _let_go(self, child: Child) -> None:
        self.children.remove(child)
        if not child.ended:
            for kill in (os.killpg, os.kill):  # its whole group, if it has come that far
                try:
                    kill(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        os.waitpid(child.pid, 0)
        os.close(child.pidfd)
        child.line.close()

    def _forget(self) -> None:
        """In a child: nothing of the parent stays open."""
        self.control.close()
        for child in self.children:
            os.close(child.pidfd)
            child.line.close()


def preload(names: Iterable[str]) -> str:
    """Import modules. Why nothing may be forked afterwards: a warning that a notebook would have shown, or a thread."""
    said: list[str] = []
    before, shown = threading.active_count(), warnings.showwarning
    warnings.showwarning = lambda message, *_rest, **_more: said.append(str(message))
    try:
        for name in names:
            if name.partition(".")[0] == "matplotlib":
                os.environ.setdefault("MPLBACKEND", INLINE)  # as a kernel does before its first cell
            importlib.import_module(name)
    except Exception as error:  # noqa: BLE001  # whatever it is, the notebook's own import shall raise it in its cell
        said.append(f"{type(error).__name__}: {error}")
    finally:
        warnings.showwarning = shown
    if threading.active_count() > before:
        said.append("a thread was started")
    return "; ".join(said)[:300]


def become(order: Order, line: socket.socket, streams: list[int], parent: int) -> None:
    """In the child: a session, an environment, a folder and random numbers of its own; then the kernel, to its end."""
    gc.enable()
    os.setsid()
    if _PDEATHSIG is not None:
        _PDEATHSIG(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    nothing, end = os.pipe()  # an input that is at its end, as a kernel has it
    os.close(end)
    for fd, number in ((nothing, 0), (streams[0], 1), (streams[1], 2)):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    sys.argv = [sys.modules["ipykernel"].__path__[0] + "_launcher.py", *order["argv"]]
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    app.initialize([*order["argv"], f"--IPKernelApp.parent_handle={parent}"])
    atexit.register(_end_in_order, app)
    _say(line, "ready")
    line.close()
    app.start()


def _end_in_order(app: Any) -> None:
    """After all that cells registered for the end: let the thread that was asked to shut down finish before its streams are.

    ipykernel 7 stops the thread of outputs first, on which that other one may wait, and is terminated seconds later.
    """
    if getattr(app.kernel, "_shutdown_message", None) is not None:
        app.control_thread.join(timeout=2)


def main(fd: int) -> None:
    """Serve on the socket of this number."""
    parent = os.getpid()
    gc.disable()  # nothing that is imported is garbage, and looking for some takes a tenth of the time
    server = Server(socket.socket(fileno=fd), unfit=preload(KERNEL))
    got = server.serve()
    if got is None:
        os._exit(0)  # nothing is left to be put in order, and the runner waits for this
    become(*got, parent)


def _tell_the_end(child: Child) -> None:
    found = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    if found is not None:
        child.ended = True
        _say(child.line, f"code {found.si_status if found.si_code == os.CLD_EXITED else -found.si_status}")


def _read(line: socket.socket) -> Order:
    with line.makefile("rb") as file:
        order: Order = json.loads(file.read(int(file.readline())))
    return order


def _say(line: socket.socket, words: str) -> None:
    try:
        line.sendall(words.encode() + b"\n")
    except OSError:
        return  # nobody listens any more: the kernel is killed for that in the next round
