"""helm-controller: prerequisites, the decision, one action at a time a release, conditions [hc:internal/controller]."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from runbook.rehearsal.charts import ChartError, is_hook, merged
from runbook.rehearsal.controllers.conditions import annotation, deleting, found, is_true
from runbook.rehearsal.controllers.fluxstatus import FluxReporter, go_duration, interval, requested
from runbook.rehearsal.controllers.helmaction import HelmAction, HelmError
from runbook.rehearsal.controllers.helmprerequisites import chart_name, helm_chart, unready_dependency
from runbook.rehearsal.controllers.helmstate import (
    FORCE,
    RESET,
    Attempt,
    counters,
    decide,
    exhausted,
    next_revision,
    release_name,
    shown,
    snapshot,
    timeout,
)
from runbook.rehearsal.controllers.kustomizations import entry as inventory_entry
from runbook.rehearsal.controllers.values import ValuesError, values_of
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.runtime import Controllers, Key
from runbook.rehearsal.store import Event
from runbook.rehearsal.world import LiveWorld

GROUP = "helm.toolkit.fluxcd.io/v2"
SOURCE = "source.toolkit.fluxcd.io/v1"
FINALIZER = "finalizers.fluxcd.io"
BLOCKED_RETRY = 30.0
FULFILLING = ("True", "Progressing", "Fulfilling prerequisites")
PAST = {"install": "Install", "upgrade": "Upgrade"}


class HelmReleases:
    """helm-controller. At most `helmConcurrent` actions run at a time, as its flag --concurrent says."""

    def __init__(self, controllers: Controllers, world: LiveWorld) -> None:
        self._store, self._world, self._controllers = controllers.store, world, controllers
        self._say = FluxReporter(self._store, world, "helm-controller")
        self._kind = self._store.kinds[GROUP, "helmreleases"]
        self._charts = self._store.kinds[SOURCE, "helmcharts"]
        self._action = HelmAction(self._store, controllers.clock, world.charts, helm4=world.entry.helm4)
        self._slots = asyncio.Semaphore(world.entry.helmConcurrent)
        self._busy: set[str] = set()
        self._applied: dict[str, list[Object]] = {}
        self._controller = controllers.add(self._kind, self._reconcile, self._related)

    def _related(self, kind: Kind, event: Event) -> Iterator[Key]:
        if kind.kind == "HelmChart":
            for obj in self._store.list(self._kind):
                if chart_name(obj) == event.obj["metadata"]["name"]:
                    yield (obj["metadata"]["namespace"], obj["metadata"]["name"])

    async def _reconcile(self, obj: Object) -> float | None:
        if obj["metadata"]["uid"] in self._busy:
            return None  # the action looks again when it ends
        if deleting(obj):
            self._uninstall(obj)
            return None
        if FINALIZER not in (obj["metadata"].get("finalizers") or ()):
            metadata = {**obj["metadata"], "finalizers": [*(obj["metadata"].get("finalizers") or ()), FINALIZER]}
            obj = self._store.update(self._kind, obj, {**obj, "metadata": metadata})
        if obj["spec"].get("suspend"):
            if requested(obj):
                self._say.report(obj, {})
            return None
        attempt = self._prepared(obj)
        if attempt is None:
            return BLOCKED_RETRY
        return self._decided(obj, attempt)

    # prerequisites

    def _prepared(self, obj: Object) -> Attempt | None:
        blocked = unready_dependency(self._store, self._kind, obj)
        if blocked:
            self._blocked(obj, "DependencyNotReady", blocked)
            return None
        chart = helm_chart(self._store, obj)
        if not is_true(chart, "Ready"):
            place = f"{chart['metadata']['namespace']}/{chart['metadata']['name']}"
            known = found(chart, "Ready")
            words = known["message"] if known else "latest generation of object has not been reconciled"
            self._blocked(obj, "SourceNotReady", f"HelmChart '{place}' is not ready: {words}")
            return None
        try:
            values = values_of(self._store, obj)
        except ValuesError as error:
            self._blocked(obj, "ValuesError", str(error))
            return None
        version = str(chart["status"]["artifact"]["revision"])
        return Attempt(chart["spec"]["chart"], version, merged(values, obj["spec"].get("values") or {}))

    def _blocked(self, obj: Object, reason: str, message: str) -> None:
        """Ready=False with Reconciling standing, and observedGeneration not advanced (semantics 1.5)."""
        old = found(obj, "Ready")
        live = self._say.report(obj, {"Ready": ("False", reason, message), "Reconciling": FULFILLING, "Stalled": None})
        if old is not None and old["message"] == message:
            return
        if reason == "SourceNotReady":  # waiting for a chart is an info line and no Event [m]
            self._say.log(live, "info", message)
        else:
            self._say.event(live, "Warning" if reason != "DependencyNotReady" else "Normal", reason, message)

    # deciding and acting

    def _decided(self, obj: Object, attempt: Attempt) -> float | None:
        action = decide(obj, attempt)
        if action == "in-sync":
            return self._in_sync(obj, attempt)
        if action == "stalled":
            self._stalled(obj)
            return None
        self._busy.add(obj["metadata"]["uid"])
        self._controllers.spawn(self._release(obj, attempt, action))
        return None

    def _in_sync(self, obj: Object, attempt: Attempt) -> float:
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

    def _stalled(self, obj: Object) -> None:
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

    async def _release(self, obj: Object, attempt: Attempt, action: str) -> None:
        uid = obj["metadata"]["uid"]
        try:
            async with self._slots:
                live = self._store.by_uid(uid)
                if live is not None:
                    await self._act(live, attempt, action)
        finally:
            self._busy.discard(uid)
            self._controller.enqueue((obj["metadata"]["namespace"], obj["metadata"]["name"]), 0.1)

    async def _act(self, obj: Object, attempt: Attempt, action: str) -> None:
        counted, limit = counters(obj, attempt), timeout(obj, action)
        running = f"Running '{action}' action with timeout of {go_duration(limit)}"
        self._say.report(
            obj,
            {
                "Ready": ("Unknown", "Progressing", running),
                "Reconciling": ("True", "Progressing", running),
                "Stalled": None,
            },
            ended=False,
            lastAttemptedGeneration=obj["metadata"]["generation"],
            lastAttemptedRevision=attempt.version,
            lastAttemptedConfigDigest=attempt.digest,
            lastAttemptedReleaseAction=action,
            helmChart=f"{obj['spec']['chart']['spec']['sourceRef'].get('namespace') or obj['metadata']['namespace']}/{chart_name(obj)}",
            storageNamespace=obj["metadata"]["namespace"],
            **shown(counted),
        )
        attempt = replace(attempt, began=self._store.now())
        try:
            applied = await self._action.run(obj, attempt, action, limit, next_revision(obj))
        except HelmError as error:
            self._failed(obj, attempt, action, str(error), counted)
        except ChartError as error:
            self._unrecorded(obj, attempt, action, str(error), counted)
        else:
            self._succeeded(obj, attempt, action, applied, counted)

    def _succeeded(
        self, obj: Object, attempt: Attempt, action: str, applied: list[Object], counted: dict[str, int]
    ) -> None:
        self._drop_old(obj["metadata"]["uid"], applied)
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

    def _failed(self, obj: Object, attempt: Attempt, action: str, words: str, counted: dict[str, int]) -> None:
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

    def _unrecorded(self, obj: Object, attempt: Attempt, action: str, words: str, counted: dict[str, int]) -> None:
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

    # the record

    def _recorded(self, obj: Object, attempt: Attempt, action: str, status: str) -> dict[str, Any]:
        """Helm's own record of a revision, and the status fields that tell of it; `inventory` is new in Flux 2.8."""
        helm4, rendered = self._world.entry.helm4, self._action.render(obj, attempt, next_revision(obj))
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

    def _drop_old(self, uid: str, applied: list[Object]) -> None:
        """Objects of the previous manifest that the new one has no more."""
        kept = {(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in applied}
        for document in self._applied.get(uid, ()):
            key = (document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"])
            if key not in kept and self._store.find(self._store.kind_of(document), *key[1:]):
                self._store.delete(self._store.kind_of(document), *key[1:])
        self._applied[uid] = applied

    def _uninstall(self, obj: Object) -> None:
        if not obj["spec"].get("suspend"):
            self._drop_old(obj["metadata"]["uid"], [])
        left = [f for f in obj["metadata"].get("finalizers") or () if f != FINALIZER]
        self._store.update(self._kind, obj, {**obj, "metadata": {**obj["metadata"], "finalizers": left}})

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
