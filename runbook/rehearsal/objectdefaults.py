"""The few defaults an API server sets at creation that readers rely on: phases, finalizers, names, encoded Secrets."""

from __future__ import annotations

import base64
from typing import Any

from runbook.rehearsal.kinds import Kind

Object = dict[str, Any]


def set_defaults(kind: Kind, obj: Object, when: str) -> None:
    """Set them on an object that is being created; `when` is now, as the API writes it."""
    name = obj["metadata"]["name"]
    if kind.gv == "v1":
        if kind.kind == "Secret":
            encode_secret(obj)
        elif kind.kind == "Pod":
            obj.setdefault("status", {}).setdefault("phase", "Pending")
        elif kind.kind == "Namespace":
            obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
            obj.setdefault("status", {}).setdefault("phase", "Active")
            labels = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": name}
            obj["metadata"]["labels"] = labels
    elif kind.kind == "CustomResourceDefinition":
        names = obj["spec"]["names"]
        names.setdefault("listKind", names["kind"] + "List")
        names.setdefault("singular", names["kind"].lower())
        obj.setdefault("status", {}).update(
            acceptedNames=names,
            storedVersions=[v["name"] for v in obj["spec"]["versions"] if v.get("storage")],
            conditions=[
                {"type": kind_, "status": "True", "reason": reason, "message": text, "lastTransitionTime": when}
                for kind_, reason, text in (
                    ("NamesAccepted", "NoConflicts", "no conflicts found"),
                    ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
                )
            ],
        )


def encode_secret(obj: Object) -> None:
    """stringData is write-only: it becomes data."""
    plain = obj.pop("stringData", None) or {}
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}
    obj["type"] = obj.get("type") or "Opaque"
