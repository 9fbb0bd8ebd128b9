"""Any notebooks, one after the other, each in a kernel of its own that is made ready while the one before it works.

Their cells never run at the same time, and a kernel has ended before the next one's first cell; pages are made meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from runbook.errors import ParameterError
from runbook.runner import libraries, warm
from runbook.runner.admitting import plain_path, why_not
from runbook.runner.foresight import KNOWN, modules_of, sources_of
from runbook.stage.telling import Teller


@dataclass(frozen=True)
class Executed:
    """Which of the notebooks failed, their pages included, and which could not be run at all."""

    failed: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 when one failed, else 2 when one could not be run."""
        return 1 if self.failed else 2 if self.not_run else 0


def execute(
    notebooks: Sequence[Path], outputs: Path, parameters: Mapping[str, str], *, html: bool, talk: Teller
) -> Executed:
    """Run them all. Raises ParameterError before anything is run.

    A notebook that fails ends there, as with papermill, is kept with its error, and the others are run all the same; so are
    they beside one that cannot be run, of which an earlier output stays as it is.
    """
    targets = _targets(notebooks, outputs)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # as papermill's own command does
    modules = {m for n in notebooks for m in modules_of(sources_of(_bytes(n)), Path.cwd())}
    done = Executed()
    with ThreadPoolExecutor(2) as runners, ThreadPoolExecutor(1) as maker:
        with warm.kept(os.environ, [m for m in KNOWN if m in modules]):
            libraries.load()
            jobs = list(_admitted(notebooks, targets, parameters, done, talk))
            turns = _Turns(len(jobs))
            try:
                pages = [maker.submit(_import_page_maker)] if html and jobs else []
                runs = [runners.submit(_in_turn, n, turns, job, parameters, talk) for n, job in enumerate(jobs)]
                for job, run in zip(jobs, runs, strict=True):
                    if run.result():
                        done.failed.append(str(job.source))
                    if html and job.begun:
                        pages.append(maker.submit(_page, job, done, talk))
            finally:
                turns.stop()
        for page in pages:
            page.result()
    return done


@dataclass
class _Job:
    """One notebook. `begun`: its output has been written, and may have a page."""

    source: Path
    target: Path
    begun: bool = False

    def begin(self) -> None:
        self.begun = True


def _admitted(
    notebooks: Sequence[Path], targets: Sequence[Path], parameters: Mapping[str, str], done: Executed, talk: Teller
) -> Iterator[_Job]:
    """Those that can be run; of the others it is said why not, and what to do."""
    for source, target in zip(notebooks, targets, strict=True):
        why = why_not(source, target, parameters)
        if why:
            talk.failure("execute", f"{source} was not run: {why}")
            done.not_run.append(str(source))
        else:
            yield _Job(source, target)


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


def _in_turn(number: int, turns: _Turns, job: _Job, parameters: Mapping[str, str], talk: Teller) -> str:
    def turn() -> None:
        turns.wait(number)
        talk.action("execute", str(job.source))

    if turns.stopped:
        return ""
    try:
        why = _run(job, parameters, turn)
        if why:
            talk.failure("execute", f"{job.source}: {why}")
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
    if len({t.with_suffix(".html") for t in targets}) < len(targets):
        raise ParameterError("two notebooks have the same name", field="NOTEBOOK", hint="Run them into two folders.")
    try:
        if any(t.exists() and t.samefile(n) for t, n in zip(targets, notebooks, strict=True)):
            raise ParameterError("a notebook would be overwritten by what it puts out", field="--outputs")
        outputs.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=outputs):  # who may write there is asked of whoever decides it
            return targets
    except OSError as error:
        raise ParameterError(
            f"{outputs} cannot hold what the notebooks put out: {error.strerror}",
            field="--outputs",
            hint="Name a folder that you may write to, or that can be made.",
        ) from error


def _bytes(notebook: Path) -> bytes:
    try:
        return notebook.read_bytes()
    except OSError:
        return b""


def _run(job: _Job, parameters: Mapping[str, str], turn: Callable[[], None]) -> str:
    """Why it failed, or nothing."""
    from nbclient.exceptions import DeadKernelError
    from papermill import execute_notebook
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillExecutionError

    from runbook.runner.engine import WarmEngine

    papermill_engines.register("runbook", WarmEngine)
    paths = plain_path(job.source), plain_path(job.target)
    try:
        execute_notebook(
            *paths, dict(parameters), engine_name="runbook", progress_bar=False, turn=turn, begun=job.begin
        )
    except PapermillExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    except DeadKernelError:
        return "the kernel died"
    except Exception as error:  # noqa: BLE001  # whatever it is, it is this notebook's, and the others are run all the same
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def _import_page_maker() -> None:
    import runbook.report.plain

    runbook.report.plain.load()


def _page(job: _Job, done: Executed, talk: Teller) -> None:
    from runbook.report import plain
    from runbook.report.making import attempted

    page = job.target.with_suffix(".html")
    why = attempted(str(page), lambda: plain.notebook_page(job.target))
    if not why:
        talk.generate("execute", str(page))
        return
    talk.failure("execute", why)
    if str(job.source) not in done.failed:
        done.failed.append(str(job.source))
