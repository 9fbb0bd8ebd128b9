"""The recorded states as a person reads them with flux, kubectl and k8sgpt, against `runbook explain`: `python -m benchmarks.against`.

What the others print is what stands in the objects: the Ready message of each row (`flux get all -A`), the warnings about
Flux's objects (`flux events`), everything `kubectl describe` shows of each red object and each pod that is not ready, and what
`k8sgpt analyze` prints by the rules that `benchmarks/k8sgpt` restates. A reader is taken to know every wording of our
catalogue: a text names a cause when the catalogue knows a cause by it, and no cause when it only says that something waits.
Which cause is right is told by the label of the state.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks import k8sgpt
from runbook.clients import recorded
from runbook.diagnosis import explain
from runbook.diagnosis.classify import classify
from runbook.domain import podstatus
from runbook.domain.cluster import Event
from runbook.domain.flux import Kustomization, Source
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Condition, Resource, condition
from runbook.domain.pods import Pod
from runbook.domain.sealing import SealedSecret
from runbook.evidence import load_snapshot
from runbook.model import ObjectRef, Snapshot

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT / "tests" / "data" / "recordings"
CLUSTERS = ROOT / "tests" / "data" / "clusters"
NIGHT = ROOT / "outputs" / "example" / "red" / "40-verify"
NIGHT_CAUSES = (frozenset({"sealed-secret-key-mismatch"}), frozenset({"image-not-found"}))
_SERVERS = frozenset({"registry-unreachable", "source-fetch-failed"})
Texts = Iterator[tuple[ObjectRef, str, str]]  # object, reason, message


@dataclass(frozen=True, slots=True)
class Labelled:
    """A recorded state and what is wrong in it."""

    name: str
    state: Snapshot
    causes: tuple[frozenset[str], ...]  # each with those that are as right
    also: frozenset[str] = frozenset()

    @property
    def right(self) -> frozenset[str]:
        """All that may be named."""
        return self.also.union(*self.causes)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one way of looking gives: objects shown as red, and the causes it names."""

    red: int
    causes: frozenset[str]


def states() -> Iterator[Labelled]:
    """All recordings, and the source task's night as it was sealed."""
    yield from _labelled(sorted(p for p in RECORDINGS.iterdir() if p.is_dir()))
    yield Labelled("the night", load_snapshot(NIGHT), NIGHT_CAUSES)


def real() -> Iterator[Labelled]:
    """The states of real controllers that somebody else recorded and labelled."""
    yield from _labelled(sorted(CLUSTERS.glob("real-*")))


def _labelled(folders: Iterable[Path]) -> Iterator[Labelled]:
    for folder in folders:
        told = YAML(typ="safe", pure=True).load((folder / "answer.yaml").read_text())
        causes = tuple(frozenset([one] if isinstance(one, str) else one) for one in told["first_causes"])
        state = recorded.load([folder / "state.json.gz"])
        yield Labelled(folder.name, state, causes, frozenset(told.get("also_right", ())))


def flux_get(state: Snapshot) -> Reading:
    """`flux get all -A`: one row an object, with its Ready condition."""
    rows = [(obj.ref, found.reason, found.message) for obj, found in _not_ready(state)]
    return Reading(len(rows), _named(iter(rows)))


def flux_events(state: Snapshot) -> Reading:
    """`flux events -A --types=Warning`: warnings about Flux's objects."""
    rows = list(_events(state, {obj.ref for obj in _flux(state)}))
    return Reading(len({ref for ref, _, _ in rows}), _named(iter(rows)))


def describe(state: Snapshot) -> Reading:
    """`kubectl describe` of every Flux object, SealedSecret and pod that is not ready: conditions, containers, events."""
    red: dict[ObjectRef, Resource] = {obj.ref: obj for obj, _ in _not_ready(state)}
    red |= {s.ref: s for s in state.seen(SealedSecret) if _bad(s.status.conditions, "Synced")}
    red |= {p.ref: p for p in state.seen(Pod) if not podstatus.is_ready(p) and p.status.phase != "Succeeded"}
    texts = [text for ref, obj in red.items() for text in _described(ref, obj)]
    return Reading(len(red), _named(iter([*texts, *_events(state, set(red))])))


