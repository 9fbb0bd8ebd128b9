"""What ran, kept cell by cell in a small file that only grows, so that the notebook itself need not be written each time.

papermill writes the whole notebook twice a cell. Here it is written at the start, at the end, when the last time was long
ago, and when SIGTERM or SIGHUP ends the process; what kills it unheard leaves `NOTEBOOK.cells.jsonl`, and

    python -m runbook.runner.cells NOTEBOOK

puts what it holds into the notebook.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ENDING = ".cells.jsonl"
SELDOM = 5.0  # seconds between two writings of the whole notebook while it runs


class JournalledEngine:
    """For a papermill engine: as its own `execute_notebook`, with a journal between two writings."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        turn: Callable[[], None] | None = None,
        begun: Callable[[], None] = lambda: None,
        **rest: Any,
    ) -> Any:
        """Run the cells and give the notebook back. Raises what the kernel's client raises.

        With a `turn`, which is called when the kernel is ready and may wait, nothing is written before it has come: what
        was never begun leaves what an earlier run put out. `begun` is called when the notebook has been written then.
        """
        kept = manager_class()(
            nb, output_path=output_path, progress_bar=progress_bar, log_output=log_output,
            autosave_cell_every=autosave_cell_every,
        )  # fmt: skip
        if turn is not None:
            kept.waits, rest["turn"] = True, _after(turn, kept.begin, begun)
        kept.notebook_start()
        with _when_killed(kept.keep):
            try:
                cls.execute_managed_notebook(kept, kernel_name, log_output=log_output, **rest)  # type: ignore[attr-defined]
            finally:
                kept.cleanup_pbar()
                kept.notebook_complete()
        return kept.nb


def _after(*acts: Callable[[], None]) -> Callable[[], None]:
    def act() -> None:
        for each in acts:
            each()

    return act


@contextmanager
def _when_killed(keep: Callable[[], None]) -> Iterator[None]:
    """Call it before a signal ends this process as it would have, where nobody else listens for that one.

    A process that a signal ends runs no `finally`. Whatever was being written then is written anew, from its beginning.
    """
    heeded = []
    if threading.current_thread() is threading.main_thread():  # in another nobody can listen
        heeded = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]

    def heard(number: int, _frame: FrameType | None) -> None:
        try:
            keep()
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in heeded:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)


def manager_class() -> Any:
    """papermill's manager of a running notebook, with a journal."""
    from papermill.engines import NotebookExecutionManager

    class Manager(NotebookExecutionManager):  # type: ignore[misc]
        """Writes the whole only at the start, at the end, in long cells as papermill does, and else seldom."""

        def __init__(self, nb: Any, output_path: str | None = None, **rest: Any) -> None:
            super().__init__(nb, output_path=output_path, **rest)
            self.journal = _journal_of(output_path)
            self._written = time.monotonic()
            self._between = False
            self.waits = False

        def notebook_start(self, **kwargs: Any) -> None:
            """Write the whole; a journal that another run left there is about that one."""
            super().notebook_start(**kwargs)
            self._drop()

        def begin(self) -> None:
            """Write the whole for the first time, where that had to wait."""
            self.waits = False
            self.save()
            self._drop()

        def save(self, **kwargs: Any) -> None:
            """Write it, unless the journal keeps what is new."""
            if self.waits:
                return
            if self._between and self.journal is not None and time.monotonic() - self._written < SELDOM:
                self.last_save_time = self.now()
                return
            super().save(**kwargs)
            self._written = time.monotonic()

        def cell_start(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
            """Note that it began."""
            self._between = True
            super().cell_start(cell, cell_index, **kwargs)
            self._between = False
            self._note(cell, cell_index)

        def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
            """Note how it ended, and what it put out."""
            self._between = True
            super().cell_complete(cell, cell_index, **kwargs)
            self._between = False
            self._note(cell, cell_index)

        def notebook_complete(self, **kwargs: Any) -> None:
            """Write the whole; then the journal has nothing more to say."""
            super().notebook_complete(**kwargs)
            self._drop()

        def keep(self) -> None:
            """Write the whole as it is in the middle of the run, which ends here."""
            self._between = False
            self.save()
            self._drop()

        def _drop(self) -> None:
            if self.journal is not None and not self.waits:
                self.journal.unlink(missing_ok=True)

        def _note(self, cell: Any, index: int | None) -> None:
            if self.journal is None or index is None or cell.get("cell_type") != "code":
                return
            told = {key: cell[key] for key in ("metadata", "execution_count", "outputs") if key in cell}
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"index": index, **told}) + "\n")

    return Manager


def restore(notebook: Path) -> int:
    """Put what the journal holds into a notebook that was left unfinished; how many cells that were.

    A last line that is only half there is that of a process killed while it wrote, and is left out.
    """
    import nbformat

    journal = Path(f"{notebook}{ENDING}")
    whole = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    found: set[int] = set()
    for line in journal.read_text(encoding="utf-8").split("\n")[:-1]:
        told = json.loads(line)
        index = told.pop("index")
        whole.cells[index].update(nbformat.from_dict(told))  # type: ignore[no-untyped-call]
        found.add(index)
    nbformat.write(whole, notebook)  # type: ignore[no-untyped-call]
    journal.unlink()
    return len(found)


def _journal_of(output_path: Any) -> Path | None:
    """Where the journal lies; None for a notebook that is not a file of this machine."""
    from papermill.iorw import LocalHandler, papermill_io

    handler = papermill_io.get_handler(output_path) if isinstance(output_path, str) and output_path != "-" else None
    if not isinstance(handler, LocalHandler):
        return None
    return Path(handler._cwd or Path.cwd(), f"{output_path}{ENDING}")


def main(names: Sequence[str]) -> int:
    """Restore these notebooks; exit 2 when there is nothing to restore for one."""
    code = 0
    for name in names:
        try:
            sys.stdout.write(f"{name}: {restore(Path(name))} cell(s) restored\n")
        except FileNotFoundError:
            sys.stderr.write(f"{name}: nothing to restore: there is no {name} with a {name}{ENDING} beside it\n")
            code = 2
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
