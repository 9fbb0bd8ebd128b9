"""source-controller: GitRepository, HelmRepository, OCIRepository and HelmChart [sc:internal/controller]."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from runbook.rehearsal.controllers.conditions import deleting, found, is_true
from runbook.rehearsal.controllers.fluxstatus import FluxReporter, interval, requested
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.runtime import Controllers, Key
from runbook.rehearsal.store import Event
from runbook.rehearsal.world import LiveWorld

GROUP = "source.toolkit.fluxcd.io/v1"
RETRY = 30.0


class Sources:
    """source-controller."""

    def __init__(self, controllers: Controllers, world: LiveWorld) -> None:
        self._store, self._world = controllers.store, world
        self._say = FluxReporter(self._store, world, "source-controller")
        kinds = self._store.kinds
        self._charts = kinds[GROUP, "helmcharts"]
        controllers.add(kinds[GROUP, "gitrepositories"], self._git)
        controllers.add(kinds[GROUP, "helmrepositories"], self._helm)
        controllers.add(kinds[GROUP, "ocirepositories"], self._oci)
        controllers.add(self._charts, self._chart, self._related)

    async def _git(self, obj: Object) -> float | None:
        if self._idle(obj):
            return None
        url, branch = obj["spec"]["url"], (obj["spec"].get("ref") or {}).get("branch", "master")
        repository = self._world.repository(url)
        if repository is None:
            host = url.split("://")[-1].split("/")[0].rpartition("@")[2]
            words = f"unable to clone '{url}': dial tcp: lookup {host}: no such host"
            return self._failed(obj, "GitOperationFailed", f"failed to checkout and determine revision: {words}")
        if not repository.has_branch(branch):
            words = f"unable to clone '{url}': couldn't find remote ref \"refs/heads/{branch}\""
            return self._failed(obj, "GitOperationFailed", f"failed to checkout and determine revision: {words}")
        revision = f"{branch}@sha1:{repository.head()}"
        return self._stored(obj, revision, f"stored artifact for revision '{revision}'", "NewArtifact")

    async def _helm(self, obj: Object) -> float | None:
        if self._idle(obj) or obj["spec"].get("type") == "oci":
            return None
        url = obj["spec"]["url"].rstrip("/")
        charts = self._world.charts_of(url)
        if charts is None:
            host = url.split("://")[-1].split("/")[0]
            words = f'Get "{url}/index.yaml": dial tcp: lookup {host.split(":")[0]}: no such host'
            message = f"failed to fetch Helm repository index: failed to cache index to temporary file: {words}"
            return self._failed(obj, "Failed", message)
        listing = "\n".join(f"{c} {v}" for c in charts for v in self._world.charts.versions(c))
        revision = "sha256:" + hashlib.sha256(listing.encode()).hexdigest()
        return self._stored(obj, revision, f"stored artifact: revision '{revision}'", "NewArtifact")

    async def _oci(self, obj: Object) -> float | None:
        if self._idle(obj):
            return None
        host = obj["spec"]["url"].removeprefix("oci://").split("/")[0]
        message = f'failed to determine artifact digest: Get "https://{host}/v2/": dial tcp: lookup {host.split(":")[0]}: no such host'
        return self._failed(obj, "OCIArtifactPullFailed", message)

    def _related(self, kind: Kind, event: Event) -> Iterator[Key]:
        """Charts follow their repository."""
        if kind.kind in ("HelmRepository", "GitRepository"):
            for chart in self._store.list(self._charts):
                reference = chart["spec"]["sourceRef"]
                if (reference["kind"], reference["name"], chart["metadata"]["namespace"]) == (
                    kind.kind,
                    event.obj["metadata"]["name"],
                    event.obj["metadata"]["namespace"],
                ):
                    yield (chart["metadata"]["namespace"], chart["metadata"]["name"])

    async def _chart(self, obj: Object) -> float | None:
        if obj["spec"].get("suspend") or deleting(obj):
            return None
        spec, namespace = obj["spec"], obj["metadata"]["namespace"]
        reference = spec["sourceRef"]
        plural = {"HelmRepository": "helmrepositories", "GitRepository": "gitrepositories"}[reference["kind"]]
        source = self._store.find(self._store.kinds[GROUP, plural], namespace, reference["name"])
        if source is None or not (source.get("status") or {}).get("artifact"):
            message = f"no artifact available for {reference['kind']} source '{reference['name']}'"
            return self._failed(obj, "NoSourceArtifact", message, fetch=False)
        served = self._world.charts_of(source["spec"]["url"].rstrip("/")) or ()
        chart, version = spec["chart"], str(spec.get("version") or "*")
        if chart not in served:
            self._stalled(obj, "no chart name found")
            return None
        versions = self._world.charts.versions(chart)
        if version not in ("*", "") and version not in versions:
            self._stalled(obj, f"no '{chart}' chart with version matching '{version}' found")
            return None
        taken = version if version in versions else versions[-1]
        return self._stored(obj, taken, f"pulled '{chart}' chart with version '{taken}'", "ChartPullSucceeded")

    # outcomes

    def _idle(self, obj: Object) -> bool:
        return bool(obj["spec"].get("suspend")) or deleting(obj)

    def _stored(self, obj: Object, revision: str, message: str, event: str) -> float:
        known = ((obj.get("status") or {}).get("artifact") or {}).get("revision")
        current = (obj.get("status") or {}).get("observedGeneration") == obj["metadata"]["generation"]
        if known == revision and current and is_true(obj, "Ready") and not requested(obj):
            return interval(obj, 60.0)
        reason = "ChartPullSucceeded" if obj["kind"] == "HelmChart" else "Succeeded"
        fields: dict[str, Any] = {"observedGeneration": obj["metadata"]["generation"]}
        if known != revision:
            metadata = obj["metadata"]
            path = f"{obj['kind'].lower()}/{metadata['namespace']}/{metadata['name']}/{revision.rpartition(':')[2][:12]}.tar.gz"
            fields["artifact"] = {
                "revision": revision,
                "digest": "sha256:" + hashlib.sha256(path.encode()).hexdigest(),
                "path": path,
                "url": f"http://source-controller.flux-system.svc.cluster.local./{path}",
                "size": 4096,
                "lastUpdateTime": self._store.now(),
            }
        live = self._say.report(
            obj,
            {
                "Ready": ("True", reason, message),
                "ArtifactInStorage": ("True", reason, message),
                "FetchFailed": None,
                "Reconciling": None,
                "Stalled": None,
            },
            **fields,
        )
        if known != revision:
            self._say.event(live, "Normal", event, message)
        return interval(obj, 60.0)

    def _failed(self, obj: Object, reason: str, message: str, *, fetch: bool = True) -> float:
        old = found(obj, "Ready")
        live = self._say.report(
            obj,
            {
                "Ready": ("False", reason, message),
                **({"FetchFailed": ("True", reason, message)} if fetch else {}),
                "Reconciling": ("True", "ProgressingWithRetry", "building artifact"),
            },
        )
        if old is None or old["message"] != message:
            self._say.event(live, "Warning", reason, message)
        return RETRY

    def _stalled(self, obj: Object, words: str) -> None:
        message = f"invalid chart reference: failed to get chart version for remote reference: {words}"
        old = found(obj, "Stalled")
        live = self._say.report(
            obj,
            {
                "Ready": ("False", "InvalidChartReference", message),
                "Stalled": ("True", "InvalidChartReference", message),
                "FetchFailed": ("True", "InvalidChartReference", message),
                "Reconciling": None,
            },
            observedGeneration=obj["metadata"]["generation"],
        )
        if old is None or old["message"] != message:
            self._say.event(live, "Warning", "InvalidChartReference", message)