def k8sgpt_analyze(state: Snapshot) -> Reading:
    """`k8sgpt analyze` without a backend: the lines of its default filters."""
    found = list(k8sgpt.analyze(state))
    return Reading(len({line.ref for line in found}), _named((line.ref, line.reason, line.text) for line in found))


def ours(state: Snapshot) -> Reading:
    """`runbook explain --from`."""
    found = explain(state)
    red = sum(len(c.explains) for c in found.first_causes) + len(found.unexplained)
    return Reading(red, frozenset(c.cause for c in found.first_causes))


TOOLS: dict[str, Callable[[Snapshot], Reading]] = {
    "`flux get all -A`": flux_get,
    "`flux events -A --types=Warning`": flux_events,
    "`kubectl describe` of all that is red": describe,
    "`k8sgpt analyze`, no backend, default filters": k8sgpt_analyze,
    "`runbook explain`": ours,
}


def table(given: Iterable[Labelled]) -> str:
    """The comparison as Markdown."""
    labelled = list(given)
    wanted = sum(len(one.causes) for one in labelled)
    lines = [
        f"| {len(labelled)} states, {wanted} first causes | objects shown red | causes named | right | wrong | missed | states told right |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for tool, read in TOOLS.items():
        red = named = right = missed = whole = 0
        for one in labelled:
            found = read(one.state)
            causes = found.causes if read is ours else _as_labelled(found.causes, one.right)
            red += found.red
            named += len(causes)
            right += len(causes & one.right)
            lacking = sum(wanted_.isdisjoint(causes) for wanted_ in one.causes)
            missed += lacking
            whole += not lacking and causes <= one.right
        lines.append(f"| {tool} | {red} | {named} | {right} | {named - right} | {missed} | {whole} |")
    return "\n".join(lines) + "\n"


def _flux(state: Snapshot) -> Iterator[Source | Kustomization | HelmRelease]:
    for items in state.objects.values():
        yield from (o for o in items if isinstance(o, (Source, Kustomization, HelmRelease)))


def _not_ready(state: Snapshot) -> Iterator[tuple[Source | Kustomization | HelmRelease, Condition]]:
    for obj in _flux(state):
        found = condition(obj.status.conditions, "Ready")
        if found is not None and found.status != "True":
            yield obj, found


def _bad(conditions: tuple[Condition, ...] | None, type_: str) -> bool:
    found = condition(conditions, type_)
    return found is not None and found.status != "True"


def _described(ref: ObjectRef, obj: Resource) -> Texts:
    conditions: tuple[Condition, ...] | None = (
        obj.status.conditions if isinstance(obj, (Source, Kustomization, HelmRelease, SealedSecret, Pod)) else None
    )
    for found in conditions or ():
        if (found.status == "True") == (found.type in ("Stalled", "FetchFailed", "BuildFailed")):
            yield ref, found.reason, found.message
    if isinstance(obj, Pod):
        yield from ((ref, trouble.reason, trouble.message) for trouble in podstatus.troubles(obj))


def _events(state: Snapshot, about: set[ObjectRef]) -> Texts:
    for event in state.seen(Event):
        of = event.involved_object
        ref = ObjectRef(of.kind, of.namespace or event.metadata.namespace, of.name)
        if event.type == "Warning" and ref in about:
            yield ref, event.reason, event.message or ""


def _named(texts: Texts) -> frozenset[str]:
    """Causes by their words. A back-off beside the words of what it backs off from is no cause of its own."""
    found = set()
    for ref, reason, message in texts:
        meaning = classify(message, reason=reason, kind=ref.kind)
        if meaning.role == "cause":
            found.add(_said(meaning.cause, message))
    pulls = {cause for cause in found if cause.startswith(("registry-", "image-"))}
    return frozenset(found - {"image-pull-failed"} if len(pulls) > 1 else found)


def _said(cause: str, message: str) -> str:
    """What a reader means who is told of values: that a Secret or ConfigMap is missing, where the words say so."""
    if cause == "helm-values-reference" and " not found" in message:
        return "secret-missing" if "secrets " in message else "configmap-missing"
    return cause


def _as_labelled(causes: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    """Whether a chart server is the registry no words say: whoever reads one for the other is taken to mean what the label does."""
    named = causes & _SERVERS
    return causes - named | (_SERVERS & right or named) if named else causes


if __name__ == "__main__":
    sys.stdout.write(f"{table(states())}\n{table(real())}")
