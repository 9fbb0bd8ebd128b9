"""The warm parent of kernels: what it forks is as alone as a kernel that was started cold, and never outlives its runner."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec

from runbook.cli.ahead import kernels_ahead
from runbook.runner import environment, foresight, warm
from runbook.runner.forkserver import preload
from runbook.runner.warm import ForkedKernel, ForkServer, Pool

pytestmark = [
    pytest.mark.skipif(not warm.SUPPORTED, reason="kernels are started cold here"),
    pytest.mark.filterwarnings("ignore::Warning:zmq", "ignore::Warning:jupyter_client", "ignore::Warning:papermill"),
]


def is_gone(pid: int, within: float = 5.0, *, or_zombie: bool = True) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z" and or_zombie:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def server() -> Iterator[ForkServer]:
    found = ForkServer(os.environ)
    yield found
    found.close()


def start(server: ForkServer, folder: Path, **more: Any) -> ForkedKernel:
    folder.mkdir(exist_ok=True)
    argv = ["-f", str(folder / "kernel.json"), "--IPKernelApp.transport=ipc", f"--IPKernelApp.ip={folder / 'k'}"]
    given = {"environment": os.environ, "cwd": str(folder), "modules": (), **more}
    return server.fork(argv, given["environment"], given["cwd"], given["modules"])


def sockets(pid: int) -> set[str]:
    """The sockets that a process holds open, by inode; a file may be gone when it is looked at."""
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(path.readlink()))
    return {name for name in found if name.startswith("socket:")}


class TestTheEnd:
    def test_letting_go_of_a_kernel_kills_it_and_not_the_next_one(self, server: ForkServer, tmp_path: Path) -> None:
        first, second = start(server, tmp_path / "a"), start(server, tmp_path / "b")
        assert first.is_listening(20)
        assert second.is_listening(20)
        first.line.close()
        assert is_gone(first.pid)
        assert second.poll() is None
        second.kill()
        assert second.wait(5) == -signal.SIGKILL
        assert is_gone(second.pid)

    def test_a_parent_that_is_killed_takes_its_kernels_with_it(self, server: ForkServer, tmp_path: Path) -> None:
        kernel = start(server, tmp_path)
        assert kernel.is_listening(20)
        server._process.kill()
        assert is_gone(kernel.pid)
        assert kernel.wait(5) == -signal.SIGKILL

    def test_a_runner_that_is_killed_leaves_neither_parent_nor_kernel(self, tmp_path: Path) -> None:
        code = (
            "import os, sys, time; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
            "from runbook.runner.warm import ForkServer; from test_warm_kernels import start\n"
            "server = ForkServer(os.environ); kernel = start(server, Path(sys.argv[1])); assert kernel.is_listening(20)\n"
            "print(server._process.pid, kernel.pid, flush=True); time.sleep(60)"
        )
        argv = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as runner:
            assert runner.stdout is not None
            parent, kernel = map(int, runner.stdout.readline().split())
            runner.kill()
        assert is_gone(parent)
        assert is_gone(kernel)

    def test_the_number_of_a_kernel_that_ended_stays_its_own_until_that_is_known(
        self, server: ForkServer, tmp_path: Path
    ) -> None:
        kernel = start(server, tmp_path)
        os.kill(kernel.pid, signal.SIGKILL)
        time.sleep(0.3)
        os.kill(kernel.pid, 0)  # it is a zombie still, so no other process can have come to its number
        assert kernel.poll() == -signal.SIGKILL
        assert is_gone(kernel.pid, or_zombie=False)

    def test_a_subprocess_of_a_cell_holds_nothing_of_the_parent_open(self, server: ForkServer, tmp_path: Path) -> None:
        other, kernel = start(server, tmp_path / "a"), start(server, tmp_path / "b")
        assert other.is_listening(20)
        assert kernel.is_listening(20)
        until = time.monotonic() + 5  # its own line is let go of once it has said that it listens
        while shared := sockets(kernel.pid) & sockets(server._process.pid):
            assert time.monotonic() < until, shared

    def test_a_parent_without_a_kernel_ends_at_once_also_while_it_imports(self) -> None:
        server = ForkServer(os.environ)
        server.preload(["matplotlib.pyplot", "pandas"])
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 0.3
        assert is_gone(server._process.pid)


class TestAhead:
    """The parent is started when the words of a command line will want it, and at no other time."""

    @pytest.mark.parametrize(
        ("argv", "wanted"),
        [
            (["plan", "preflight", "verify", "-i", "x.yaml"], ("preflight", "verify")),
            (["plan", "-i", "x.yaml", "verify"], ()),
            (["apply", "cleanup", "--confirm", "x"], ("cleanup",)),
            (["run", "-i", "x.yaml"], ("preflight", "verify")),
            (["rehearse"], ("preflight", "verify")),
            (["plan", "verify", "--help"], None),
            (["status", "-i", "x.yaml"], None),
            (["--version"], None),
            ([], None),
        ],
    )
    def test_only_for_what_runs_notebooks(
        self, argv: list[str], wanted: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[str, ...]] = []

        @contextlib.contextmanager
        def warmed(*stages: str) -> Iterator[None]:
            asked.append(stages)
            yield

        monkeypatch.setattr(environment, "warm_kernels", warmed)
        with kernels_ahead(argv):
            pass
        assert asked == ([] if wanted is None else [wanted])

    def test_the_stage_uses_the_one_that_was_started_ahead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(warm.POOL, "server", None)
        with kernels_ahead(["plan", "verify"]):
            ahead = warm.POOL.server
            assert ahead is not None
            with environment.warm_kernels("verify"):
                assert warm.POOL.server is ahead
            assert warm.POOL.server is ahead
        assert warm.POOL.server is None
        assert is_gone(ahead._process.pid)


class TestApart:
    def run(self, tmp_path: Path, *names: str, source: str) -> list[str]:
        """The same cell in several kernels of one parent."""
        import nbformat
        import papermill

        said = []
        book = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
            cells=[nbformat.v4.new_code_cell(source)],  # type: ignore[no-untyped-call]
            metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}},
        )
        for name in names:
            (tmp_path / name).mkdir()
            nbformat.write(book, tmp_path / f"{name}.ipynb")  # type: ignore[no-untyped-call]
            done = papermill.execute_notebook(
                str(tmp_path / f"{name}.ipynb"),
                None,
                engine_name="runbook",
                progress_bar=False,
                cwd=str(tmp_path / name),
            )
            said.append("".join(o["text"] for o in done.cells[0].outputs))
        return said

    def test_random_numbers_folder_and_session_are_each_kernels_own(self, tmp_path: Path) -> None:
        source = (
            "import os, random, secrets, uuid; import numpy as np; import pandas\n"
            "print(random.random(), np.random.rand(), np.random.default_rng().random(), secrets.token_hex(4), uuid.uuid4(), "
            "os.getsid(0), get_ipython().kernel.session.key, get_ipython().kernel.session.session)\n"
            "print(os.getcwd(), open('/proc/%d/cmdline' % os.getppid()).read().count('forkserver'))"
        )
        one, two = self.run(tmp_path, "one", "two", source=source)
        assert not set(one.split()[:-1]) & set(two.split()[:-1])
        assert one.split()[-2:] == [str(tmp_path / "one"), "1"]
        assert two.split()[-2:] == [str(tmp_path / "two"), "1"]

    def test_garbage_is_collected_in_a_kernel_although_its_parent_does_not(self, tmp_path: Path) -> None:
        source = (
            "import gc, os; print(gc.isenabled(), open('/proc/%d/cmdline' % os.getppid()).read().count('forkserver'))"
        )
        assert self.run(tmp_path, "collecting", source=source) == ["True 1\n"]

    def test_an_environment_that_differs_is_never_inherited(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = "import os; print(os.environ.get('COLOUR'), os.environ.get('RUNBOOK_COLOUR'), os.getppid())"
        monkeypatch.setenv("RUNBOOK_COLOUR", "red")
        (before,) = self.run(tmp_path, "before", source=source)
        monkeypatch.setenv("RUNBOOK_COLOUR", "blue")
        (of_a_kernel,) = self.run(tmp_path, "of-a-kernel", source=source)
        monkeypatch.setenv("COLOUR", "green")
        (after,) = self.run(tmp_path, "after", source=source)
        assert [x.split()[:2] for x in (before, of_a_kernel, after)] == [
            ["None", "red"],
            ["None", "blue"],
            ["green", "blue"],
        ]
        parents = [x.split()[2] for x in (before, of_a_kernel, after)]
        assert parents[0] == parents[1]  # no library reads such a name when it is imported
        assert parents[1] != parents[2]


class TestCold:
    """Where forking is not sound nobody forks, and nobody hears of it."""

    def test_without_fork_the_kernel_is_started_as_ever(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(warm, "SUPPORTED", False)
        source = "import os; print(open('/proc/%d/cmdline' % os.getppid()).read().count('forkserver'))"
        assert TestApart().run(tmp_path, "cold", source=source) == ["0\n"]

    def test_a_library_that_warns_when_it_is_imported_makes_the_parent_unfit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "grumbles.py").write_text("import warnings\nwarnings.warn('soon gone', FutureWarning)")
        (tmp_path / "spins.py").write_text(
            "import threading, time\nthreading.Thread(target=time.sleep, args=(2,)).start()"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        assert preload(["json"]) == ""
        assert "soon gone" in preload(["grumbles"])
        assert preload(["not_to_be_found_anywhere"]).startswith("ModuleNotFoundError")
        assert preload(["spins"]) == "a thread was started"

    def test_an_unfit_parent_forks_nothing_and_the_pool_says_so_with_none(self, tmp_path: Path) -> None:
        pool = Pool()
        assert pool.fork(["-f", str(tmp_path / "k.json")], os.environ, str(tmp_path), ["no_such_module"]) is None
        assert pool.failed
        pool.close()

    def test_a_parent_that_cannot_be_started_is_no_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(warm.sys, "executable", str(tmp_path / "nothing"))
        pool = Pool()
        pool.warm(os.environ)
        assert pool.fork(["-f", "x"], os.environ, str(tmp_path), ()) is None


class TestForesight:
    @pytest.mark.parametrize(
        ("sources", "found"),
        [
            (["import pandas as pd"], ("pandas",)),
            (
                ["from matplotlib import pyplot as plt", "import numpy.linalg"],
                ("matplotlib", "matplotlib.pyplot", "numpy"),
            ),
            (["%matplotlib inline\nimport pandas"], ("pandas",)),
            (["import pandas", "import os; os.environ['TZ'] = 'x'"], ()),
            (["import sys; sys.path.insert(0, '.')", "import pandas"], ()),
            (["%env OMP_NUM_THREADS=1\nimport numpy"], ()),
            (["import torch"], ()),
            (["from . import pandas", "x = 'import numpy'"], ()),
        ],
    )
    def test_only_what_is_named_and_may_be_imported_beforehand(
        self, sources: list[str], found: tuple[str, ...], tmp_path: Path
    ) -> None:
        assert foresight.modules_of(sources, tmp_path) == found

    @pytest.mark.parametrize("name", ["pandas.py", "pandas", "matplotlibrc"])
    def test_nothing_where_the_folder_holds_something_of_that_name(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).mkdir()
        assert foresight.modules_of(["import pandas"], tmp_path) == ()

    def test_nothing_where_a_person_has_start_up_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
        (tmp_path / "profile_default/startup").mkdir(parents=True)
        assert foresight.modules_of(["import pandas"], tmp_path / "x") == ("pandas",)
        (tmp_path / "profile_default/startup/00-mine.py").touch()
        assert foresight.modules_of(["import pandas"], tmp_path / "x") == ()


class TestWhoseKernel:
    @pytest.mark.parametrize(
        ("change", "is_ours"),
        [
            ({}, True),
            ({"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]}, True),
            ({"argv": ["/other/venv/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]}, False),
            ({"argv": ["bash", "-m", "bash_kernel", "-f", "{connection_file}"]}, False),
            ({"argv": ["python", "-O", "-m", "ipykernel_launcher", "-f", "{connection_file}"]}, False),
            ({"interrupt_mode": "message"}, False),
            ({"metadata": {"kernel_provisioner": {"provisioner_name": "far-away"}}}, False),
        ],
    )
    def test_only_this_interpreters_own_is_forked(self, change: dict[str, Any], is_ours: bool) -> None:
        from runbook.runner import launching

        argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        assert launching.is_ours(KernelSpec(**{"argv": argv, "language": "python", **change})) is is_ours

    def test_another_kernel_is_left_to_papermill(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from papermill.engines import NBClientEngine

        from runbook.runner.engine import WarmEngine

        asked: list[Any] = []
        monkeypatch.setattr(NBClientEngine, "execute_managed_notebook", lambda *a, **k: asked.append((a, k)))
        book = SimpleNamespace(nb=SimpleNamespace(cells=[]))
        WarmEngine.execute_managed_notebook(book, "no-such-kernel", execution_timeout=3)
        assert asked == [((book, "no-such-kernel"), {"execution_timeout": 3})]
