"""`runbook causes`: the catalogue listed, searched and explained, and messages told apart by it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runbook.cli.options import Format, FormatOption, OptionalInventory

if TYPE_CHECKING:
    from runbook.diagnosis import Catalogue, Cause

app = typer.Typer(rich_markup_mode=None, help="The catalogue of causes: list, search, explain, and match messages.")


@app.callback(
    invoke_without_command=True, epilog="Examples: runbook causes · runbook causes match --messages messages.jsonl"
)
def listed(
    ctx: typer.Context,
    inventory: OptionalInventory = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
) -> None:
    """List all causes. With -i, your own (`causes:` of the inventory) too; as markdown, the documentation page."""
    if ctx.invoked_subcommand is not None:
        return
    from runbook.diagnosis.page import page

    catalogue = _catalogue(inventory)
    if format is Format.MARKDOWN:
        typer.echo(page(catalogue), nl=False)
    else:
        _show(catalogue.causes.values(), format, "Causes")


@app.command("search", epilog="Examples: runbook causes search x509 · runbook causes search sealed key --format json")
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="All of them must be there.")],
    inventory: OptionalInventory = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
) -> int:
    """Find causes by words of their id, title, meaning, remedy or signatures."""
    from runbook.diagnosis.page import search as found_by

    found = found_by(_catalogue(inventory), words)
    _show(found, format, f"Causes with {' and '.join(words)}")
    return 0


@app.command(
    "explain", epilog="Examples: runbook causes explain image-not-found · runbook causes explain oom-killed -i my.yaml"
)
def explain(
    cause: Annotated[str, typer.Argument(metavar="ID", help="The cause's id.", show_default=False)],
    inventory: OptionalInventory = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
) -> int:
    """Explain one cause: what it means, what to do, what would settle it, who says it in which words."""
    import difflib

    from runbook.diagnosis.page import in_full
    from runbook.errors import ParameterError

    causes = _catalogue(inventory).causes
    if cause not in causes:
        near = difflib.get_close_matches(cause, causes, n=3)
        hint = f"Near it: {', '.join(near)}." if near else "`runbook causes` lists them all."
        raise ParameterError(f"there is no cause {cause!r}", field="ID", hint=hint)
    if format is Format.JSON:
        typer.echo(json.dumps(_as_json(causes[cause]), indent=2, ensure_ascii=False))
    else:
        typer.echo(in_full(causes[cause]))
    return 0


@app.command(
    "match", epilog="Examples: runbook causes match --messages messages.jsonl · kubectl … | runbook causes match"
)
def match(
    messages: Annotated[
        str, typer.Option("--messages", help='JSON lines {"id","object_kind","reason","message"}; - is stdin.')
    ] = "-",
    inventory: OptionalInventory = None,
) -> int:
    """Tell messages apart: one JSON object in, one out, in order. `unknown` is an answer; exit 0 whatever it is."""
    catalogue = _catalogue(inventory)
    for answer in answers(_lines(messages), catalogue):
        sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    return 0


def answers(lines: Iterable[bytes], catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """One answer for each line that is not blank; a line that is no JSON object is answered `unknown` and why."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _answer(line, number, catalogue)


def _answer(line: bytes, number: int, catalogue: Catalogue) -> dict[str, Any]:
    from runbook.diagnosis.classify import classify

    try:
        asked = json.loads(line.decode("utf-8", errors="replace").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return _unknown(None, f"line {number} is not JSON")
    if not isinstance(asked, Mapping):
        return _unknown(None, f"line {number} is not a JSON object")
    found = classify(
        asked.get("message"),
        reason=_text(asked.get("reason")),
        kind=_text(asked.get("object_kind")),
        catalogue=catalogue if catalogue.extra else None,
    )
    return {"id": asked.get("id"), "cause": found.cause, "kind": found.role, "why": found.why}


def _unknown(identity: object, why: str) -> dict[str, Any]:
    return {"id": identity, "cause": "unknown", "kind": "unknown", "why": why}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _lines(messages: str) -> Iterator[bytes]:
    from runbook.errors import ParameterError

    if messages == "-":
        yield from sys.stdin.buffer
        return
    try:
        with Path(messages).open("rb") as file:
            yield from file
    except OSError as error:
        raise ParameterError(f"{messages} cannot be read: {error.strerror}", field="--messages") from error


def _catalogue(inventory: Path | None) -> Catalogue:
    from runbook.stage import catalogue_of, read_inventory

    return catalogue_of(read_inventory(str(inventory)) if inventory else None)


def _show(causes: Iterable[Cause], format_: Format, caption: str) -> None:
    from runbook.cli.tables import write
    from runbook.diagnosis.page import kind
    from runbook.display import Table

    found = list(causes)
    table = Table(
        caption=caption,
        columns=("Cause", "Layer", "Is", "Title"),
        rows=[(c.id, c.layer, kind(c), c.title) for c in found],
    )
    write(table, format_, data=lambda: [_as_json(cause) for cause in found])


def _as_json(cause: Cause) -> dict[str, Any]:
    from runbook.diagnosis.page import emitters

    return {
        "id": cause.id,
        "title": cause.title,
        "layer": cause.layer,
        "role": cause.role,
        "stage": cause.stage,
        "meaning": cause.meaning,
        "hypothesis": cause.hypothesis,
        "said_by": emitters(cause),
        "next": {"text": cause.next.text, "command": cause.next.command, "safe": cause.next.safe},
        "decides": cause.decides,
        "docs": cause.docs,
    }
