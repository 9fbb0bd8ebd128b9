"""`runbook explain`: first causes of what is red, live or over recorded objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from runbook.cli.options import ContextOption, Format, FormatOption, KubeconfigOption, OptionalInventory
from runbook.model import Explanation, ObjectRef


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "explain",
        epilog="Examples: runbook explain -i beckerkube.yaml · runbook explain --from state.json --format json",
    )(explain)


def explain(
    object_: Annotated[str, typer.Argument(metavar="[KIND/NAME]", help="Only the chain of this object.")] = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the object.")] = "",
    inventory: OptionalInventory = None,
    from_: Annotated[
        list[Path] | None, typer.Option("--from", help="Recorded objects: kubectl JSON/YAML, a folder, or a run.")
    ] = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option's name is the interface
) -> int:
    """Name the first cause of everything that is red, and the one next act. Answers exit 0, whatever they found."""
    from runbook.diagnosis import as_json
    from runbook.diagnosis import explain as diagnose
    from runbook.display import Talk, first_causes
    from runbook.errors import ParameterError
    from runbook.stage import catalogue_of, observe_for_explanation, read_inventory

    talk = Talk()
    catalogue = catalogue_of(read_inventory(str(inventory)) if inventory else None)
    if from_:
        from runbook.stage import recorded_snapshot

        snapshot, believed = recorded_snapshot(from_), None
        talk.warning("explain", f"“now” is the newest time in the input: {snapshot.observed_at:%Y-%m-%dT%H:%M:%SZ}")
    elif inventory:
        snapshot, believed = observe_for_explanation(inventory, kubeconfig=kubeconfig, context=context, talk=talk)
    else:
        raise ParameterError("say which cluster (-i INVENTORY) or which recorded objects (--from PATH)")
    explanation = diagnose(snapshot, believed, catalogue=catalogue)
    if object_:
        explanation = _only(explanation, object_, namespace)
    if format is Format.JSON:
        typer.echo(json.dumps(as_json(explanation), indent=2, ensure_ascii=False))
    else:
        typer.echo(first_causes(explanation).text())
    return 0


def _only(explanation: Explanation, object_: str, namespace: str) -> Explanation:
    import dataclasses

    from runbook.errors import ParameterError

    kind, _, name = object_.partition("/")

    def same(ref: ObjectRef) -> bool:
        return (ref.kind.lower(), ref.name) == (kind.lower(), name) and namespace in ("", ref.namespace)

    causes = tuple(c for c in explanation.first_causes if same(c.object) or any(same(e.object) for e in c.explains))
    unexplained = tuple(u for u in explanation.unexplained if same(u.object))
    if not name:
        raise ParameterError(f"{object_!r} is not KIND/NAME", field="[KIND/NAME]")
    return dataclasses.replace(explanation, first_causes=causes, unexplained=unexplained)
