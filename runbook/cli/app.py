"""The `runbook` application: its commands, how errors become one clear sentence, and what is refused by name."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from runbook.cli import archive, causes, cluster, execute, explain, inventory, lab, stages
from runbook.display import Talk
from runbook.errors import NotBuiltError, RunbookError
from runbook.runner.stopping import terminable
from runbook.version import __version__

# typer brings its own click; its base of all usage errors has no public name there.
ClickError: Any = typer.BadParameter.__mro__[2]

PROMISED = {
    "resume": "carrying on from a recorded run",
    "timeline": "what happened when",
    "diff": "what changed between two runs",
    "retro": "the retrospective draft",
    "ticket": "the ticket block",
}

EXIT_CODES = (
    "Exit codes: 0 pass · 1 error or not evaluated · 2 usage, nothing touched · 3 fail · 4 waived · 124 deadline · "
    "130/143 interrupted"
)


class Commands(TyperGroup):
    """Refuses promised commands by name instead of calling them unknown."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Look a command up; raises NotBuiltError for one that is promised and not built."""
        if args and args[0] in PROMISED and args[0] not in self.commands:
            raise NotBuiltError(
                f"`runbook {args[0]}` ({PROMISED[args[0]]}) is not built yet",
                hint="README lists what this version does under “Not yet”.",
            )
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="runbook",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Runbook notebooks for the night a Kubernetes cluster was rebuilt and Flux is red.",
    epilog=f"{EXIT_CODES}. Examples: runbook rehearse --ending seed · runbook plan verify -i inventory.yaml",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"runbook {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Runbook notebooks for the night a Kubernetes cluster was rebuilt and Flux is red."""


for _module in (cluster, stages, explain, archive, lab, execute):
    _module.register(app)
app.add_typer(inventory.app, name="inventory")
app.add_typer(causes.app, name="causes")


def call(argv: list[str] | None = None) -> int:
    """Run one command line and give its exit code. Errors of the tree are printed as one clear sentence."""
    try:
        with terminable():
            outcome: Any = app(args=argv, standalone_mode=False)
    except RunbookError as error:
        _complain(error)
        return error.exit_code
    except ClickError as error:
        error.show(file=sys.stderr)
        return int(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        Talk().failure("runbook", "interrupted")
        return 130
    return outcome if isinstance(outcome, int) else 0


def _complain(error: RunbookError) -> None:
    talk = Talk()
    talk.failure("runbook", error.message)
    if error.hint:
        talk.warning("next", error.hint)
