"""Any notebooks, one after the other, each in a kernel of its own; their pages are made while the next one runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
    with warm.kept(os.environ, [m for m in KNOWN if m in modules]), ThreadPoolExecutor(1) as maker:
        libraries.load()
        pages = [maker.submit(_import_page_maker)] if html else []
        failed: list[str] = []
        for source, target in zip(notebooks, targets, strict=True):
            talk.action("execute", str(source))
            if why := _run(source, target, parameters):
                failed.append(str(source))
                talk.failure("execute", f"{source}: {why}")
            if html:
                pages.append(maker.submit(_page, target, talk))
        _wait(pages)
    return failed


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


def _run(source: Path, target: Path, parameters: Mapping[str, str]) -> str:
    """Why it failed, or nothing."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import execute_notebook
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillException, PapermillExecutionError

    from runbook.runner.engine import WarmEngine

    papermill_engines.register("runbook", WarmEngine)
    try:
        execute_notebook(str(source), str(target), dict(parameters), engine_name="runbook", progress_bar=False)
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


def _wait(pages: Sequence[Future[None]]) -> None:
    for page in pages:
        page.result()
