"""kustomize-controller: applies `spec.path` of a real revision, prunes, reports [kc:internal/controller]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.controllers.applying import Applier
from runbook.rehearsal.controllers.conditions import deleting, found, is_true
from runbook.rehearsal.controllers.fluxstatus import FluxReporter, go_duration, interval, requested
from runbook.rehearsal.controllers.kustomizebuild import BuildError, build
from runbook.rehearsal.controllers.kustomizehealth import Wait, timeout, unhealthy, words_of
from runbook.rehearsal.controllers.kustomizeprerequisites import artifact, unmet
from runbook.rehearsal.durations import seconds
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.runtime import Controllers, Key
from runbook.rehearsal.store import Event
from runbook.rehearsal.world import LiveWorld

GROUP = "kustomize.toolkit.fluxcd.io/v1"
LABEL = "kustomize.toolkit.fluxcd.io/"
DEPENDENCY_RETRY = 30.0
HEALTH_POLL = 2.0
FIRST = ("Namespace", "CustomResourceDefinition")
# What was being done when a reason for failing arose: the text of Reconciling [m]
DOING = {"ArtifactFailed": "Fetching manifests", "BuildFailed": "Building manifests"}
DOING |= {"ReconciliationFailed": "Detecting drift", "HealthCheckFailed": "Running health checks"}


class Kustomizations:
    """kustomize-controller."""

    def __init__(self, controllers: Controllers, world: LiveWorld) -> None:
        self._store, self._world = controllers.store, world
        self._say = FluxReporter(self._store, world, "kustomize-controller")
        self._kind = self._store.kinds[GROUP, "kustomizations"]
        self._clock, self._applier = controllers.clock, Applier(controllers.store)
        self._passed: dict[str, Wait] = {}
        self._waits: dict[str, Wait] = {}
        controllers.add(self._kind, self._reconcile, self._related)

    def _related(self, kind: Kind, event: Event) -> Iterator[Key]:
        """A source with a new artifact, a dependency that became ready."""
        if kind.kind not in ("GitRepository", "Kustomization"):
            return
        for obj in self._store.list(self._kind):
            named = [obj["spec"].get("sourceRef") or {}, *(obj["spec"].get("dependsOn") or ())]
            if any(event.obj["metadata"]["name"] == n.get("name") for n in named):
                yield (obj["metadata"]["namespace"], obj["metadata"]["name"])

    async def _reconcile(self, obj: Object) -> float | None:
        if deleting(obj):
            return None
        if obj["spec"].get("suspend"):
            if requested(obj):
                self._say.report(obj, {})
            return None
        blocked = unmet(self._store, obj)
        if blocked is not None:
            return self._fail(obj, *blocked, retry=DEPENDENCY_RETRY, reconciling=False)
        revision, folder = artifact(self._store, self._world, obj)
        uid, state = obj["metadata"]["uid"], (revision, int(obj["metadata"]["generation"]))
        rest = self._rest(obj, state)
        if rest > 0:
            return rest
        wait = self._waits.get(uid)
        if wait is None or wait.state != state:
            try:
                wait = Wait(state, self._clock.elapsed, self._apply(obj, folder))
            except BuildError as error:
                return self._fail(obj, error.reason, str(error), revision=revision)
        again = self._unhealthy(obj, wait)
        if again is not None:
            return again
        self._waits.pop(uid, None)
        self._passed[uid] = replace(wait, began=self._clock.elapsed)
        self._succeed(obj, revision, wait)
        return interval(obj)

    def _rest(self, obj: Object, state: tuple[str, int]) -> float:
        """Seconds until the next pass: one that succeeded is repeated at the interval, and puts back what is gone."""
        passed = self._passed.get(obj["metadata"]["uid"])
        if passed is None or passed.state != state or not is_true(obj, "Ready") or requested(obj):
            return 0.0
        return passed.began + interval(obj) - self._clock.elapsed

    def _unhealthy(self, obj: Object, wait: Wait) -> float | None:
        """None when what was applied is as healthy as asked for; else when to look again."""
        uid, limit, took = obj["metadata"]["uid"], timeout(obj), self._clock.elapsed - wait.began
        left = unhealthy(self._store, obj, wait.applied)
        if not left:
            return None
        if took < limit and "Failed" not in left.values():
            self._waits[uid] = wait
            doing = f"{DOING['HealthCheckFailed']} for revision {wait.state[0]} with a timeout of {go_duration(limit)}"
            progress = ("True", "Progressing", doing)
            unknown = ("Unknown", "Progressing", "Reconciliation in progress")
            self._say.report(obj, {"Ready": unknown, "Reconciling": progress}, ended=False)
            return HEALTH_POLL
        self._waits.pop(uid, None)
        words = words_of(left)
        message = f"health check failed after {go_duration(took)}: {words}"
        return self._fail(obj, "HealthCheckFailed", message, revision=wait.state[0], wait=wait, unhealthy=words)

    # building and applying

    def _apply(self, obj: Object, folder: Path) -> list[Object]:
        wanted = build(folder, str(obj["spec"].get("path", "./")))
        metadata = obj["metadata"]
        labels = {LABEL + "name": metadata["name"], LABEL + "namespace": metadata["namespace"]}
        for document in sorted(wanted, key=lambda d: d.get("kind") not in FIRST):
            self._apply_one(obj, document, labels)
        return wanted

    def _apply_one(self, obj: Object, document: Object, labels: dict[str, str]) -> None:
        name = f"{document.get('kind')}/{document['metadata'].get('namespace', '')}/{document['metadata']['name']}"
        metadata = {**document["metadata"], "labels": {**(document["metadata"].get("labels") or {}), **labels}}
        try:
            kind = self._store.kind_of(document)
        except ApiError as error:
            raise BuildError("ReconciliationFailed", f"{name} dry-run failed: {error.message}\n") from error
        target = obj["spec"].get("targetNamespace")
        namespace = (target or document["metadata"].get("namespace")) if kind.namespaced else None
        try:
            self._applier.apply({**document, "metadata": metadata}, namespace)
        except ApiError as error:
            missing = error.code == 404 and error.message.startswith("namespaces ")
            what = "not found" if missing else f"dry-run failed ({error.reason})"
            raise BuildError("ReconciliationFailed", f"{name} {what}: {error.message}\n") from error

    def _entries(self, applied: list[Object]) -> list[dict[str, str]]:
        return sorted((entry(self._store.kind_of(d), d) for d in applied), key=lambda e: e["id"])

    def _succeed(self, obj: Object, revision: str, wait: Wait) -> None:
        entries, took = self._entries(wait.applied), go_duration(self._clock.elapsed - wait.began)
        asked = obj["spec"].get("wait") or obj["spec"].get("healthChecks")
        healthy = found(obj, "Healthy") if is_true(obj, "Healthy") and is_true(obj, "Ready") else None
        words = healthy["message"] if healthy else f"Health check passed in {took}"
        known = obj.get("status") or {}
        self._prune(obj, known, {e["id"] for e in entries})
        message = f"Applied revision: {revision}"
        fresh = known.get("lastAppliedRevision") != revision
        live = self._say.report(
            obj,
            {
                "Ready": ("True", "ReconciliationSucceeded", message),
                "Reconciling": None,
                "Healthy": ("True", "Succeeded", words) if asked else None,
            },
            observedGeneration=obj["metadata"]["generation"],
            lastAppliedRevision=revision,
            lastAttemptedRevision=revision,
            inventory={"entries": entries},
        )
        if fresh:
            self._say.event(live, "Normal", "ReconciliationSucceeded", message)

    def _prune(self, obj: Object, known: Object, kept: set[str]) -> None:
        if not obj["spec"].get("prune"):
            return
        for old in (known.get("inventory") or {}).get("entries") or ():
            if old["id"] in kept:
                continue
            namespace, name, group, kind = old["id"].split("_")
            found_kind = self._store.by_kind.get((f"{group}/{old['v']}" if group else old["v"], kind))
            if found_kind and self._store.find(found_kind, namespace, name):
                self._store.delete(found_kind, namespace, name)

    def _fail(
        self,
        obj: Object,
        reason: str,
        message: str,
        *,
        retry: float = 0.0,
        revision: str = "",
        reconciling: bool = True,
        wait: Wait | None = None,
        unhealthy: str = "",
    ) -> float:
        old = found(obj, "Ready")
        retry = retry or seconds(obj["spec"].get("retryInterval") or obj["spec"].get("interval") or "10m")
        doing = f"{DOING.get(reason, '')} for revision {revision} with a timeout of {go_duration(timeout(obj))}"
        progress = ("True", "ProgressingWithRetry", doing) if reconciling else None
        fields: dict[str, Any] = {"lastAttemptedRevision": revision} if revision and reason != "ArtifactFailed" else {}
        fields |= {"inventory": {"entries": self._entries(wait.applied)}} if wait else {}
        health = {"Healthy": ("False", reason, unhealthy)} if unhealthy else {}
        live = self._say.report(obj, {"Ready": ("False", reason, message), "Reconciling": progress, **health}, **fields)
        if old is not None and old["message"] == message:
            return retry
        if reason == "DependencyNotReady":  # waiting is no failure [m]
            words = "Dependencies do not meet ready condition, retrying in 30s"
            self._say.event(live, "Normal", reason, words)
        else:
            self._say.event(live, "Warning", reason, message)
        return retry


def entry(kind: Kind, document: Object) -> dict[str, str]:
    """status.inventory.entries[]: `<namespace>_<name>_<group>_<kind>` [fcli:pkg/object]."""
    metadata = document["metadata"]
    namespace = metadata.get("namespace", "") if kind.namespaced else ""
    return {"id": f"{namespace}_{metadata['name']}_{kind.group}_{kind.kind}", "v": kind.version}
