"""`runbook explain`: first causes of what is red, live or over recorded objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from runbook.cli.options import ContextOption, Format, FormatOption, KubeconfigOption, OptionalInventory


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "explain",
        epilog="Examples: runbook explain -i beckerkube.yaml · runbook explain po/web-0 -n shop --from state.json",
    )(explain)


def explain(
    object_: Annotated[
        str, typer.Argument(metavar="[KIND/NAME]", help="Only this object: kinds as kubectl takes them.")
    ] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only this namespace, or that of the object.")
    ] = "",
    inventory: OptionalInventory = None,
    from_: Annotated[
        list[Path] | None, typer.Option("--from", help="Recorded objects: kubectl JSON/YAML, a folder, or a run.")
    ] = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
) -> int:
    """Name the first cause of everything that is red, and the one next act. Answers exit 0, whatever they found."""
    from runbook.diagnosis import explain as diagnose
    from runbook.display import Talk
    from runbook.display.markdown import markdown
    from runbook.errors import ParameterError
    from runbook.stage import catalogue_of, observe_for_explanation, read_inventory
    from runbook.stage.answering import Answer, cut
    from runbook.stage.naming import Named, only, within

    talk = Talk()
    catalogue = catalogue_of(read_inventory(str(inventory)) if inventory else None)
    if from_:
        from runbook.stage import recorded_catalogue, recorded_snapshot

        snapshot, believed = recorded_snapshot(from_), None
        if inventory is None:
            catalogue = recorded_catalogue(from_) or catalogue
        talk.warning("explain", f"“now” is the newest time in the input: {snapshot.observed_at:%Y-%m-%dT%H:%M:%SZ}")
    elif inventory:
        snapshot, believed = observe_for_explanation(inventory, kubeconfig=kubeconfig, context=context, talk=talk)
    else:
        raise ParameterError("say which cluster (-i INVENTORY) or which recorded objects (--from PATH)")
    explanation = diagnose(snapshot, believed, catalogue=catalogue)
    named: tuple[Named, ...] = ()
    if object_:
        explanation, named = only(snapshot, explanation, object_, namespace, catalogue)
    elif namespace:
        explanation = within(snapshot, explanation, namespace)
    answer = Answer(snapshot, *cut(explanation, named), namespace)
    if format is Format.JSON:
        typer.echo(json.dumps(answer.as_json(), indent=2, ensure_ascii=False))
        return 0
    parts = answer.parts((inventory, kubeconfig, context) if inventory and not from_ else None)
    typer.echo("\n\n".join(markdown(p) if format is Format.MARKDOWN else p.text() for p in parts))
    return 0
