"""`papermill --engine runbook` and `runbook execute`: exit codes, what a kill leaves, whose turn it is, what is written when."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import both
import nbformat
import papermill
import pytest
from test_warm_kernels import is_gone

from runbook.display import Talk
from runbook.errors import ParameterError
from runbook.report.plain import notebook_page
from runbook.runner import cells
from runbook.runner.executing import Executed, execute

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:zmq", "ignore::Warning:jupyter_client", "ignore::Warning:papermill", "ignore::DeprecationWarning"
)


# How fast it went, and what a stock kernel says about its sockets.
# Stock papermill's interpreter now and then ends with an assertion of libzmq's: ours is asked once, and never may.
_ZMQ_ENDS_BADLY = re.compile(r"\(src/\w+\.cpp:\d+\)")
_MOVING = re.compile(
    r"\r?Executing: [^\r\n]*?cell[/s?]*\]|\[IPKernelApp\] WARNING \| Kernel is running over TCP[^\r\n]*"
)


def book(path: Path, *sources: str) -> Path:
    v4: Any = nbformat.v4
    spec = {"kernelspec": {"name": "python3", "language": "python", "display_name": "P"}}
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(s) for s in sources], metadata=spec), path)  # type: ignore[no-untyped-call]
    return path


def said(path: Path) -> list[str]:
    code = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    return ["".join("".join(o.get("text", "")) for o in c["outputs"]) for c in code]


def after(path: Path) -> str:
    """What a file holds, once it holds something."""
    for _ in range(2_400):
        if path.is_file() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    pytest.fail(f"{path} never came")


class TestJournal:
    @pytest.fixture(autouse=True)
    def _heard(self) -> Iterator[None]:
        """Under nohup a hang-up is heard by nobody, and by no child."""
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        yield
        signal.signal(signal.SIGHUP, before)

    def count_writes(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        written: list[str] = []
        real = papermill.engines.write_ipynb
        monkeypatch.setattr(
            papermill.engines, "write_ipynb", lambda nb, path: (written.append(path), real(nb, path))[1]
        )
        return written

    def run(self, source: Path, target: Path | None, **more: Any) -> Any:
        return papermill.execute_notebook(
            str(source), str(target) if target else None, engine_name="runbook", progress_bar=False, **more
        )

    def test_the_whole_is_written_at_the_start_and_at_the_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = self.count_writes(monkeypatch)
        monkeypatch.setattr(cells, "SELDOM", 600.0)  # however busy the machine is
        self.run(book(tmp_path / "a.ipynb", *["print(1)"] * 6), tmp_path / "out.ipynb")
        assert len(written) == 2
        assert said(tmp_path / "out.ipynb") == ["1\n"] * 6
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ipynb", "out.ipynb"]

    def test_it_is_written_when_the_last_time_was_long_ago_and_in_long_cells_as_papermill_does(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = book(
            tmp_path / "a.ipynb", "print(1)", "import time\nfor i in range(2): time.sleep(0.6); print(i, flush=True)"
        )
        written = self.count_writes(monkeypatch)
        monkeypatch.setattr(cells, "SELDOM", 0.0)
        self.run(source, tmp_path / "b.ipynb", autosave_cell_every=0)
        assert len(written) == 2 + 2 * 2
        written.clear()
        monkeypatch.setattr(cells, "SELDOM", 60.0)
        self.run(source, tmp_path / "c.ipynb", autosave_cell_every=1)
        assert len(written) == 3

    def test_what_is_no_file_here_has_no_journal(self, tmp_path: Path) -> None:
        assert cells._journal_of(None) is None
        assert cells._journal_of("-") is None
        assert cells._journal_of("s3://bucket/out.ipynb") is None
        assert cells._journal_of(str(tmp_path / "o.ipynb")) == tmp_path / "o.ipynb.cells.jsonl"
        done = self.run(book(tmp_path / "a.ipynb", "print(1)"), None)
        assert done.cells[0].outputs[0].text == "1\n"

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
    def test_a_signal_that_ends_it_leaves_the_notebook_that_papermill_leaves_and_no_journal(
        self, number: signal.Signals, tmp_path: Path
    ) -> None:
        source = book(
            tmp_path / "a.ipynb", "print('ran')", "import os, pathlib, time; print('begun', flush=True)\n"
            "pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)", "print('never')",
        )  # fmt: skip
        found = {}
        for way, engine in both.ENGINES.items():
            (folder := tmp_path / way).mkdir()
            argv = [sys.executable, "-m", "papermill", str(source), "out.ipynb", "--engine", engine]
            with subprocess.Popen(argv, cwd=folder, stderr=subprocess.DEVNULL) as runner:
                kernel = int(after(folder / "pid"))
                runner.send_signal(number)
            assert runner.returncode == -number
            cells_ = json.loads((folder / "out.ipynb").read_text())["cells"]
            found[way] = [(c["metadata"]["papermill"]["status"], bool(c["outputs"])) for c in cells_[:1]]
            found[way] += [(c["metadata"]["papermill"]["status"], False) for c in cells_[1:]]
            if way == "ours":
                assert is_gone(kernel)
                assert sorted(p.name for p in folder.iterdir()) == ["out.ipynb", "pid"]
            else:
                os.kill(kernel, signal.SIGKILL)  # papermill leaves it behind
        assert found["ours"] == found["stock"] == [("completed", True), ("running", False), ("pending", False)]

    def test_who_listens_for_a_signal_goes_on_listening_and_none_is_heard_afterwards(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[Any] = []
        real = papermill.engines.NBClientEngine.execute_managed_notebook

        def looked(*args: Any, **more: Any) -> Any:
            seen.append([signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)])
            return real(*args, **more)

        monkeypatch.setattr(papermill.engines.NBClientEngine, "execute_managed_notebook", looked)
        own = lambda *_: None  # noqa: E731
        before = signal.signal(signal.SIGTERM, own)
        try:
            self.run(book(tmp_path / "a.ipynb", "print(1)"), tmp_path / "out.ipynb")
            assert signal.getsignal(signal.SIGTERM) is own
        finally:
            signal.signal(signal.SIGTERM, before)
        assert seen[0][0] is own
        assert callable(seen[0][1])
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL

    def test_a_runner_that_is_killed_leaves_what_ran_and_no_kernel(self, tmp_path: Path) -> None:
        target, pid = tmp_path / "out.ipynb", tmp_path / "pid"
        source = book(
            tmp_path / "a.ipynb", "print('größe')", "1 / 1",
            f"import os, pathlib, time; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(60)",
        )  # fmt: skip
        code = "import papermill, sys; papermill.execute_notebook(*sys.argv[1:], engine_name='runbook', progress_bar=False)"
        with subprocess.Popen([sys.executable, "-c", code, str(source), str(target)]) as runner:
            kernel = int(after(pid))
            runner.kill()
        assert is_gone(kernel)
        assert said(target)[0] == ""
        journal = Path(f"{target}{cells.ENDING}")
        journal.write_text(journal.read_text() + '{"index": 2, "outp')  # killed while it wrote
        restored = subprocess.run(
            [sys.executable, "-m", "runbook.runner.cells", str(target)], check=True, capture_output=True, text=True
        )
        assert restored.stdout.endswith("3 cell(s) restored\n")
        whole = json.loads(target.read_text())
        assert said(target)[0] == "größe\n"
        assert [c["metadata"]["papermill"]["status"] for c in whole["cells"]] == ["completed", "completed", "running"]
        assert whole["cells"][1]["outputs"][0]["data"] == {"text/plain": ["1.0"]}
        assert not journal.exists()

    def test_where_there_is_nothing_to_restore_one_sentence_says_so(self, tmp_path: Path, capsys: Any) -> None:
        path = book(tmp_path / "a.ipynb", "1")
        assert cells.main([str(path)]) == 2
        assert (
            capsys.readouterr().err
            == f"{path}: nothing to restore: there is no {path} with a {path}.cells.jsonl beside it\n"
        )


class TestEngine:
    def test_papermill_knows_it_and_has_imported_nothing_of_it(self) -> None:
        code = "import sys, papermill.engines as e; found = e.papermill_engines.get_engine('runbook'); "
        code += "heavy = {'runbook.runner.engine', 'runbook.runner.kernel', 'runbook.notebook'} & set(sys.modules); "
        code += "sys.exit(f'{found} {heavy}' if heavy or found.__module__ != 'runbook.runner.entry' else 0)"
        done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.tier2
    @pytest.mark.parametrize(
        ("name", "options", "code"),
        [
            ("streams-and-results", ("--log-output",), 0),
            ("streams-and-results", ("--stdout-file", "out.txt", "--no-progress-bar"), 0),
            ("streams-and-results", ("--progress-bar", "--autosave-cell-every", "0", "--start-timeout", "30"), 0),
            ("streams-and-results", ("--no-request-save-on-cell-execute", "--report-mode"), 0),
            ("parameters", ("-p", "day", "friday", "-y", "{count: 2}", "-k", "python3", "--log-level", "ERROR"), 0),
            ("parameters", ("--prepare-only", "-p", "count", "5"), 0),
            ("parameters", ("-k", "no-such-kernel"), 1),
            ("fails-with-a-traceback", (), 1),
            ("exits-with-3", (), 1),
            ("kernel-dies", (), 138),
            ("sleeps", ("--execution-timeout", "1"), 1),
        ],
    )
    def test_the_command_line_ends_and_says_the_same(
        self, name: str, options: tuple[str, ...], code: int, tmp_path: Path
    ) -> None:
        found = {}
        for way, engine in both.ENGINES.items():
            work = tmp_path / way / "work"
            work.mkdir(parents=True)
            argv = [sys.executable, "-m", "papermill", str(both.FIXTURES / f"{name}.ipynb"), "../out.ipynb"]
            for _ in range(3 if way == "stock" else 1):
                done = subprocess.run(
                    [*argv, "--engine", engine, *options], cwd=work, check=False, capture_output=True, text=True
                )
                if not _ZMQ_ENDS_BADLY.search(done.stderr):
                    break
            executed = both.read(tmp_path / way) if (tmp_path / way / "out.ipynb").exists() else None
            lines = [x for x in _MOVING.sub("", done.stderr).splitlines() if x.strip()]
            found[way] = (done.returncode, executed, done.stdout, lines if done.returncode == 0 else lines[-1:])
        assert found["ours"] == found["stock"]
        assert found["ours"][0] == code


class TestExecute:
    def test_one_after_the_other_each_with_nbconverts_own_page(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        source = f"import atexit, pathlib, time\nlog = open({str(log)!r}, 'a')\natexit.register(lambda: (log.write('end '), log.close()))"
        paths = [
            book(tmp_path / f"{n}.ipynb", source, "log.write('begin '); log.flush(); time.sleep(0.3)", "2 + 2")
            for n in "abc"
        ]
        assert execute(paths, tmp_path / "out", {}, html=True, talk=Talk()) == Executed()
        assert log.read_text().split() == ["begin", "end"] * 3
        for name in "abc":
            page = tmp_path / "out" / f"{name}.html"
            ours = page.read_text()
            assert ours == notebook_page(tmp_path / "out" / f"{name}.ipynb").read_text()
            assert "<title>" + name in ours

    @pytest.mark.tier2
    def test_the_page_is_that_of_nbconverts_command(self, tmp_path: Path) -> None:
        path = both.FIXTURES / "rich-displays.ipynb"
        assert execute([path], tmp_path, {}, html=True, talk=Talk()) == Executed([str(path)])
        ours = (tmp_path / "rich-displays.html").read_text()
        argv = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", str(tmp_path / "rich-displays.ipynb")]
        subprocess.run(argv, check=True, capture_output=True)
        assert (tmp_path / "rich-displays.html").read_text() == ours

    def test_the_loops_of_its_threads_are_closed(self, tmp_path: Path) -> None:
        """They would be found by whoever collects garbage next, in another test or a person's session."""
        paths = [book(tmp_path / f"{n}.ipynb", "1") for n in "ab"]
        gc.collect()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", ResourceWarning)
            assert execute(paths, tmp_path / "out", {}, html=False, talk=Talk()) == Executed()
            gc.collect()
        assert [str(w.message) for w in told if issubclass(w.category, ResourceWarning)] == []

    def test_one_that_fails_is_kept_and_the_others_are_run(self, tmp_path: Path, capsys: Any) -> None:
        paths = [
            book(tmp_path / "a.ipynb", "1 / 0"), book(tmp_path / "b.ipynb", "import os; os._exit(3)"),
            book(tmp_path / "c.ipynb", "print(day)"),
        ]  # fmt: skip
        failed = execute(paths, tmp_path / "out", {"day": "friday"}, html=False, talk=Talk())
        assert failed == Executed([str(p) for p in paths[:2]])
        told = capsys.readouterr().err
        assert "ZeroDivisionError: division by zero" in told
        assert "the kernel died" in told
        assert said(tmp_path / "out/c.ipynb")[-1] == "friday\n"
        assert not list((tmp_path / "out").glob("*.html"))

    def test_nothing_is_run_that_would_overwrite_or_does_not_exist(self, tmp_path: Path) -> None:
        path = book(tmp_path / "a.ipynb", "1")
        (tmp_path / "b").mkdir()
        again = book(tmp_path / "b" / "a.ipynb", "1")
        for paths, outputs, words in (
            ([path], tmp_path, "overwritten"), ([path, again], tmp_path / "c", "same name"), ([tmp_path / "x"], tmp_path, "not a file"),
        ):  # fmt: skip
            with pytest.raises(ParameterError, match=words):
                execute(paths, outputs, {}, html=False, talk=Talk())

    @pytest.mark.tier2
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_stopped_it_leaves_no_kernel_and_begins_no_other(
        self, number: signal.Signals, code: int, tmp_path: Path
    ) -> None:
        note = "import os, pathlib, time; pathlib.Path({!r}).write_text(str(os.getpid())); time.sleep(60)"
        paths = [book(tmp_path / f"{n}.ipynb", "print('ran')", note.format(str(tmp_path / n))) for n in "abc"]
        argv = [sys.executable, "-m", "runbook", "execute", *map(str, paths), "--outputs", str(tmp_path / "out")]
        heeds = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
        with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, preexec_fn=heeds) as process:  # noqa: PLW1509
            kernel = int(after(tmp_path / "a"))
            process.send_signal(number)
            began = time.monotonic()
            assert process.stderr is not None
            told = process.stderr.read()
        assert process.returncode == code, told
        assert time.monotonic() - began < 10
        assert "Traceback" not in told
        assert is_gone(kernel)
        assert not {"b", "c"} & {p.name for p in tmp_path.iterdir()}
        assert said(tmp_path / "out/a.ipynb")[0] == "ran\n"

    def test_the_command_says_what_is_wrong_with_a_parameter(self) -> None:
        argv = [sys.executable, "-m", "runbook", "execute", "a.ipynb", "--outputs", "x", "-p", "day"]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env={**os.environ})
        assert done.returncode == 2
        assert "NAME=TEXT" in done.stderr
