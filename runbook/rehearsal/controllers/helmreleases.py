"""helm-controller: prerequisites, the decision, one action at a time a release [hc:internal/controller]."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from runbook.rehearsal.charts import ChartError, merged
from runbook.rehearsal.controllers.conditions import deleting, found, is_true
from runbook.rehearsal.controllers.fluxstatus import FluxReporter, go_duration, requested
from runbook.rehearsal.controllers.helmaction import HelmAction, HelmError
from runbook.rehearsal.controllers.helmoutcomes import HelmOutcomes
from runbook.rehearsal.controllers.helmprerequisites import chart_name, helm_chart, unready_dependency
from runbook.rehearsal.controllers.helmstate import (
    Attempt,
    counters,
    decide,
    next_revision,
    shown,
    timeout,
)
from runbook.rehearsal.controllers.values import ValuesError, values_of
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.runtime import Controllers, Key
from runbook.rehearsal.store import Event
from runbook.rehearsal.world import LiveWorld

GROUP = "helm.toolkit.fluxcd.io/v2"
FINALIZER = "finalizers.fluxcd.io"
BLOCKED_RETRY = 30.0
FULFILLING = ("True", "Progressing", "Fulfilling prerequisites")


class HelmReleases:
    """helm-controller. At most `helmConcurrent` actions run at a time, as its flag --concurrent says."""

    def __init__(self, controllers: Controllers, world: LiveWorld) -> None:
        self._store, self._controllers = controllers.store, controllers
        self._say = FluxReporter(self._store, world, "helm-controller")
        self._kind = self._store.kinds[GROUP, "helmreleases"]
        self._action = HelmAction(self._store, controllers.clock, world.charts, helm4=world.entry.helm4)
        self._told = HelmOutcomes(self._store, self._say, self._action, helm4=world.entry.helm4)
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
            return self._told.in_sync(obj, attempt)
        if action == "stalled":
            self._told.stalled(obj)
            return None
        self._busy.add(obj["metadata"]["uid"])
        self._controllers.spawn(self._release(obj, attempt, action))
        return None

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
            self._told.failed(obj, attempt, action, str(error), counted)
        except ChartError as error:
            self._told.unrecorded(obj, attempt, action, str(error), counted)
        else:
            self._drop_old(obj["metadata"]["uid"], applied)
            self._told.succeeded(obj, attempt, action, counted)

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
