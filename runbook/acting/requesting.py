"""One request to a Flux object: planned, and sent as one merge patch with one token for all of its annotations."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runbook.acting.fluxorder import FluxObject
from runbook.acting.hands import Hands, NotDone
from runbook.domain.helm import HelmRelease
from runbook.domain.readiness import REQUESTED
from runbook.domain.requests import attempts, request_annotations
from runbook.model import Action


def request(
    obj: FluxObject,
    *,
    kind: str,
    reason: str,
    command: str,
    blast_radius: str,
    finding: str,
    requires: Sequence[str],
    undo: str = "none needed: the request asks for what Git declares",
    asks: str = "",
) -> Action:
    """A planned request; its number comes with the plan."""
    meta = obj.metadata
    revision = {"revision": attempts(obj)} if isinstance(obj, HelmRelease) else {}
    return Action(
        id="",
        kind=kind,
        object=obj.ref,
        reason=reason[:300],
        undo=undo,
        command=command,
        finding=finding,
        precondition=f"uid {meta.uid}, not suspended since",
        blast_radius=blast_radius,
        requires=tuple(requires),
        asks=asks,
        uid=meta.uid,
        resource_version=meta.resource_version,
        details=revision,
    )


def send(action: Action, hands: Hands, *, also: str = "") -> str:
    """Send it; `also` is a second annotation with the same token (resetAt, forceAt). Gives the sentence with the token."""
    obj = hands.fresh(action)
    if (obj.get("spec") or {}).get("suspend"):
        raise NotDone("skipped", "it was suspended since the plan: no request wakes it")
    token = new_token(hands.now())
    hands.patch(
        action,
        obj,
        {"metadata": {"annotations": dict(request_annotations(token, also=also))}},
        made=lambda: hands.holds(action.object, lambda o: _token_of(o) == token),
        token=token,
    )
    return f"requested with the token {token}"


def token_of(action: Action) -> str:
    """The token of a request that was sent, from what came of it; empty for one that was not."""
    before, _, token = action.said.rpartition("the token ")
    return token if before and action.outcome == "changed" else ""


def new_token(now: datetime) -> str:
    """A token no controller has seen: the time for people, some random for two requests of one moment."""
    return f"{now:%Y-%m-%dT%H:%M:%S.%f}000Z-{secrets.token_hex(3)}"


def _token_of(obj: Mapping[str, Any]) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(REQUESTED, ""))
