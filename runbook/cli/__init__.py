"""The command line: wiring only. Data goes to stdout, talk to stderr, and the exit code is INTERFACES' promise."""

from __future__ import annotations

import gc
import sys

from runbook.cli.ahead import kernels_ahead
from runbook.errors import InterruptedRun
from runbook.runner.stopping import terminable

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Run the command line; never returns. SIGTERM is heard before the rest is imported."""
    try:
        with terminable(), kernels_ahead(sys.argv[1:] if argv is None else argv):
            from runbook.cli.app import call

            code = call(argv)
    except InterruptedRun as error:
        sys.stderr.write(f"x runbook    {error.message}; nothing was begun\n")
        code = error.exit_code
    gc.freeze()  # the system takes it all back: looking for cycles in it first takes a quarter of a second
    sys.exit(code)
