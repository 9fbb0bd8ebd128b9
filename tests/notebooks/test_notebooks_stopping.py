"""Whatever stops a run, and whatever a renderer does, is recorded, sealed and said: signals, deadlines, broken pages."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runbook import notebook, rehearse, sequence
from runbook.display import Talk
from runbook.embedded import EmbeddedCluster, Frame
from runbook.errors import EvidenceError, InterruptedRun
from runbook.evidence import Run, check_seal, read_journal
from runbook.model import StageResult, Verdict
from runbook.runner import StageOutcome, libraries, run_stage, stopping
from runbook.runner.stopping import Stopper, terminable, undisturbed
from runbook.sequence import RunOutcome, finish, run_stages

pytestmark = pytest.mark.filterwarnings("ignore::Warning:zmq", "ignore::Warning:jupyter_client")
WHEN = datetime(2025, 10, 17, 11, 0, tzinfo=UTC)


def facts_of(run: Path, root: Path) -> dict[str, Any]:
    """run.json, after its schema was asked."""
    data: dict[str, Any] = json.loads((run / "run.json").read_text())
    Draft202012Validator(json.loads((root / "runbook/schemas/run.v1.json").read_text())).validate(data)
    return data


def result_of(attempt: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((attempt / "result.json").read_text())
    return data


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with one recorded attempt and its page, not sealed."""
    facts = dict.fromkeys(("uid", "server", "inventory_digest", "inventory_path", "who", "tool_version"), "x")
    run = Run.open(tmp_path / "outputs", cluster="small", how="runner", time_scale=1.0, now=lambda: WHEN, **facts)  # type: ignore[arg-type]
    attempt = run.new_attempt("preflight")
    empty: dict[str, Any] = {"findings": (), "criteria": (), "explanation": None, "actions": ()}
    attempt.write_result(StageResult("preflight", 1, "plan", Verdict.PASS, WHEN, WHEN, WHEN, **empty))
    (attempt.path / "report.html").write_text("<p>fine</p>")
    return run


def recorded(run: Run) -> StageOutcome:
    return StageOutcome(0, Verdict.PASS, run.path / "00-preflight")


def broken(*_: Any, **__: Any) -> Any:
    colours: dict[str, str] = {}
    return colours["red"]


