"""What papermill gets wrong, one misbehaving notebook each: first on plain papermill, then on our runner."""

from __future__ import annotations

import contextlib
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

import nbformat
import papermill
import pytest
from nbclient.exceptions import DeadKernelError
from papermill.cli import _resolve_type

from runbook.errors import DeadlineError, ParameterError
from runbook.evidence import read_journal
from runbook.runner import Acting, StageOutcome, run_notebook, run_stage
from runbook.stage.telling import Relay

FIXTURES = Path(__file__).parent / "fixtures"
SILENT = Relay(None)

pytestmark = pytest.mark.filterwarnings(
    "ignore::Warning:zmq", "ignore::Warning:jupyter_client", "ignore::Warning:papermill"
)


@pytest.fixture(autouse=True)
def _no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages have tests of their own, and each costs a second here."""
    monkeypatch.setattr("runbook.runner.aftermath._page", lambda *_: None)


def ours(name: str, outputs: Path, **more: Any) -> StageOutcome:
    outputs.mkdir(exist_ok=True)
    parameters = {"outputs": str(outputs), "secret": more.pop("secret", "")}
    return run_notebook(FIXTURES / f"{name}.ipynb", parameters, stage="preflight", talk=SILENT, **more)


def cut_off_at_work(outputs: Path) -> StageOutcome:
    """A deadline that found the notebook asleep: on a busy machine a kernel alone needs longer than the shortest."""
    for deadline in (4, 12, 36):
        with contextlib.suppress(DeadlineError):
            return ours("sleeps", outputs, deadline=deadline)
    pytest.fail("36 s were not enough for a kernel to start")


def plain(name: str, tmp_path: Path, **more: Any) -> Any:
    """Plain papermill; the executed notebook as it left it."""
    (tmp_path / "plain").mkdir(exist_ok=True)
    target = tmp_path / "plain.ipynb"
    parameters = {"outputs": str(tmp_path / "plain"), **more.pop("parameters", {})}
    ends = (DeadKernelError, RuntimeError, papermill.exceptions.PapermillExecutionError, TimeoutError)
    with contextlib.suppress(*ends):
        papermill.execute_notebook(
            str(FIXTURES / f"{name}.ipynb"), str(target), parameters, progress_bar=False, kernel_name="python3", **more
        )
    return nbformat.read(target, as_version=4)


def statuses(notebook: Any) -> dict[str, str]:
    return {c["id"]: c.metadata.papermill["status"] for c in notebook.cells if c["id"] in ("misbehaves-0", "later")}


def executed(outcome: StageOutcome) -> Any:
    assert outcome.attempt_path is not None
    return nbformat.read(outcome.attempt_path / "notebook.ipynb", as_version=4)


def result(outcome: StageOutcome) -> dict[str, Any]:
    assert outcome.attempt_path is not None
    data: dict[str, Any] = json.loads((outcome.attempt_path / "result.json").read_text())
    return data


def kernel_is_gone(outputs: Path) -> bool:
    pid = int((outputs / "kernel.pid").read_text())
    for _ in range(40):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def after_the_kernel_began(outputs: Path, act: Callable[[], None]) -> threading.Thread:
    def wait() -> None:
        for _ in range(600):
            if (outputs / "kernel.pid").is_file() and (outputs / "kernel.pid").read_text():
                time.sleep(0.2)
                act()
                return
            time.sleep(0.05)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


class TestDeadKernel:
    @pytest.mark.tier2
    def test_plain_papermill_calls_every_cell_completed(self, tmp_path: Path) -> None:
        assert statuses(plain("kernel-dies", tmp_path))["later"] == "completed"

    def test_ours_says_what_ran_and_records_an_error(self, tmp_path: Path) -> None:
        outcome = ours("kernel-dies", tmp_path / "o")
        assert (outcome.exit_code, outcome.verdict.value) == (1, "error")
        assert statuses(executed(outcome)) == {"misbehaves-0": "kernel-died", "later": "not-run"}
        assert result(outcome)["error"] == "the kernel died"


class TestDeadline:
    @pytest.mark.tier2
    def test_plain_papermill_calls_what_timed_out_and_what_never_ran_completed(self, tmp_path: Path) -> None:
        found = statuses(plain("sleeps", tmp_path, execution_timeout=1))
        assert found == {"misbehaves-0": "completed", "later": "completed"}

    def test_ours_ends_with_124_and_kills_the_kernel(self, tmp_path: Path) -> None:
        outcome = cut_off_at_work(tmp_path / "o")
        assert (outcome.exit_code, outcome.verdict.value) == (124, "error")
        assert statuses(executed(outcome)) == {"misbehaves-0": "timed-out", "later": "not-run"}
        assert result(outcome)["ended_as"] == "deadline"
        assert kernel_is_gone(tmp_path / "o")


class TestSignals:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_ours_records_an_interrupted_run_and_leaves_no_kernel(self, tmp_path: Path, number: int, code: int) -> None:
        watcher = after_the_kernel_began(tmp_path / "o", lambda: os.kill(os.getpid(), number))
        outcome = ours("sleeps", tmp_path / "o")
        watcher.join()
        assert outcome.exit_code == code
        assert result(outcome)["ended_as"] == "interrupted"
        assert statuses(executed(outcome)) == {"misbehaves-0": "interrupted", "later": "not-run"}
        assert outcome.attempt_path is not None
        assert read_journal(outcome.attempt_path / "journal.jsonl").entries[-1].event == "interrupted"
        assert kernel_is_gone(tmp_path / "o")

    @pytest.mark.tier2
    def test_plain_papermill_dies_and_says_that_it_is_still_running(self, tmp_path: Path) -> None:
        (tmp_path / "p").mkdir()
        target = tmp_path / "out.ipynb"
        argv = [
            sys.executable,
            "-m",
            "papermill",
            str(FIXTURES / "sleeps.ipynb"),
            str(target),
            "-p",
            "outputs",
            str(tmp_path / "p"),
        ]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after_the_kernel_began(tmp_path / "p", process.terminate).join()
        assert process.wait(timeout=20) == -signal.SIGTERM
        assert statuses(nbformat.read(target, as_version=4))["later"] == "pending"


class TestSystemExit:
    def test_plain_papermill_is_content(self, tmp_path: Path) -> None:
        (tmp_path / "plain").mkdir()
        source, target = FIXTURES / "exits-with-0.ipynb", tmp_path / "out.ipynb"
        papermill.execute_notebook(  # raises nothing
            str(source), str(target), {"outputs": str(tmp_path / "plain")}, progress_bar=False, kernel_name="python3"
        )
        later = nbformat.read(target, as_version=4).cells[-1]
        assert later.execution_count is None

    @pytest.mark.parametrize(
        ("name", "words"), [("exits-with-0", "sys.exit(0)"), ("never-records", "ended without recording")]
    )
    def test_ours_calls_a_notebook_that_recorded_nothing_an_error(self, tmp_path: Path, name: str, words: str) -> None:
        outcome = ours(name, tmp_path / "o")
        assert outcome.exit_code == 1
        assert words in result(outcome)["error"]


class TestParameters:
    def test_plain_papermill_runs_with_the_default_of_a_mistyped_name(self, tmp_path: Path) -> None:
        done = plain("never-records", tmp_path, parameters={"outptus": "x"})
        assert statuses(done)["later"] == "completed"

    def test_ours_refuses_before_a_kernel_starts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("runbook.runner.stages.run_notebook", lambda *_, **__: pytest.fail("a kernel was started"))
        for change in ({"acting": Acting(wait="soon")}, {"soak": "5 minutes"}, {"run": Path("/x"), "soak": "-3m"}):
            stage = "cleanup" if "acting" in change else "verify"
            with pytest.raises(Exception) as caught:  # noqa: PT011  the exit code is what counts
                run_stage(stage, inventory=tmp_path / "i.yaml", outputs=tmp_path, talk=SILENT, **change)  # type: ignore[arg-type]
            assert caught.value.exit_code == 2  # type: ignore[attr-defined]
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("text", "becomes"), [("1.10", 1.1), ("0123", 123), ("123e456", float("inf"))])
    def test_plain_papermill_turns_texts_into_numbers_and_ours_keeps_them(self, text: str, becomes: float) -> None:
        from runbook.stage.parameters import check

        assert _resolve_type(text) == becomes
        assert check("verify", {"context": text}).context == text
        with pytest.raises(ParameterError, match="quote it"):
            check("verify", {"context": becomes})

    def test_the_text_false_is_true_for_papermill_and_refused_by_ours(self) -> None:
        from runbook.stage.parameters import check

        assert bool(_resolve_type("false"))
        with pytest.raises(ParameterError, match="none of no, yes"):
            check("verify", {"allow_waived": "false"})


class TestSecrets:
    CANARY = "Canary-5b1f77aa-Yx"

    def test_plain_papermill_keeps_a_secret_in_cell_metadata_and_traceback(self, tmp_path: Path) -> None:
        done = plain("raises-with-a-secret", tmp_path, parameters={"secret": self.CANARY})
        assert nbformat.writes(done).count(self.CANARY) >= 3

    def test_ours_cuts_it_from_all_three_and_from_the_result(self, tmp_path: Path) -> None:
        outcome = ours("raises-with-a-secret", tmp_path / "o", secret=self.CANARY)
        assert outcome.exit_code == 1
        assert outcome.attempt_path is not None
        for path in outcome.attempt_path.iterdir():
            assert self.CANARY not in path.read_text(), path.name

    def test_a_planted_leak_makes_the_stage_fail_closed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("runbook.runner.aftermath.redact_notebook", lambda *_: None)
        outcome = ours("raises-with-a-secret", tmp_path / "o", secret=self.CANARY)
        assert outcome.exit_code == 1
        assert outcome.attempt_path is not None
        assert not (outcome.attempt_path / "notebook.ipynb").exists()
        assert (outcome.attempt_path / "notebook.ipynb.withheld.txt").exists()
        assert "withheld" in result(outcome)["error"]

    def test_the_page_of_a_stage_with_a_leak_is_made_anew_without_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pages: list[Path | None] = []
        monkeypatch.setattr("runbook.runner.aftermath._page", lambda _, notebook: pages.append(notebook))
        monkeypatch.setattr("runbook.runner.aftermath.redact_notebook", lambda *_: None)
        outcome = ours("raises-with-a-secret", tmp_path / "o", secret=self.CANARY)
        assert outcome.attempt_path is not None
        assert pages == [outcome.attempt_path / "notebook.ipynb", None]
