"""`runbook execute` with notebooks that cannot be run beside others that can; and what it does while one of them works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_execute_and_engine import book, said

from runbook.display import Talk
from runbook.errors import InterruptedRun, ParameterError
from runbook.report import plain
from runbook.runner import executing, launching
from runbook.runner.executing import Executed, execute
from runbook.runner.stopping import terminable

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:zmq", "ignore::Warning:jupyter_client", "ignore::Warning:papermill", "ignore::DeprecationWarning"
)
# For a cell: waits until a file is there, half a minute at most.
WAIT = "import pathlib, time\nfor _ in range(600):\n  if pathlib.Path({0!r}).exists(): break\n  time.sleep(0.05)\nelse: print('never')"


def changed(path: Path, **metadata: Any) -> Path:
    whole = json.loads(path.read_text())
    whole["metadata"] = metadata
    path.write_text(json.dumps(whole))
    return path


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def kernelspec(folder: Path, name: str, *argv: str) -> None:
    (folder / "kernels" / name).mkdir(parents=True)
    spec = {"argv": [*argv, "-f", "{connection_file}"], "display_name": name, "language": "odd"}
    (folder / "kernels" / name / "kernel.json").write_text(json.dumps(spec))


NO_CELLS = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}})
OLD = json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": []}]})
WRONG: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "not JSON": (lambda p: written(p, "# a report"), "not JSON", "Jupyter has saved"),
    "empty": (lambda p: written(p, "\n"), "empty", "Jupyter has saved"),
    "not text": (lambda p: written(p, b"\xff\xfe\x00"), "UTF-8", "Jupyter has saved"),
    "a byte order mark": (lambda p: written(p, b"\xef\xbb\xbf{}"), "BOM", "Jupyter has saved"),
    "deep": (lambda p: written(p, "[" * 100_000), "not JSON", "Jupyter has saved"),
    "a list": (lambda p: written(p, "[]"), "no notebook", "Jupyter has saved"),
    "no cells": (lambda p: written(p, NO_CELLS), "cannot be read as a notebook", "Jupyter has saved"),
    "format 3": (lambda p: written(p, OLD), "format 3", "choose a kernel"),
    "format 9": (lambda p: written(p, '{"nbformat": 9, "cells": []}'), "cannot be read as a notebook", "Jupyter"),
    "no kernelspec": (lambda p: changed(book(p, "1")), "no kernel", "choose a kernel"),
    "an odd kernelspec": (lambda p: changed(book(p, "1"), kernelspec={"name": ["python3"]}), "no kernel", "choose"),
    "an unknown kernel": (
        lambda p: changed(book(p, "1"), kernelspec={"name": "julia-1.9"}), "no kernel 'julia-1.9' here (installed: ",
        "install that one",
    ),
    "a kernel whose program is gone": (
        lambda p: changed(book(p, "1"), kernelspec={"name": "gone", "language": "python"}), "'/no/such/program'", "again"
    ),
    "no language for its parameters": (
        lambda p: changed(book(p, "1"), kernelspec={"name": "odd", "language": "odd"}), "takes no parameters", "without -p"
    ),
}  # fmt: skip


class TestNotRun:
    def test_each_has_a_sentence_and_the_others_run_and_get_their_pages(
        self, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
        kernelspec(tmp_path / "jupyter", "gone", "/no/such/program")
        kernelspec(tmp_path / "jupyter", "odd", sys.executable)
        out = tmp_path / "out"
        out.mkdir()
        bad = []
        for number, (make, _, _) in enumerate(WRONG.values()):
            bad.append(make(tmp_path / f"bad-{number}.ipynb"))
            (out / f"bad-{number}.ipynb").write_text("an earlier output")
            (out / f"bad-{number}.html").write_text("an earlier page")
        good = [book(tmp_path / f"{n}.ipynb", "print(day)") for n in "ab"]
        done = execute([good[0], *bad, good[1]], out, {"day": "friday"}, html=True, talk=Talk())
        assert done == Executed([], [str(p) for p in bad])
        assert done.exit_code == 2
        told = " ".join(capsys.readouterr().err.split())
        for path, (_, cause, act) in zip(bad, WRONG.values(), strict=True):
            sentence = told.partition(f"{path} was not run: ")[2].partition("execute")[0]
            assert cause in sentence, (path, told)
            assert act in sentence, sentence
            assert (out / path.name).read_text() == "an earlier output"
            assert (out / path.name).with_suffix(".html").read_text() == "an earlier page"
        assert [said(out / f"{n}.ipynb")[-1] for n in "ab"] == ["friday\n"] * 2
        assert all("friday" in (out / f"{n}.html").read_text() for n in "ab")

    def test_one_that_fails_outweighs_one_that_was_not_run(self) -> None:
        assert [Executed(*lists).exit_code for lists in ([], [["a"]], [[], ["b"]], [["a"], ["b"]])] == [0, 1, 2, 1]

    def test_a_folder_in_the_place_of_an_output_is_told(self, tmp_path: Path, capsys: Any) -> None:
        (tmp_path / "out" / "a.ipynb").mkdir(parents=True)
        path = book(tmp_path / "a.ipynb", "1")
        assert execute([path], tmp_path / "out", {}, html=True, talk=Talk()) == Executed([], [str(path)])
        assert "which it would become, is a folder" in " ".join(capsys.readouterr().err.split())

    def test_outputs_that_cannot_be_made_are_one_sentence(self, tmp_path: Path) -> None:
        path, file = book(tmp_path / "a.ipynb", "1"), written(tmp_path / "file", "x")
        for outputs in (file, file / "below", Path("/proc/no/such")):
            with pytest.raises(ParameterError, match=f"--outputs: {outputs} cannot hold .*\n.*may write to"):
                execute([path], outputs, {}, html=False, talk=Talk())

    def test_two_whose_pages_would_be_one_are_refused(self, tmp_path: Path) -> None:
        paths = [book(tmp_path / "a.ipynb", "1"), book(tmp_path / "a.nb", "1")]
        with pytest.raises(ParameterError, match="same name"):
            execute(paths, tmp_path / "out", {}, html=True, talk=Talk())

    def test_a_name_with_braces_is_a_name(self, tmp_path: Path) -> None:
        path = book(tmp_path / "a{b}.ipynb", "print(1)")
        assert execute([path], tmp_path / "{x}", {"b": "c"}, html=False, talk=Talk()) == Executed()
        assert said(tmp_path / "{x}" / "a{b}.ipynb")[-1] == "1\n"

    def test_the_command_ends_with_2_and_no_traceback(self, tmp_path: Path) -> None:
        bad, good = written(tmp_path / "bad.ipynb", "x"), book(tmp_path / "good.ipynb", "print(1)")
        argv = [sys.executable, "-m", "runbook", "execute", str(bad), str(good), "--outputs", str(tmp_path / "out")]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["good.html", "good.ipynb"]

    def test_what_ends_before_its_first_cell_leaves_an_earlier_output(
        self, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever is raised then is that notebook's own, and the next one is run."""
        real = launching.Provisioner.launch_kernel
        count: list[int] = []

        async def launch(self: Any, cmd: list[str], **more: Any) -> Any:
            count.append(1)
            if len(count) == 1:
                raise LookupError("no kernel today")
            return await real(self, cmd, **more)

        monkeypatch.setattr(launching.Provisioner, "launch_kernel", launch)
        (tmp_path / "out").mkdir()
        earlier = written(tmp_path / "out" / "a.ipynb", "an earlier output")
        journal = written(tmp_path / "out" / "a.ipynb.cells.jsonl", "and its journal")
        paths = [book(tmp_path / f"{n}.ipynb", "print(1)") for n in "ab"]
        monkeypatch.setattr(executing, "ThreadPoolExecutor", lambda _: _OneByOne())
        assert execute(paths, tmp_path / "out", {}, html=True, talk=Talk()) == Executed([str(paths[0])])
        assert "LookupError: no kernel today" in capsys.readouterr().err
        assert (earlier.read_text(), journal.read_text()) == ("an earlier output", "and its journal")
        assert sorted(p.name for p in (tmp_path / "out").glob("*.html")) == ["b.html"]

    def test_a_page_that_cannot_be_made_is_a_failure_and_the_others_have_theirs(
        self, tmp_path: Path, capsys: Any
    ) -> None:
        paths = [book(tmp_path / f"{n}.ipynb", "print(1)") for n in "ab"]
        (tmp_path / "out" / "a.html").mkdir(parents=True)
        assert execute(paths, tmp_path / "out", {}, html=True, talk=Talk()) == Executed([str(paths[0])])
        assert "report: failed" in capsys.readouterr().err
        assert (tmp_path / "out" / "b.html").is_file()


