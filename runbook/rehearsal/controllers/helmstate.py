"""What helm-controller does next, decided from the last release and the retry budget [hc:internal/reconcile/state.go]."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runbook.rehearsal.controllers.conditions import annotation
from runbook.rehearsal.controllers.fluxstatus import REQUESTED, requested
from runbook.rehearsal.durations import seconds
from runbook.rehearsal.lifecycle import Object

RESET, FORCE = "reconcile.fluxcd.io/resetAt", "reconcile.fluxcd.io/forceAt"
Next = Literal["install", "upgrade", "in-sync", "stalled"]
DEFAULT_TIMEOUT = 300.0


@dataclass(frozen=True)
class Attempt:
    """What would be released: chart version, values and their digest."""

    chart: str
    version: str
    values: Mapping[str, Any]
    began: str = ""  # when the action started, once it did

    @property
    def digest(self) -> str:
        """status.lastAttemptedConfigDigest."""
        return "sha256:" + hashlib.sha256(json.dumps(self.values, sort_keys=True).encode()).hexdigest()


def asked(obj: Object, key: str, handled: str) -> bool:
    """Whether a reset or force goes with the request at hand: same token, not handled yet [hc:api/v2/annotations.go]."""
    token = annotation(obj, key)
    return bool(token) and requested(obj) and token == annotation(obj, REQUESTED) and token != _status(obj).get(handled)


def changed(obj: Object, attempt: Attempt) -> bool:
    """Whether generation, chart version or values differ from the last attempt: then the counters start again."""
    status = _status(obj)
    return (
        status.get("lastAttemptedGeneration") != obj["metadata"]["generation"]
        or status.get("lastAttemptedRevision") != attempt.version
        or status.get("lastAttemptedConfigDigest") != attempt.digest
    )


def counters(obj: Object, attempt: Attempt) -> dict[str, int]:
    """The failure counters this attempt starts with [hc:internal/action/reset.go]."""
    names = ("failures", "installFailures", "upgradeFailures")
    if changed(obj, attempt) or asked(obj, RESET, "lastHandledResetAt"):
        return dict.fromkeys(names, 0)
    return {name: int(_status(obj).get(name) or 0) for name in names}


def decide(obj: Object, attempt: Attempt) -> Next:
    """The next action. A failed release with an empty budget is stalled until something changes or a person resets."""
    history, counted = _status(obj).get("history") or [], counters(obj, attempt)
    if not history:
        return "stalled" if exhausted(obj, "install", counted["installFailures"]) else "install"
    last, force = history[0], asked(obj, FORCE, "lastHandledForceAt")
    if last["status"] == "deployed":
        same = last["chartVersion"] == attempt.version and last.get("configDigest") == attempt.digest
        return "in-sync" if same and not force else "upgrade"
    if force or not (counted["installFailures"] or counted["upgradeFailures"]):
        return "upgrade"
    spent = exhausted(obj, "install", counted["installFailures"]) or exhausted(
        obj, "upgrade", counted["upgradeFailures"]
    )
    return "stalled" if spent else "upgrade"


def exhausted(obj: Object, action: str, failures: int) -> bool:
    """Whether an action's retries are used up; -1 is for ever, the default none."""
    retries = ((obj["spec"].get(action) or {}).get("remediation") or {}).get("retries", 0)
    return bool(retries >= 0 and failures > retries)


def timeout(obj: Object, action: str) -> float:
    """Seconds of one action: its own timeout, else the release's, else five minutes."""
    text = (obj["spec"].get(action) or {}).get("timeout") or obj["spec"].get("timeout")
    return seconds(text) if text else DEFAULT_TIMEOUT


def next_revision(obj: Object) -> int:
    """The number Helm gives to the next revision."""
    history = _status(obj).get("history") or []
    return int(history[0]["version"]) + 1 if history else 1


def shown(counted: Mapping[str, int]) -> dict[str, Any]:
    """Counters as status fields: a zero is left out [m]."""
    return {name: value or None for name, value in counted.items()}


def snapshot(obj: Object, attempt: Attempt, action: str, status: str, now: str, *, helm4: bool = True) -> Object:
    """The new first entry of status.history; `apiVersion` and `action` are there since Flux 2.8 [m]."""
    history, version = _status(obj).get("history") or [], next_revision(obj)
    body = f"{obj['metadata']['uid']}{version}{status}"
    return {
        **({"apiVersion": "v2", "action": action} if helm4 else {}),
        "digest": "sha256:" + hashlib.sha256(body.encode()).hexdigest(),
        "name": release_name(obj),
        "namespace": obj["metadata"]["namespace"],
        "version": version,
        "status": status,
        "chartName": attempt.chart,
        "chartVersion": attempt.version,
        "appVersion": attempt.version,
        "configDigest": attempt.digest,
        "firstDeployed": history[-1]["firstDeployed"] if history else now,
        "lastDeployed": now,
    }


def release_name(obj: Object) -> str:
    """spec.releaseName, else `[<targetNamespace>-]<name>`."""
    target = obj["spec"].get("targetNamespace")
    name = obj["metadata"]["name"]
    return str(obj["spec"].get("releaseName") or (f"{target}-{name}" if target else name))


def _status(obj: Object) -> Mapping[str, Any]:
    return obj.get("status") or {}
