"""`runbook explain`: first causes of what is red, live or over recorded objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from runbook.cli.options import ContextOption, Format, FormatOption, KubeconfigOption, OptionalInventory
from runbook.model import Explanation, ObjectRef, Snapshot


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
        from runbook.stage import recorded_catalogue, recorded_snapshot

        snapshot, believed = recorded_snapshot(from_), None
        if inventory is None:
            catalogue = recorded_catalogue(from_) or catalogue
        talk.warning("explain", f"“now” is the newest time in the input: {snapshot.observed_at:%Y-%m-%dT%H:%M:%SZ}")
    elif inventory:
        snapshot, believed = observe_for_explanation(inventory, kubeconfig=kubeconfig, context=context, talk=talk)
    else:
        raise ParameterError("say which cluster (-i INVENTORY) or which recorded objects (--from PATH)")
    explanation = _cut(diagnose(snapshot, believed, catalogue=catalogue))
    if object_:
        explanation = _only(explanation, object_, namespace)
    if format is Format.JSON:
        typer.echo(json.dumps(as_json(explanation), indent=2, ensure_ascii=False))
    else:
        typer.echo(first_causes(explanation).text())
        if object_:
            _describe(
                snapshot,
                _meant(snapshot, object_, namespace),
                explanation,
                (inventory, kubeconfig, context) if inventory and not from_ else None,
            )
    return 0


def _cut(explanation: Explanation) -> Explanation:
    """What was saved by others was cut by nobody: secrets in its texts are cut here, before any line is broken."""
    import dataclasses

    from runbook.evidence import Redactor

    cut = Redactor().text
    return dataclasses.replace(
        explanation,
        first_causes=tuple(
            dataclasses.replace(
                c,
                message=cut(c.message),
                next=dataclasses.replace(c.next, text=cut(c.next.text), command=cut(c.next.command)),
                captures={name: cut(value) for name, value in c.captures.items()},
            )
            for c in explanation.first_causes
        ),
        unexplained=tuple(
            dataclasses.replace(
                u,
                why=cut(u.why),
                hypotheses=tuple(dataclasses.replace(h, because=cut(h.because)) for h in u.hypotheses),
            )
            for u in explanation.unexplained
        ),
    )


Live = tuple[Path, str | None, str | None]
ASKED = ("Pod", "Service", "Ingress")


def _describe(snapshot: Snapshot, meant: tuple[ObjectRef, ...], explanation: Explanation, live: Live | None) -> None:
    """The object in full, and what was asked about it and about the pods at fault: now when live, else when it was kept."""
    from runbook.diagnosis.details import details
    from runbook.display import Stack
    from runbook.domain.inquiries import Inquiry
    from runbook.stage.describing import described, told

    at_fault = [c.object for c in explanation.first_causes if c.object.kind == "Pod"]
    for ref in meant:
        if (found := details(snapshot, ref)) is not None:
            typer.echo(f"\n{described(found, snapshot.observed_at).text()}")
    for inquiry in _asked(snapshot, tuple(dict.fromkeys((*meant, *at_fault))), live).seen(Inquiry):
        if (shown := Stack(*told(inquiry))).parts and inquiry.about in (*meant, *at_fault):
            typer.echo(f"\n{inquiry.about}\n{shown.text()}")


def _asked(snapshot: Snapshot, refs: tuple[ObjectRef, ...], live: Live | None) -> Snapshot:
    """Of a pod only while it fails; of a Service and an Ingress because somebody asked for it by name."""
    from runbook.diagnosis.details import details
    from runbook.stage import ask_about

    if live is None:
        return snapshot
    found = {ref: details(snapshot, ref) for ref in refs if ref.kind in ASKED}
    worth = [ref for ref, seen in found.items() if seen is not None and (ref.kind != "Pod" or seen.failing)]
    inventory, kubeconfig, context = live
    return ask_about(inventory, snapshot, worth, kubeconfig=kubeconfig, context=context)


def _meant(snapshot: Snapshot, object_: str, namespace: str) -> tuple[ObjectRef, ...]:
    """The observed objects of that name, in all namespaces where none is given."""
    from runbook.diagnosis.index import build

    found = build(snapshot)
    refs = dict.fromkeys((*found.objects, *found.events))
    return tuple(r for r in refs if _is(r, object_, namespace))


def _is(ref: ObjectRef, object_: str, namespace: str) -> bool:
    """Whether KIND/NAME means it; a kind that goes by its group as well is meant without it too."""
    kind, _, name = object_.partition("/")
    kinds = {ref.kind.lower(), ref.kind.partition(".")[0].lower()}
    return kind.lower() in kinds and ref.name == name and namespace in ("", ref.namespace)


def _only(explanation: Explanation, object_: str, namespace: str) -> Explanation:
    import dataclasses

    from runbook.errors import ParameterError

    def same(ref: ObjectRef) -> bool:
        return _is(ref, object_, namespace)

    causes = tuple(c for c in explanation.first_causes if same(c.object) or any(same(e.object) for e in c.explains))
    unexplained = tuple(u for u in explanation.unexplained if same(u.object))
    if not object_.partition("/")[2]:
        raise ParameterError(f"{object_!r} is not KIND/NAME", field="[KIND/NAME]")
    return dataclasses.replace(explanation, first_causes=causes, unexplained=unexplained)
