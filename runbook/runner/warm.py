"""Kernels forked from a warm parent, for whoever runs notebooks in this process. Where that is not sound: started cold.

A forked kernel is what `python -m ipykernel_launcher` would be with the same environment: so the parent is started with
it, and what a library reads from it when it is imported holds for the kernel too.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

SUPPORTED = sys.platform == "linux" and hasattr(os, "pidfd_open")
PATIENCE = 30.0  # seconds a parent may take to import and fork, before the kernel is started without it
# Names of the environment that differ from kernel to kernel, and that no library reads when it is imported.
_OF_A_KERNEL = ("RUNBOOK_", "JPY_")
_CODE = "import sys; sys.path[:] = [p for p in sys.path if p]; from runbook.runner.forkserver import main; main({})"


@dataclass(eq=False)
class ForkedKernel:
    """One kernel as a `Popen` has it. Letting go of it, in whatever way, kills it."""

    line: socket.socket
    pid: int = 0
    returncode: int | None = None
    stdin = stdout = stderr = None
    _said: bytes = b""
    _ready: bool = False

    def __del__(self) -> None:
        self.line.close()

    def poll(self) -> int | None:
        """The exit code, once it has ended."""
        self._hear(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            self._hear(left)
        return self.returncode

    def is_listening(self, timeout: float) -> bool:
        """Whether its sockets are bound, after at most so many seconds. False at once when it has ended."""
        until = time.monotonic() + timeout
        while not self._ready and self.returncode is None and (left := until - time.monotonic()) > 0:
            self._hear(left)
        return self._ready

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended: the number of its process stays its own until then."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def started(self) -> str:
        """Wait for its process id; why there is none, or nothing."""
        until = time.monotonic() + PATIENCE
        while not self.pid and self.returncode is None:
            if (left := until - time.monotonic()) <= 0:
                self._end(-signal.SIGKILL)
                return "the parent of kernels did not answer"
            self._hear(left)
        return "" if self.pid else "the parent of kernels could not fork"

    def _hear(self, timeout: float | None) -> None:
        if self.returncode is not None or not select.select([self.line], [], [], timeout)[0]:
            return
        try:
            got = self.line.recv(4096)
        except ConnectionError:
            got = b""
        *lines, self._said = (self._said + got).split(b"\n")
        for word, _, rest in (said.partition(b" ") for said in lines):
            if word == b"pid":
                self.pid = int(rest)
            elif word == b"ready":
                self._ready = True
            elif word == b"code":
                self._end(int(rest))
        if not got and self.returncode is None:  # the parent is gone, and its kernels with it
            self._end(-signal.SIGKILL)

    def _end(self, code: int) -> None:
        self.returncode = code
        self.line.close()


class ForkServer:
    """The warm parent as its runner sees it. `environment` is what its kernels will have, but for names of their own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = _shared(environment)
        self._control, theirs = socket.socketpair()
        self._kernels: weakref.WeakSet[ForkedKernel] = weakref.WeakSet()
        argv = [sys.executable, "-c", _CODE.format(theirs.fileno())]
        given = {"env": self.environment, "cwd": "/", "stdin": subprocess.DEVNULL, "start_new_session": True}
        with theirs:
            try:
                self._process = subprocess.Popen(argv, pass_fds=[theirs.fileno()], **given)  # type: ignore[call-overload]
            except OSError:
                self._control.close()
                raise

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Whether a kernel with this environment may be forked here."""
        return self._process.poll() is None and _shared(environment) == self.environment

    @property
    def is_busy(self) -> bool:
        """Whether a kernel of it lives."""
        return any(k.returncode is None for k in self._kernels)

    def preload(self, modules: Iterable[str]) -> None:
        """Have it import these, and do not wait for that."""
        self._order({"modules": list(modules)}).close()

    def fork(
        self, argv: Sequence[str], environment: Mapping[str, str], cwd: str, modules: Iterable[str]
    ) -> ForkedKernel:
        """Fork a kernel. Raises OSError when that cannot be had here."""
        order = {"modules": list(modules), "argv": list(argv), "env": dict(environment), "cwd": cwd}
        kernel = ForkedKernel(self._order(order))
        if why := kernel.started():
            raise OSError(why)
        self._kernels.add(kernel)
        return kernel

    def close(self) -> None:
        """End it, and every kernel that is left of it. One without a kernel has nothing to put in order: it may be importing yet."""
        if not self.is_busy:
            self._process.kill()
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _order(self, order: Mapping[str, object]) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"o"], [theirs.fileno(), 1, 2])
        text = json.dumps(order).encode()
        ours.sendall(b"%d\n" % len(text) + text)
        return ours


@dataclass
class Pool:
    """At most one parent at a time, for one environment; started when it is first of use."""

    server: ForkServer | None = None
    failed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def warm(self, environment: Mapping[str, str], modules: Iterable[str] = ()) -> None:
        """Start the parent and have it import these, while there is something else to do."""
        with self._lock:
            server = self._server(environment)
            try:
                if server is not None:
                    server.preload(modules)
            except OSError:
                self.failed = True

    def fork(
        self, argv: Sequence[str], environment: Mapping[str, str], cwd: str, modules: Iterable[str]
    ) -> ForkedKernel | None:
        """A kernel, or None when one has to be started cold."""
        with self._lock:
            server = self._server(environment)
            try:
                return server.fork(argv, environment, cwd, modules) if server is not None else None
            except OSError:
                self.failed = True
                return None

    def close(self) -> None:
        """End the parent, and with it every kernel it still has."""
        with self._lock:
            if self.server is not None:
                self.server.close()
            self.server = None

    def _server(self, environment: Mapping[str, str]) -> ForkServer | None:
        if not SUPPORTED or self.failed:
            return None
        if self.server is not None and not self.server.serves(environment):
            if self.server.is_busy:
                return None
            self.server.close()
            self.server = None
        if self.server is None:
            try:
                self.server = ForkServer(environment)
            except OSError:
                self.failed = True
        return self.server


POOL = Pool()
atexit.register(POOL.close)


@contextmanager
def kept(environment: Mapping[str, str], modules: Iterable[str] = ()) -> Iterator[None]:
    """Keep a warm parent for the length of a `with` block; inside another one that is a matter of the outer block."""
    outermost = POOL.server is None
    POOL.warm(environment, modules)
    try:
        yield
    finally:
        if outermost:
            POOL.close()


def _shared(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if not k.startswith(_OF_A_KERNEL)}