class TestBeforeTheKernel:
    def test_sigterm_is_recorded_sealed_and_said(self, meadow: EmbeddedCluster, tmp_path: Path, root: Path) -> None:
        argv = [sys.executable, "-m", "runbook", "plan", "verify", "-i", str(meadow.inventory)]
        argv += ["--kubeconfig", str(meadow.kubeconfig), "--outputs", str(tmp_path)]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert "as expected" in process.stderr.readline()  # the stage began; papermill is not even imported
            process.terminate()
            said = process.stderr.read()
        assert process.returncode == 143
        assert "stopped by SIGTERM" in said
        assert "Traceback" not in said
        (folder,) = (p.parent for p in tmp_path.glob("*/run.json"))
        assert list(check_seal(Run.load(folder))) == []
        assert [s["verdict"] for s in facts_of(folder, root)["stages"]] == ["error"]
        attempt = folder / "40-verify"
        assert (result_of(attempt)["ended_as"], result_of(attempt)["error"]) == ("interrupted", "stopped by SIGTERM")
        assert (attempt / "report.html").is_file()
        assert (folder / "inventory.yaml").is_file()

    def test_a_deadline_that_passes_meanwhile_starts_no_kernel(
        self, meadow: EmbeddedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import papermill

        monkeypatch.setattr(libraries, "load", lambda: time.sleep(0.3))
        monkeypatch.setattr(papermill, "execute_notebook", lambda *_, **__: pytest.fail("a kernel was started"))
        given: dict[str, Any] = {"inventory": meadow.inventory, "outputs": tmp_path, "talk": Talk()}
        outcome = run_stage("verify", kubeconfig=str(meadow.kubeconfig), deadline=0.1, **given)
        assert (outcome.exit_code, outcome.verdict) == (124, Verdict.ERROR)
        assert outcome.attempt_path is not None
        assert result_of(outcome.attempt_path)["ended_as"] == "deadline"
        events = [
            (e.event, e.facts.get("reached")) for e in read_journal(outcome.attempt_path / "journal.jsonl").entries
        ]
        assert events == [("opened", False), ("interrupted", None)]

    def test_a_stage_of_a_run_under_way_is_recorded_in_that_run(
        self, meadow: EmbeddedCluster, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(libraries, "load", lambda: os.kill(os.getpid(), signal.SIGINT))
        given: dict[str, Any] = {"inventory": meadow.inventory, "outputs": run.path.parent, "talk": Talk()}
        outcome = run_stage("verify", run=run.path, **given)
        assert (outcome.exit_code, outcome.attempt_path) == (130, run.path / "40-verify")

    def test_sigterm_before_the_command_line_is_imported_is_said_too(self) -> None:
        code = "import os, signal, sys\nclass Hit:\n  def find_spec(self, name, *_):\n"
        code += "    if name == 'runbook.cli.app': os.kill(os.getpid(), signal.SIGTERM)\n"
        code += "sys.meta_path.insert(0, Hit())\nfrom runbook.cli import main\nmain(['--version'])"
        done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (143, "")
        assert done.stderr.endswith("stopped by SIGTERM; nothing was begun\n")

    def test_no_cell_is_started_any_more(self, root: Path, tmp_path: Path) -> None:
        from papermill.engines import NotebookExecutionManager
        from papermill.iorw import load_notebook_node

        from runbook.runner.kernel import Session, StoppableClient

        (tmp_path / "a.ipynb").write_text((root / "notebooks/40-verify.ipynb").read_text())
        notebook = load_notebook_node(str(tmp_path / "a.ipynb"))  # type: ignore[no-untyped-call]
        manager = NotebookExecutionManager(notebook, progress_bar=False)  # type: ignore[no-untyped-call]
        client = StoppableClient(manager)
        client.session = Session(tmp_path, {}, stopped=lambda: True)
        cell = next(c for c in manager.nb.cells if c.cell_type == "code")
        manager.cell_start(cell, 0)
        with pytest.raises(KeyboardInterrupt):
            client.execute_cell(cell, 0)
        assert (cell.metadata.papermill["start_time"], client.session.begun) == (None, False)

    def test_papermill_is_imported_without_the_grammar_that_takes_seconds(self) -> None:
        code = "import sys; from runbook.runner import libraries; libraries.load(); import nbformat; "
        code += "sys.exit('rfc3987_syntax' in sys.modules or 'papermill' not in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@contextlib.contextmanager
def kernel(code: str) -> Iterator[subprocess.Popen[str]]:
    """A process in a kernel's place, that has said it is ready."""
    # a suite that a shell started in the background inherits SIGINT as ignored; a kernel sets its handler itself
    heeds = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    argv = [
        sys.executable,
        "-c",
        f"import signal, sys, time; n = 0; {heeds}\n{code}\nprint(0, flush=True); time.sleep(20)",
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def hit(number: signal.Signals, then: list[str] | None = None) -> None:
    """This process gets a signal, and goes on when nothing was raised."""
    os.kill(os.getpid(), number)
    time.sleep(0.05)
    if then is not None:
        then.append("whole")


class TestStopper:
    def test_a_kernel_that_ignores_an_interrupt_between_two_cells_is_interrupted_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stopping, "AGAIN", 0.1)
        second = "def heard(*_):\n    global n; n += 1\n    if n == 2: sys.exit(7)\nsignal.signal(signal.SIGINT, heard)"
        with kernel(second) as process:
            stopper = Stopper(grace=15)
            with stopper.holding(lambda: process.pid):
                stopper.stop("terminated")
                assert process.wait(timeout=10) == 7

    def test_one_that_heeds_nothing_is_killed_after_the_grace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stopping, "AGAIN", 0.1)
        with kernel("signal.signal(signal.SIGINT, signal.SIG_IGN)") as process:
            stopper = Stopper(grace=0.3)
            with stopper.holding(lambda: process.pid):
                stopper.stop("deadline")
                assert process.wait(timeout=10) == -signal.SIGKILL

    def test_one_that_is_only_being_started_is_stopped_when_it_is_there(self) -> None:
        with kernel("") as process:
            stopper, pids = Stopper(), iter([None, None, process.pid])
            with stopper.holding(lambda: next(pids, process.pid)):
                stopper.stop("deadline")
                assert process.wait(timeout=10) in (1, -signal.SIGINT)

    def test_one_that_has_begun_no_cell_is_killed_at_once(self) -> None:
        with kernel("signal.signal(signal.SIGINT, signal.SIG_IGN)") as process:
            stopper = Stopper(grace=15)
            with stopper.holding(lambda: process.pid, lambda: False):
                stopper.stop("deadline")
                assert process.wait(timeout=10) == -signal.SIGKILL

    def test_sigterm_is_an_error_with_its_code_where_nothing_else_listens(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(InterruptedRun, match="stopped by SIGTERM") as caught, terminable():
            hit(signal.SIGTERM)
        assert caught.value.exit_code == 143
        assert signal.getsignal(signal.SIGTERM) is before

    def test_an_undisturbed_block_ends_first(self) -> None:
        done: list[str] = []
        with pytest.raises(InterruptedRun) as caught, undisturbed():
            hit(signal.SIGINT, then=done)
        assert (caught.value.exit_code, done) == (130, ["whole"])

    def test_another_thread_hears_nothing_and_breaks_nothing(self) -> None:
        done: list[str] = []

        def work() -> None:
            with undisturbed():
                done.append("whole")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert done == ["whole"]


class TestBrokenPages:
    def test_a_stages_page_costs_neither_record_nor_seal(
        self, meadow: EmbeddedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.setattr("runbook.report.stage_report", broken)
        outcome = self.preflight(meadow, tmp_path)
        attempt = outcome.run_path / "00-preflight"
        result = result_of(attempt)
        assert outcome.exit_code == 1
        assert result["error"].startswith("report: failed: report.html: KeyError: 'red'")
        assert (result["ended_as"], bool(result["checks"])) == ("recorded", True)
        last = read_journal(attempt / "journal.jsonl").entries[-1]
        assert (last.event, last.what) == ("failed", "report")
        assert list(check_seal(Run.load(outcome.run_path))) == []
        assert "report: failed: report.html" in capsys.readouterr().err

    def preflight(self, meadow: EmbeddedCluster, outputs: Path) -> RunOutcome:
        return run_stages(
            ["preflight"],
            inventory=meadow.inventory,
            outputs=outputs,
            soak="none",
            kubeconfig=str(meadow.kubeconfig),
            context=None,
            deadline=None,
            talk=Talk(),
            allow_waived=False,
        )

    def test_the_runs_page_costs_no_seal(self, run: Run, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        monkeypatch.setattr(sequence, "run_index", broken)
        outcome = finish(run.path, recorded(run), run.path.parent, Talk())
        assert (outcome.exit_code, outcome.verdict) == (1, Verdict.PASS)
        assert list(check_seal(Run.load(run.path))) == []
        assert facts_of(run.path, root)["report"].startswith("report: failed: index.html: KeyError")

    def test_the_archives_page_costs_no_seal(self, run: Run, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        monkeypatch.setattr(sequence, "archive_index", broken)
        outcome = finish(run.path, recorded(run), run.path.parent, Talk())
        assert outcome.exit_code == 1
        assert list(check_seal(Run.load(run.path))) == []
        assert "report" not in facts_of(run.path, root)

    def test_a_notebook_run_by_hand_says_it_in_its_last_cell(
        self, meadow: EmbeddedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("runbook.report.stage_report", broken)
        given = {"inventory": str(meadow.inventory), "kubeconfig": str(meadow.kubeconfig), "outputs": str(tmp_path)}
        stage = notebook.begin("diagnose", **given)
        with pytest.raises(EvidenceError, match=r"report: failed: report\.html: KeyError: 'red'"):
            notebook.record(stage)
        stage.close()
        (attempt,) = tmp_path.glob("*/50-diagnose")
        assert result_of(attempt)["verdict"] == "pass"
        assert read_journal(attempt / "journal.jsonl").entries[-1].what == "report"

    def test_with_whole_pages_the_verdict_decides(self, run: Run) -> None:
        assert finish(run.path, recorded(run), run.path.parent, Talk()).exit_code == 0


class TestBetweenStages:
    """Nobody records a stage there: what was recorded before is sealed, and the code is the stop's."""

    def stages(self, run: Run, monkeypatch: pytest.MonkeyPatch, second: Callable[[], None]) -> RunOutcome:
        def one(stage: str, **_: Any) -> StageOutcome:
            if stage != "preflight":
                second()
            return recorded(run)

        monkeypatch.setattr(sequence, "run_stage", one)
        given: dict[str, Any] = {"inventory": Path("x"), "outputs": run.path.parent, "soak": "none", "talk": Talk()}
        given |= {"kubeconfig": None, "context": None, "allow_waived": False}
        return run_stages(["preflight", "verify"], deadline=0.2, **given)

    @pytest.mark.parametrize(
        ("error", "code"), [(InterruptedRun("stopped by SIGTERM", exit_code=143), 143), (KeyboardInterrupt(), 130)]
    )
    def test_a_signal(self, run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
        def second() -> None:
            raise error

        assert self.stages(run, monkeypatch, second).exit_code == code
        assert list(check_seal(Run.load(run.path))) == []

    def test_the_deadline(self, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        ticks = iter([0.0, 0.1, 0.3])
        monkeypatch.setattr(sequence, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
        assert self.stages(run, monkeypatch, lambda: pytest.fail("it began")).exit_code == 124
        assert Run.load(run.path).sealed
        assert "the deadline passed before verify began" in capsys.readouterr().err

    def test_a_signal_while_sealing_waits_for_the_seal(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        real = sequence.seal

        def seal(which: Run) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            return real(which)

        monkeypatch.setattr(sequence, "seal", seal)
        with pytest.raises(InterruptedRun) as caught:
            finish(run.path, recorded(run), run.path.parent, Talk())
        assert caught.value.exit_code == 143
        assert list(check_seal(Run.load(run.path))) == []

    def test_a_rehearsed_night_stopped_while_it_waits_for_a_frame(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Waiting:
            frames = (Frame("one", ("preflight",)), Frame("two", ("verify",)))
            inventory = kubeconfig = Path("x")
            waited = 0

            def wait_for_frame(self, _tell: Any) -> dict[str, Any]:
                self.waited += 1
                if self.waited == 2:
                    raise InterruptedRun("stopped by SIGTERM", exit_code=143)
                return {"name": "one"}

            def proceed(self) -> None:
                """Nobody acts."""

        monkeypatch.setattr(rehearse, "run_stage", lambda *_, **__: recorded(run))
        assert rehearse._Night(Waiting(), run.path.parent, Talk(), allow_waived=False).live().exit_code == 143  # type: ignore[arg-type]
        assert list(check_seal(Run.load(run.path))) == []

    @pytest.mark.parametrize(
        ("code", "verdict", "ends"), [(143, Verdict.ERROR, 143), (3, Verdict.FAIL, 0), (1, Verdict.PASS, 1)]
    )
    def test_a_look_back_that_was_stopped_or_has_no_page_ends_the_night_so(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, code: int, verdict: Verdict, ends: int
    ) -> None:
        class Short:
            frames = (Frame("one", ("preflight",)),)
            inventory = kubeconfig = Path("x")

            def wait_for_frame(self, _tell: Any) -> dict[str, Any]:
                return {"name": "one"}

            def proceed(self) -> None:
                """Nobody acts."""

        looks = iter([RunOutcome(run.path, Verdict.PASS, 0), RunOutcome(run.path, verdict, code)])
        monkeypatch.setattr(rehearse, "run_stage", lambda *_, **__: recorded(run))
        monkeypatch.setattr(rehearse, "finish", lambda *_, **__: next(looks))
        night = rehearse._Night(Short(), run.path.parent, Talk(), allow_waived=False)  # type: ignore[arg-type]
        assert night.live().exit_code == ends
