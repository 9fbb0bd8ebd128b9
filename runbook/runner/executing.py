"""Any notebooks, one after the other, each in a kernel of its own that is made ready while the one before it works.

Their cells never run at the same time, and a kernel has ended before the next one's first cell; pages are made meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from runbook.errors import ParameterError
from runbook.runner import libraries, warm
from runbook.runner.foresight import KNOWN, modules_of, sources_of
from runbook.stage.telling import Teller


def execute(
    notebooks: Sequence[Path], outputs: Path, parameters: Mapping[str, str], *, html: bool, talk: Teller
) -> list[str]:
    """Run them all; which of them failed. Raises ParameterError before anything is run.

    A notebook that fails ends there, as with papermill, is kept with its error, and the others are run all the same.
    """
    targets = _targets(notebooks, outputs)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # as papermill's own command does
    modules = {m for n in notebooks for m in modules_of(sources_of(n.read_bytes()), Path.cwd())}
    turns = _Turns(len(notebooks))
    with ThreadPoolExecutor(2) as runners, ThreadPoolExecutor(1) as maker:
        with warm.kept(os.environ, [m for m in KNOWN if m in modules]):
            try:
                libraries.load()
                pages = [maker.submit(_import_page_maker)] if html else []
                runs = [
                    runners.submit(_in_turn, number, turns, source, target, parameters, talk)
                    for number, (source, target) in enumerate(zip(notebooks, targets, strict=True))
                ]
                failed = []
                for source, target, run in zip(notebooks, targets, runs, strict=True):
                    if run.result():
                        failed.append(str(source))
                    if html:
                        pages.append(maker.submit(_page, target, talk))
            finally:
                turns.stop()
        for page in pages:
            page.result()
    return failed


@dataclass
class _Turns:
    """Whose cells may run: those of the notebook before which all others have ended. After a stop nobody's."""

    count: int
    stopped: bool = False
    ended: int = 0
    _change: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, number: int) -> None:
        """Wait for it. Raises InterruptedError when the whole is to stop."""
        with self._change:
            self._change.wait_for(lambda: self.stopped or self.ended >= number)
            if self.stopped:
                raise InterruptedError("stopped before its first cell")

    def end(self, number: int) -> None:
        """It has ended; the next one's turn has come, when those before it have ended too."""
        with self._change:
            self._change.wait_for(lambda: self.stopped or self.ended >= number)
            self.ended = number + 1
            self._change.notify_all()

    def stop(self) -> None:
        """Let nobody begin any more; their kernels are killed with the warm parent."""
        with self._change:
            self.stopped = self.ended < self.count
            self._change.notify_all()


def _in_turn(
    number: int, turns: _Turns, source: Path, target: Path, parameters: Mapping[str, str], talk: Teller
) -> str:
    def begin() -> None:
        turns.wait(number)
        talk.action("execute", str(source))

    if turns.stopped:
        return ""
    try:
        why = _run(source, target, parameters, begin)
        if why:
            talk.failure("execute", f"{source}: {why}")
        return why
    finally:
        _close_loop()
        turns.end(number)


def _close_loop() -> None:
    """The loop that nbclient made for this thread, and that nobody else would close."""
    from jupyter_core.utils import ensure_event_loop

    ensure_event_loop().close()


def _targets(notebooks: Sequence[Path], outputs: Path) -> list[Path]:
    for path in notebooks:
        if not path.is_file():
            raise ParameterError(f"{path} is not a file", field="NOTEBOOK")
    targets = [outputs / path.name for path in notebooks]
    if len(set(targets)) < len(targets):
        raise ParameterError("two notebooks have the same name", field="NOTEBOOK", hint="Run them into two folders.")
    if any(t.exists() and t.samefile(n) for t, n in zip(targets, notebooks, strict=True)):
        raise ParameterError("a notebook would be overwritten by what it puts out", field="--outputs")
    outputs.mkdir(parents=True, exist_ok=True)
    return targets


def _run(source: Path, target: Path, parameters: Mapping[str, str], turn: Callable[[], None]) -> str:
    """Why it failed, or nothing."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import execute_notebook
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillException, PapermillExecutionError

    from runbook.runner.engine import WarmEngine

    papermill_engines.register("runbook", WarmEngine)
    try:
        execute_notebook(
            str(source), str(target), dict(parameters), engine_name="runbook", progress_bar=False, turn=turn
        )
    except PapermillExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    except DeadKernelError:
        return "the kernel died"
    except (CellTimeoutError, PapermillException, RuntimeError, ValueError, OSError) as error:
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def _import_page_maker() -> None:
    import runbook.report.plain

    runbook.report.plain.load()


def _page(notebook: Path, talk: Teller) -> None:
    from runbook.report.plain import notebook_page

    talk.generate("execute", str(notebook_page(notebook)))
