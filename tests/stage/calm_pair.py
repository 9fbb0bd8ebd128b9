"""Two releases on which nothing is wrong, verified whole by a user whose rights are exactly what a test grants.

The steps are the notebook's own, in this process and without a kernel: parameters, look, judgement, soak, record, page.
"""

from __future__ import annotations

import contextlib
import html
import json
import shutil
import ssl
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.embedded import EmbeddedCluster
from runbook.errors import VerdictFailed
from runbook.model import Result, Snapshot, StageResult
from runbook.report import stage_report
from runbook.stage import begin

GREEN = (Result.PASS, Result.SKIP)


@dataclass(frozen=True, order=True)
class Right:
    """One right as a Role names it."""

    verb: str
    resource: str
    group: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{'.' + self.group if self.group else ''}"


@dataclass(frozen=True)
class Verified:
    """What one whole verify left."""

    result: StageResult
    snapshot: Snapshot
    page: str
    attempt: Path

    @property
    def unticked(self) -> set[str]:
        """Criteria that are not met: each is named after its one check."""
        return {c.id for c in self.result.criteria if c.result not in GREEN}


class CalmPair:
    """The cluster, and the only ways in which tests touch it."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.cluster = cluster
        self._config: dict[str, Any] = json.loads(cluster.kubeconfig.read_text())

    def verify(self, outputs: Path, *, user: str = "viewer") -> Verified:
        """One whole verify. Raises what its first cell raises."""
        kubeconfig = self.cluster.state / (f"kubeconfig-{user}" if user else "kubeconfig")
        stage = begin("verify", inventory=str(self.cluster.inventory), kubeconfig=str(kubeconfig), outputs=str(outputs))
        for step in (stage.observe, stage.check, stage.explain, stage.plan, stage.apply, stage.prove):
            assert step().text()
        with contextlib.suppress(VerdictFailed):
            stage.record()
        stage.close()
        assert stage.observed is not None
        attempt = stage.setting.attempt
        report = stage_report(attempt.path, stage.setting.run.as_json(), None)
        page = html.unescape(report.read_text(encoding="utf-8"))
        return Verified(attempt.read_result(), stage.observed.snapshot, page, attempt.path)

    def asked(self, outputs: Path) -> set[Right]:
        """The rights one whole verify makes use of, read from the server's own request log."""
        log = self.cluster.state / "requests.jsonl"
        before = len(log.read_text().splitlines())
        self.verify(outputs, user="")
        lines = [json.loads(line) for line in log.read_text().splitlines()[before:]]
        ours = [e for e in lines if e["user"] == "admin" and e["user_agent"] == "runbook" and "resource" in e]
        return {Right(e["verb"], e["resource"], e["group"]) for e in ours}

    def grant(self, rights: Iterable[Right]) -> None:
        """Let the viewer do this and nothing else."""
        rules = [{"apiGroups": [r.group], "resources": [r.resource], "verbs": [r.verb]} for r in sorted(rights)]
        path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/viewer"
        self._send("PATCH", path, {"rules": rules})

    def delete_pods(self, namespace: str) -> None:
        """As `kubectl delete pod --all` does."""
        self._send("DELETE", f"/api/v1/namespaces/{namespace}/pods", None)

    def _send(self, method: str, path: str, body: Any) -> None:
        cluster = self._config["clusters"][0]["cluster"]
        headers = {
            "Authorization": f"Bearer {self._config['users'][0]['user']['token']}",
            "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(cluster["server"] + path, data=data, method=method, headers=headers)
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        with urllib.request.urlopen(request, context=context, timeout=10) as response:
            response.read()


@contextmanager
def living(root: Path, folder: Path) -> Iterator[CalmPair]:
    """The scenario laid over the shipped `pair`, started and calm."""
    shutil.copytree(root / "runbook/rehearsal/scenarios/pair", folder)
    shutil.copytree(root / "tests/data/calm-pair", folder, dirs_exist_ok=True)
    with EmbeddedCluster(str(folder), time_scale=60) as cluster:
        while (frame := cluster.wait_for_frame(lambda _event: None)) and frame["name"] != "calm":
            cluster.proceed()
        assert frame, "the scenario ended before it was calm"
        yield CalmPair(cluster)
