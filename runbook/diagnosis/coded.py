"""What the exit code of a container says where neither its state nor its log names a cause: a hypothesis at most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runbook.diagnosis.blame import top_controller
from runbook.diagnosis.classify import Classification, classify
from runbook.diagnosis.roots import Root, Walk
from runbook.domain import exitcodes, podstatus
from runbook.domain.pods import Pod
from runbook.domain.podstatus import ContainerTrouble
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker


def coded(walker: Walker, ref: ObjectRef, found: Walk) -> Walk:
    """The walk with how the pod's containers ended, where it has no root; another cause that is possible is left alone."""
    if found.root is not None:
        return found
    pod = walker.index.get(ref)
    ended = [t for t in podstatus.troubles(pod) if t.exit_code] if isinstance(pod, Pod) else []
    told = [(t, _read(walker, t)) for t in ended]
    possible = {meaning.cause for _, meaning in told if meaning.role == "cause"}
    others = any(walker.catalogue.causes[h.cause].role == "cause" for h in found.hypotheses)
    if len(possible) == 1 and not others:
        return Walk(_root(walker, ref, *next((t, m) for t, m in told if m.role == "cause")))
    said = dict.fromkeys(_sentence(t) for t in ended)
    return replace(found, why="; ".join([found.why, *said])) if said else found


def _read(walker: Walker, trouble: ContainerTrouble) -> Classification:
    own = walker.catalogue if walker.catalogue.extra else None
    code, reason = trouble.exit_code, trouble.reason
    return classify(trouble.message, reason=reason, kind="Pod", exit_code=code, catalogue=own)


def _root(walker: Walker, ref: ObjectRef, trouble: ContainerTrouble, meaning: Classification) -> Root:
    cause = walker.catalogue.causes[meaning.cause]
    fault = top_controller(walker, ref)
    return Root(cause.id, ref, fault, _sentence(trouble), trouble.at, "hypothesis", cause.decides, meaning.captures)


def _sentence(trouble: ContainerTrouble) -> str:
    words = exitcodes.words(trouble.exit_code)
    return f"container {trouble.container} ended with exit code {trouble.exit_code}" + (f" ({words})" if words else "")
