"""How helm-controller tells what came of an action: conditions, counters, history, events, Helm's own record (semantics 2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runbook.rehearsal.charts import is_hook
from runbook.rehearsal.controllers.conditions import annotation
from runbook.rehearsal.controllers.fluxstatus import FluxReporter, go_duration, interval
from runbook.rehearsal.controllers.helmaction import HelmAction
from runbook.rehearsal.controllers.helmstate import (
    FORCE,
    RESET,
    Attempt,
    exhausted,
    next_revision,
    release_name,
    shown,
    snapshot,
)
from runbook.rehearsal.controllers.kustomizations import entry as inventory_entry
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store

PAST = {"install": "Install", "upgrade": "Upgrade"}


class HelmOutcomes:
    """Writes the status of a HelmRelease whose action has ended, or for which there is none."""

    def __init__(self, store: Store, say: FluxReporter, action: HelmAction, *, helm4: bool) -> None:
        self._store, self._say, self._action, self._helm4 = store, say, action, helm4

    def in_sync(self, obj: Object, attempt: Attempt) -> float:
        """Nothing to do; when to look again."""
        last = obj["status"]["history"][0]
        verb = PAST[last.get("action") or obj["status"].get("lastAttemptedReleaseAction") or "install"]
        message = f"Helm {verb.lower()} succeeded for release {self._place(obj)}.v{last['version']} with chart {attempt.chart}@{attempt.version}"
        self._say.report(
            obj,
            {"Ready": ("True", f"{verb}Succeeded", message), "Reconciling": None, "Stalled": None},
            observedGeneration=obj["metadata"]["generation"],
            lastAttemptedGeneration=obj["metadata"]["generation"],
            **_handled(obj),
        )
        return interval(obj)

    def stalled(self, obj: Object) -> None:
        """No retries left: nothing is tried until something changes or a person resets."""
        status = obj.get("status") or {}
        action = "upgrade" if status.get("upgradeFailures") else "install"
        tries = status.get(f"{action}Failures", 1)
        message = f"Failed to {action} after {tries} attempt(s)"
        self._say.report(
            obj,
            {"Stalled": ("True", "RetriesExceeded", message), "Reconciling": None},
            observedGeneration=obj["metadata"]["generation"],
            **_handled(obj),
        )

    def succeeded(self, obj: Object, attempt: Attempt, action: str, counted: dict[str, int]) -> None:
        """An action that ended well: a deployed revision, Ready, Released."""
        fields = self._recorded(obj, attempt, action, "deployed")
        entry = fields["history"][0]
        message = f"Helm {action} succeeded for release {self._place(obj)}.v{entry['version']} with chart {attempt.chart}@{attempt.version}"
        word = ("True", f"{PAST[action]}Succeeded", message)
        live = self._say.report(
            obj,
            {"Ready": word, "Released": word, "Reconciling": None, "Stalled": None},
            observedGeneration=obj["metadata"]["generation"],
            **fields,
            **shown(counted),
            **_handled(obj),
        )
        self._say.event(live, "Normal", word[1], message)

    def failed(self, obj: Object, attempt: Attempt, action: str, words: str, counted: dict[str, int]) -> None:
        """An action that failed: a failed revision, one retry less, and Stalled when there was none."""
        fields = self._recorded(obj, attempt, action, "failed")
        message = self._failure(obj, attempt, action, words)
        word = ("False", f"{PAST[action]}Failed", message)
        count = counted[f"{action}Failures"] + 1
        fields |= shown({**counted, "failures": counted["failures"] + 1, f"{action}Failures": count})
        spent = exhausted(obj, action, count)
        stalled = ("True", "RetriesExceeded", f"Failed to {action} after {count} attempt(s)")
        live = self._say.report(
            obj,
            {"Ready": word, "Released": word, "Reconciling": None, "Stalled": stalled if spent else None},
            observedGeneration=obj["metadata"]["generation"],
            **fields,
            **_handled(obj),
        )
        self._say.event(live, "Warning", word[1], message)

    def unrecorded(self, obj: Object, attempt: Attempt, action: str, words: str, counted: dict[str, int]) -> None:
        """A failure before anything is stored: counted in `failures` only, tried again for ever (semantics 2.3)."""
        word = ("False", f"{PAST[action]}Failed", self._failure(obj, attempt, action, words))
        live = self._say.report(
            obj,
            {"Ready": word, "Released": word},
            failures=counted["failures"] + 1,
            lastAttemptedGeneration=None,
            **_handled(obj),
        )
        self._say.event(live, "Warning", word[1], word[2])

    def _recorded(self, obj: Object, attempt: Attempt, action: str, status: str) -> dict[str, Any]:
        """Helm's own record of a revision, and the status fields that tell of it; `inventory` is new in Flux 2.8."""
        helm4, rendered = self._helm4, self._action.render(obj, attempt, next_revision(obj))
        made = [document for document in rendered if not is_hook(document)]
        entry = snapshot(obj, attempt, action, status, attempt.began, helm4=helm4)
        old = [
            {**e, "status": "superseded"} if status == "deployed" and e["status"] == "deployed" else e
            for e in (obj.get("status") or {}).get("history") or ()
        ]
        self._action.store_release(entry, made)
        took = (self._store.clock.now() - datetime.fromisoformat(attempt.began)).total_seconds()
        fields: dict[str, Any] = {"history": [entry, *old][:5], "lastAttemptedReleaseActionDuration": go_duration(took)}
        if helm4:
            entries = [inventory_entry(self._store.kind_of(document), document) for document in made]
            fields["inventory"] = {"entries": sorted(entries, key=lambda e: e["id"])}
        return fields

    def _failure(self, obj: Object, attempt: Attempt, action: str, words: str) -> str:
        return (
            f"Helm {action} failed for release {self._place(obj)} with chart {attempt.chart}@{attempt.version}: {words}"
        )

    @staticmethod
    def _place(obj: Object) -> str:
        return f"{obj['spec'].get('targetNamespace') or obj['metadata']['namespace']}/{release_name(obj)}"


def _handled(obj: Object) -> dict[str, Any]:
    """lastHandledResetAt and lastHandledForceAt: a pass that got this far notes their tokens, acted on or not [m].

    So a token that came while something was missing, or that goes with no request, is spent (semantics 1.6).
    """
    pairs = ((RESET, "lastHandledResetAt"), (FORCE, "lastHandledForceAt"))
    return {field: token for key, field in pairs if (token := annotation(obj, key))}
