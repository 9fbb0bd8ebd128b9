"""Requests to Flux and their answers: when is a reconcile that was asked for handled, and how did it end?

A controller stores the token only when a pass has ended, so a Ready=False beside the handled token is that pass's own
verdict; Stalled blinks off when a pass begins and counts only then (semantics 1.6, 1.8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from runbook.domain.flux import Kustomization, Source
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import condition
from runbook.domain.readiness import REQUESTED, flux_state

RESET, FORCE = "reconcile.fluxcd.io/resetAt", "reconcile.fluxcd.io/forceAt"
Word = Literal["waiting", "ready", "failed", "blocked", "suspended", "gone"]
Asked = Source | Kustomization | HelmRelease
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Reply:
    """What has become of a request. Only `waiting` is no end."""

    word: Word
    said: str = ""

    @property
    def ended(self) -> bool:
        """Whether waiting longer could tell no more about this request."""
        return self.word != "waiting"


def request_annotations(token: str, *, also: str = "") -> Mapping[str, str]:
    """The annotations of one request; reset and force carry the same token in the same patch, or they are lost."""
    return {REQUESTED: token, **({also: token} if also else {})}


def reply(obj: Asked, token: str) -> Reply:
    """How the request `token` stands, by what the object says now; without a token, how what it does by itself stands."""
    if obj.metadata.deletion_timestamp is not None:
        return Reply("gone", "it is being deleted")
    state = flux_state(obj)
    if state.reason == "Static":
        return Reply("ready", state.message)
    if obj.spec.suspend:
        return Reply("suspended", "it was suspended: no request wakes it")
    if token and not _is_handled(obj, token):
        return Reply("waiting", _under_way(obj))
    if state.word == "ready":
        return Reply("ready", state.message)
    if state.word == "waiting":
        return Reply("blocked", state.message)
    if state.word == "stalled":
        return Reply("failed", f"{state.reason}: {state.message}")
    if state.word == "not-ready" and condition(obj.status.conditions, "Ready") is not None:
        return Reply("failed", f"{state.reason}: {state.message}")
    return Reply("waiting", _under_way(obj) or state.message)


def asked_at(token: str) -> datetime | None:
    """When a request was made, by its token: flux and this product begin it with RFC 3339. None for another one.

    flux writes its operator's local time with its offset [flux2:cmd/flux/reconcile.go].
    """
    found = _TIME.match(token)
    try:
        return datetime.fromisoformat("".join(found.groups())).astimezone(UTC) if found else None
    except ValueError:
        return None


def _is_handled(obj: Asked, token: str) -> bool:
    """Whether a pass has ended that began after the request: its own, or that of a later one which took its place."""
    handled, asked = obj.status.last_handled_reconcile_at, obj.metadata.annotation(REQUESTED)
    if handled == token:
        return True
    ours, later = asked_at(token), asked_at(asked)
    return handled == asked != "" and ours is not None and later is not None and later >= ours


def attempts(obj: HelmRelease) -> str:
    """What changes when Helm has really acted: the newest revision. The token alone proves nothing (semantics 1.6)."""
    history = obj.status.history or ()
    return f"v{history[0].version}" if history else "none"


def _under_way(obj: Asked) -> str:
    found = condition(obj.status.conditions, "Reconciling")
    return found.message if found is not None and found.status == "True" else ""
