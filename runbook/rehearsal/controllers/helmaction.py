"""One Helm action: hooks, manifests, the wait, and the words of Helm 3 or 4 when it fails (semantics 2.4)."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.charts import Charts, is_hook
from runbook.rehearsal.clock import ScaledClock
from runbook.rehearsal.controllers.applying import Applier
from runbook.rehearsal.controllers.conditions import is_true
from runbook.rehearsal.controllers.helmstate import Attempt, release_name
from runbook.rehearsal.controllers.workloads import available
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store

POLL = 2.0
WAITED_FOR = ("Deployment", "StatefulSet", "DaemonSet")
DELETE_POLICY = "helm.sh/hook-delete-policy"


class HelmError(Exception):
    """An action failed, in Helm's words."""


class HelmAction:
    """Installs or upgrades one release."""

    def __init__(self, store: Store, clock: ScaledClock, charts: Charts, *, helm4: bool) -> None:
        self._store, self._clock, self._charts, self._helm4 = store, clock, charts, helm4
        self._applier = Applier(store)

    async def run(self, obj: Object, attempt: Attempt, action: str, limit: float, revision: int) -> list[Object]:
        """Do it and return what was applied. Raises HelmError, charts.ChartError."""
        documents = self.render(obj, attempt, revision)
        hooks = [d for d in documents if is_hook(d)]
        applied = [d for d in documents if not is_hook(d)]
        await self._hooks(obj, hooks, f"pre-{action}", limit)
        try:
            for document in applied:
                self._applier.apply(document, document["metadata"].get("namespace"))
        except ApiError as error:
            raise HelmError(error.message) from error
        await self._wait(applied, limit)
        await self._hooks(obj, hooks, f"post-{action}", limit)
        return applied

    def render(self, obj: Object, attempt: Attempt, revision: int) -> list[Object]:
        """The release's manifests with Helm's and Flux's marks."""
        namespace = str(obj["spec"].get("targetNamespace") or obj["metadata"]["namespace"])
        values = self._charts.values(attempt.chart, attempt.version, attempt.values)
        found = self._charts.render(
            attempt.chart, attempt.version, values, name=release_name(obj), namespace=namespace, revision=revision
        )
        return [self._marked(obj, document, namespace) for document in found]

    def _marked(self, obj: Object, document: Object, namespace: str) -> Object:
        kind, metadata = self._store.kind_of(document), dict(document["metadata"])
        if kind.namespaced:
            metadata.setdefault("namespace", namespace)
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            "app.kubernetes.io/managed-by": "Helm",
            "helm.toolkit.fluxcd.io/name": obj["metadata"]["name"],
            "helm.toolkit.fluxcd.io/namespace": obj["metadata"]["namespace"],
        }
        if not is_hook(document):
            metadata["annotations"] = {
                **(metadata.get("annotations") or {}),
                "meta.helm.sh/release-name": release_name(obj),
                "meta.helm.sh/release-namespace": namespace,
            }
        return {**document, "metadata": metadata}

    async def _hooks(self, obj: Object, hooks: list[Object], event: str, limit: float) -> None:
        for hook in [h for h in hooks if is_hook(h, event)]:
            kind, metadata = self._store.kind_of(hook), hook["metadata"]
            held = self._store.find(kind, metadata.get("namespace"), metadata["name"])
            if held is not None:
                self._store.delete(kind, metadata.get("namespace"), metadata["name"])
            try:
                made = self._store.create(kind, metadata.get("namespace"), hook)
            except ApiError as error:
                raise HelmError(f"{self._failed(event)}: {error.message}") from error
            if kind.kind == "Job":
                await self._hook_job(made, event, limit)
            if "hook-succeeded" in str((metadata.get("annotations") or {}).get(DELETE_POLICY, "")):
                self._store.delete(kind, metadata.get("namespace"), metadata["name"])

    async def _hook_job(self, job: Object, event: str, limit: float) -> None:
        """Wait for a hook. Helm 3 takes a deleted Job for a success; Helm 4 waits for it until the time is over."""
        ends, name = self._clock.elapsed + limit, f"Job/{job['metadata']['namespace']}/{job['metadata']['name']}"
        while self._clock.elapsed < ends:
            live = self._store.by_uid(job["metadata"]["uid"])
            if (live is None and not self._helm4) or is_true(live, "Complete"):
                return
            if is_true(live, "Failed"):
                words = f"failed early due to stalled resources: [{name} status: 'Failed']"
                raise HelmError(
                    f"{self._failed(event)}: {words if self._helm4 else 'job failed: BackoffLimitExceeded'}"
                )
            await self._clock.sleep(POLL)
        words = f"timeout waiting for: [{name} status: 'InProgress']"
        raise HelmError(f"{self._failed(event)}: {words if self._helm4 else 'timed out waiting for the condition'}")

    @staticmethod
    def _failed(event: str) -> str:
        """Install hooks fail as `failed pre-install`, upgrade hooks as `pre-upgrade hooks failed` [m]."""
        return f"failed {event}" if event.endswith("install") else f"{event} hooks failed"

    async def _wait(self, applied: list[Object], limit: float) -> None:
        ends = self._clock.elapsed + limit
        while self._clock.elapsed < ends:
            left = [d for d in applied if d["kind"] in WAITED_FOR and not available(self._live(d))]
            if not left:
                return
            await self._clock.sleep(POLL)
        if not self._helm4:
            raise HelmError("context deadline exceeded")
        names = ", ".join(
            f"{d['kind']}/{d['metadata']['namespace']}/{d['metadata']['name']} status: 'InProgress'" for d in left
        )
        raise HelmError(f"timeout waiting for: [{names}]")

    def _live(self, document: Object) -> Object | None:
        metadata = document["metadata"]
        return self._store.find(self._store.kind_of(document), metadata.get("namespace"), metadata["name"])

    def store_release(self, snapshot: Object, documents: Iterable[Object]) -> None:
        """Helm's own record: one Secret a revision, at most five, older ones superseded [helm:pkg/storage/driver]."""
        kind, namespace = self._store.kinds["v1", "secrets"], snapshot["namespace"]
        prefix = f"sh.helm.release.v1.{snapshot['name']}.v"
        release = {"name": snapshot["name"], "namespace": namespace, "version": snapshot["version"]}
        release["info"] = {"status": snapshot["status"], "last_deployed": snapshot["lastDeployed"]}
        release["manifest"] = "\n".join(f"# {d['kind']}/{d['metadata']['name']}" for d in documents)
        packed = base64.b64encode(gzip.compress(json.dumps(release).encode(), mtime=0))
        labels = {
            "owner": "helm",
            "name": snapshot["name"],
            "status": snapshot["status"],
            "version": str(snapshot["version"]),
        }
        name = f"{prefix}{snapshot['version']}"
        secret = {
            "metadata": {"name": name, "labels": labels},
            "type": "helm.sh/release.v1",
            "data": {"release": base64.b64encode(packed).decode()},
        }
        held = [s for s in self._store.list(kind, namespace) if s["metadata"]["name"].startswith(prefix)]
        held.sort(key=lambda s: int(s["metadata"]["labels"]["version"]))
        for old in held:
            if snapshot["status"] == "deployed" and old["metadata"]["labels"]["status"] == "deployed":
                marks = {**old["metadata"]["labels"], "status": "superseded"}
                self._store.update(kind, old, {**old, "metadata": {**old["metadata"], "labels": marks}})
        for old in held[:-4]:
            self._store.delete(kind, namespace, old["metadata"]["name"])
        if self._store.find(kind, namespace, name) is None:
            self._store.create(kind, namespace, secret)
