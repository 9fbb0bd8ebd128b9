"""How Flux's controllers report: request tokens, conditions, events, and their own JSON log lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runbook.rehearsal.controllers.conditions import annotation, with_conditions
from runbook.rehearsal.durations import seconds
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store
from runbook.rehearsal.world import LiveWorld

REQUESTED = "reconcile.fluxcd.io/requestedAt"
Wanted = Mapping[str, tuple[str, str, str] | None]


class FluxReporter:
    """One controller's voice: `name` is the program, `kind` the kind it reports about."""

    def __init__(self, store: Store, world: LiveWorld, name: str) -> None:
        self._store, self._world, self.name = store, world, name

    def report(self, obj: Object, wanted: Wanted, *, ended: bool = True, **fields: Any) -> Object:
        """Write conditions and status fields and return the live object.

        The request token counts as handled only when a pass has `ended`, whatever it came to (semantics 1.5).
        """
        live = self._store.by_uid(obj["metadata"]["uid"]) or obj
        token = annotation(obj, REQUESTED) if ended else ""
        conditions = with_conditions(live, self._store.now(), wanted)
        fields = {"conditions": conditions, **({"lastHandledReconcileAt": token} if token else {}), **fields}
        return self._store.status(live, **fields) or live

    def event(self, obj: Object, type_: str, reason: str, message: str) -> None:
        """An Event and the log line that goes with it."""
        self._store.event(obj, type_, reason, message, self.name)
        if type_ == "Warning":
            self.log(obj, "error", "Reconciler error", error=message)
        else:
            self.log(obj, "info", message)

    def log(self, obj: Object, level: str, message: str, **more: str) -> None:
        """One JSON line, as controller-runtime's zap logger writes it."""
        kind, metadata = obj["kind"], obj["metadata"]
        entry = {
            "level": level,
            "ts": self._store.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "msg": message,
            "controller": kind.lower(),
            "controllerKind": kind,
            kind: {"name": metadata["name"], "namespace": metadata["namespace"]},
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            **more,
        }
        self._world.log("flux-system", self.name, json.dumps(entry))


def requested(obj: Object) -> bool:
    """Whether a request was made that no pass has handled yet."""
    token = annotation(obj, REQUESTED)
    return bool(token) and token != (obj.get("status") or {}).get("lastHandledReconcileAt")


def interval(obj: Object, default: float = 600.0) -> float:
    """spec.interval in seconds."""
    text = obj["spec"].get("interval")
    return seconds(text) if text else default


def go_duration(value: float) -> str:
    """A duration as Go prints it: `5m0s`, `10m0s`, `1h0m0s`."""
    whole = int(value)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if whole >= 60 else "") + f"{rest}s"