class _OneByOne(executing.ThreadPoolExecutor):
    def __init__(self) -> None:
        super().__init__(1)


class TestMeanwhile:
    def test_the_next_kernel_is_started_while_a_notebook_works(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = launching.Provisioner.launch_kernel

        async def launch(self: Any, cmd: list[str], **more: Any) -> Any:
            started = await real(self, cmd, **more)
            (tmp_path / f"kernel-{len(list(tmp_path.glob('kernel-*')))}").touch()
            return started

        monkeypatch.setattr(launching.Provisioner, "launch_kernel", launch)
        paths = [
            book(tmp_path / "a.ipynb", WAIT.format(str(tmp_path / "kernel-1"))),
            book(tmp_path / "b.ipynb", "print('ran')"),
        ]
        assert execute(paths, tmp_path / "out", {}, html=False, talk=Talk()) == Executed()
        assert [said(tmp_path / "out" / f"{n}.ipynb") for n in "ab"] == [[""], ["ran\n"]]

    def test_pages_are_made_while_the_next_notebook_works(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """b waits for the page of a, which waits for b; what makes pages is imported while a waits for it."""
        events: list[str] = []
        load, make = plain.load, plain.notebook_page

        def awaited(name: str) -> None:
            until = time.monotonic() + 30
            while not (tmp_path / name).exists() and time.monotonic() < until:
                time.sleep(0.02)
            events.append(f"{name} {(tmp_path / name).exists()}")

        def loading() -> None:
            awaited("a-began")
            load()
            (tmp_path / "loaded").touch()

        def page(notebook: Path) -> Path:
            if notebook.name == "a.ipynb":
                awaited("b-began")
            return make(notebook)

        monkeypatch.setattr(plain, "load", loading)
        monkeypatch.setattr(plain, "notebook_page", page)
        began = "import pathlib; pathlib.Path({!r}).touch()\n"
        paths = [
            book(tmp_path / "a.ipynb", began.format(str(tmp_path / "a-began")) + WAIT.format(str(tmp_path / "loaded"))),
            book(tmp_path / "b.ipynb", began.format(str(tmp_path / "b-began")) + WAIT.format(str(tmp_path / "out/a.html"))),
        ]  # fmt: skip
        assert execute(paths, tmp_path / "out", {}, html=True, talk=Talk()) == Executed()
        assert events == ["a-began True", "b-began True"]
        assert [said(tmp_path / "out" / f"{n}.ipynb") for n in "ab"] == [[""], [""]]

    def test_a_stop_is_heeded_while_a_page_is_made_whatever_its_maker_swallows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events: list[str] = []
        over, stop = threading.Event(), executing._Turns.stop

        def page(notebook: Path) -> Path:
            events.append(f"page of {notebook.stem} begins")
            os.kill(os.getpid(), signal.SIGTERM)
            try:
                over.wait(20)
            except Exception as error:  # noqa: BLE001  # as a library may do
                events.append(f"swallowed {error}")
            events.append("page ends")
            return notebook

        def stopped(turns: Any) -> None:
            events.append("stopped")
            stop(turns)
            over.set()

        monkeypatch.setattr(plain, "notebook_page", page)
        monkeypatch.setattr(executing._Turns, "stop", stopped)
        paths = [book(tmp_path / "a.ipynb", "1"), book(tmp_path / "b.ipynb", "import time; time.sleep(60)")]
        paths.append(book(tmp_path / "c.ipynb", "1"))
        with pytest.raises(InterruptedRun), terminable():
            execute(paths, tmp_path / "out", {}, html=True, talk=Talk())
        assert events == ["page of a begins", "stopped", "page ends"]
        assert not (tmp_path / "out/c.ipynb").exists()
