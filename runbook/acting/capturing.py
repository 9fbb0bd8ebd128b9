"""Evidence before destruction: what is about to be deleted is on disk first, whole, redacted and with its surroundings.

A container that has not started has no log, and the server says so (400): that is kept as what it is. A log that is
refused or does not come is something else: then nothing is deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from runbook.acting.hands import Hands, NotDone
from runbook.acting.midaction import planned_release
from runbook.errors import DeniedError, MissingError, ObservationError, TimedOutError, UnreachableError
from runbook.evidence.files import json_bytes, private_folder, write_folder
from runbook.model import Action, ObjectRef

MAX_LINES = 20_000
MAX_OWNERS = 6  # pod → ReplicaSet → Deployment is three; custom controllers stack a few more


def capture(action: Action, obj: Mapping[str, Any], hands: Hands, *, pods: Iterable[Mapping[str, Any]] = ()) -> Path:
    """Write manifest, logs and context: events, owner chain, release, digests. `pods` are kept with their own. Gives the folder.

    Raises NotDone when one of it cannot be read, EvidenceError when it cannot be written. Nothing was deleted then.
    """
    captures = private_folder(hands.attempt.path / "captures")
    folder = captures / f"{action.id}-{action.object.kind}-{action.object.name}"
    try:
        files = dict(_files(action.object.kind, obj, hands, pods))
        context = _context(action, obj, hands, pods)
    except ObservationError as error:
        raise NotDone("failed", f"not deleted, because its evidence could not be read: {error}") from error
    context["files"] = {n: {"bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()}
    return write_folder(folder, {**files, "context.json": json_bytes(context)})


def _files(
    kind: str, obj: Mapping[str, Any], hands: Hands, pods: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, bytes]]:
    """Few files: each costs the disk as much as a small request costs the server."""
    yield "manifest.json", _kept(kind, obj, hands)
    if kind == "Pod":
        yield from _logs("", obj, hands)
    for pod in pods:
        name = pod["metadata"]["name"]
        yield f"pods/{name}/manifest.json", _kept("Pod", pod, hands)
        yield from _logs(f"pods/{name}/", pod, hands)


def _context(action: Action, obj: Mapping[str, Any], hands: Hands, pods: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    namespace = action.object.namespace
    return {
        "object": str(action.object),
        "uid": action.uid,
        "events": _events(namespace, obj, hands),
        "owners": [hands.redactor.item(dict(o)) for o in _owners(namespace, obj, hands)],
        "release": _release(planned_release(action), hands),
        "pods": {p["metadata"]["name"]: {"events": _events(namespace, p, hands)} for p in pods},
    }


def _kept(kind: str, obj: Mapping[str, Any], hands: Hands) -> bytes:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    return json_bytes(hands.redactor.item({"kind": kind, **obj, "metadata": metadata}))


def _events(namespace: str, obj: Mapping[str, Any], hands: Hands) -> list[dict[str, Any]]:
    items = json.loads(hands.client.events_of(namespace, str(obj["metadata"]["uid"]))).get("items") or []
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


def _logs(folder: str, pod: Mapping[str, Any], hands: Hands) -> Iterator[tuple[str, bytes]]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    restarts = {
        s["name"]: s.get("restartCount", 0)
        for s in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    }
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        name = container["name"]
        yield f"{folder}{name}.log", _log(pod, name, hands, previous=False)
        if restarts.get(name, 0):
            yield f"{folder}{name}.previous.log", _log(pod, name, hands, previous=True)


def _log(pod: Mapping[str, Any], container: str, hands: Hands, *, previous: bool) -> bytes:
    metadata = pod["metadata"]
    try:
        told = hands.client.log(metadata["namespace"], metadata["name"], container, tail=MAX_LINES, previous=previous)
        text = "".join(f"{hands.redactor.text(line)}\n" for line in told.splitlines())
    except (DeniedError, TimedOutError, UnreachableError):
        raise
    except ObservationError as error:
        text = f"(no log: {hands.redactor.text(error.why)})\n"
    return text.encode("utf-8", errors="backslashreplace")
