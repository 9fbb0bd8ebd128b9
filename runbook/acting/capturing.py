"""Evidence before destruction: what is about to be deleted is on disk first, whole, redacted and with its surroundings.

A container that has not started has no log, and the server says so (400): that is kept as what it is. A log that is
refused or does not come is something else: then nothing is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook.acting.hands import Hands, NotDone
from runbook.acting.midaction import planned_release
from runbook.errors import DeniedError, MissingError, ObservationError, TimedOutError, UnreachableError
from runbook.evidence.files import json_bytes, private_folder, write_whole
from runbook.model import Action, ObjectRef

MAX_LINES = 20_000
MAX_OWNERS = 6  # pod → ReplicaSet → Deployment is three; custom controllers stack a few more


def capture(action: Action, obj: Mapping[str, Any], hands: Hands, *, pods: Sequence[Mapping[str, Any]] = ()) -> Path:
    """Write what it was into one file: manifest, logs, events, owner chain, release, and the same of its `pods`. Gives the file.

    One, because a further file costs the disk as much as a small request costs the server.
    Raises NotDone when one of it cannot be read, EvidenceError when it cannot be written. Nothing was deleted then.
    """
    captures = private_folder(hands.attempt.path / "captures")
    ref = action.object
    try:
        about = {
            "object": str(ref),
            "uid": action.uid,
            **_part(ref.kind, obj, hands),
            "owners": [hands.redactor.item(dict(o)) for o in _owners(ref.namespace, obj, hands)],
            "release": _release(planned_release(action), hands),
            "pods": {pod["metadata"]["name"]: _part("Pod", pod, hands) for pod in pods},
        }
    except ObservationError as error:
        raise NotDone("failed", f"not deleted, because its evidence could not be read: {error}") from error
    return write_whole(captures / f"{action.id}-{ref.kind}-{ref.name[:200]}.json", json_bytes(about))


def _part(kind: str, obj: Mapping[str, Any], hands: Hands) -> dict[str, Any]:
    return {
        "manifest": hands.redactor.item({"kind": kind, **obj}),
        "events": _events(obj, hands),
        "logs": dict(_logs(obj, hands)) if kind == "Pod" else {},
    }


def _events(obj: Mapping[str, Any], hands: Hands) -> list[dict[str, Any]]:
    metadata = obj["metadata"]
    items = json.loads(hands.client.events_of(metadata["namespace"], str(metadata["uid"]))).get("items") or []
    return [hands.redactor.item({"kind": "Event", **item}) for item in items]


def _owners(namespace: str, obj: Mapping[str, Any], hands: Hands) -> Iterator[Mapping[str, Any]]:
    """The chain of controllers. One of a kind this product does not read is kept as its reference."""
    for _ in range(MAX_OWNERS):
        references = obj["metadata"].get("ownerReferences") or []
        owner = next((r for r in references if r.get("controller")), None)
        if owner is None:
            return
        try:
            obj = _of_kind(owner["kind"], hands.client.get(owner["kind"], namespace, owner["name"]))
        except (KeyError, MissingError):
            yield {"kind": owner["kind"], "metadata": {"name": owner["name"], "uid": owner.get("uid", "")}}
            return
        yield obj


def _release(ref: ObjectRef | None, hands: Hands) -> dict[str, Any] | None:
    """The HelmRelease the object belongs to, with its status; None when it belongs to none or that one is gone."""
    if ref is None:
        return None
    try:
        return hands.redactor.item(_of_kind(ref.kind, hands.client.get(ref.kind, ref.namespace, ref.name)))
    except MissingError:
        return None


def _of_kind(kind: str, served: bytes) -> dict[str, Any]:
    return {"kind": kind, **json.loads(served)}


def _logs(pod: Mapping[str, Any], hands: Hands) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Of each container the lines of its current log, and of the previous one where it was started again."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    restarts = {
        s["name"]: s.get("restartCount", 0)
        for s in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    }
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        name = container["name"]
        previous = {"previous": _log(pod, name, hands, previous=True)} if restarts.get(name, 0) else {}
        yield name, {"current": _log(pod, name, hands, previous=False), **previous}


def _log(pod: Mapping[str, Any], container: str, hands: Hands, *, previous: bool) -> list[str]:
    metadata = pod["metadata"]
    try:
        told = hands.client.log(metadata["namespace"], metadata["name"], container, tail=MAX_LINES, previous=previous)
        return [hands.redactor.text(line) for line in told.splitlines()]
    except (DeniedError, TimedOutError, UnreachableError):
        raise
    except ObservationError as error:
        return [f"(no log: {hands.redactor.text(error.why)})"]
