"""`runbook apply reconcile` on the night whose trust was restored, against bare requests to the same releases.

Two equal clusters, broken and prepared alike: one is asked by the whole command, the other by a loop that sends each
request as soon as it can be heard and then waits until nothing moves. A cluster's own work takes its real time divided by
the scale, so the slower the clock the nearer to the truth, and the longer it takes.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.clusters import apply, bare_client
from runbook.clients.kubernetes import KubeClient, connect
from runbook.domain.helm import HelmRelease
from runbook.domain.readiness import flux_state
from runbook.domain.requests import RESET, request_annotations
from runbook.embedded import EmbeddedCluster
from runbook.evidence import read_journal

LOOK = 0.05  # seconds between two looks of the loop
MERGE = {"Content-Type": "application/merge-patch+json"}
RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/{}/helmreleases/{}"


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of the whole command and of the bare loop; how many releases the cluster has, and how many were asked."""

    ours: float
    bare: float
    releases: int
    asked: int


def compare(scenario: str, scale: float) -> Figures:
    """Both ways, one after the other, each on a cluster of its own that has waited just as long."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        with _prepared(scenario, scale, first) as cluster:
            began = time.perf_counter()
            apply("reconcile", cluster, first)
            ours = time.perf_counter() - began
        asked = _asked(first)
        with _prepared(scenario, scale, second) as cluster:
            bare, count = _bare(cluster, asked)
    return Figures(ours, bare, count, len(asked))


def _prepared(scenario: str, scale: float, outputs: Path) -> EmbeddedCluster:
    cluster = EmbeddedCluster(scenario, time_scale=scale, ending="healed")
    try:
        cluster.wait_for_frame(lambda _event: None)
        for stage in ("registry-trust", "cleanup"):
            apply(stage, cluster, outputs)
    except BaseException:
        cluster.close()
        raise
    return cluster


def _asked(outputs: Path) -> frozenset[str]:
    """The releases that the command asked, as `namespace/name`, by its own journal."""
    (journal,) = outputs.glob("*/30-reconcile/journal.jsonl")
    intended = [e.what.split() for e in read_journal(journal).entries if e.event == "intended"]
    return frozenset(w[2].partition("/")[2] for w in intended if len(w) == 3 and w[1] == "reset-release")


def _bare(cluster: EmbeddedCluster, asked: Collection[str]) -> tuple[float, int]:
    reader = connect(kubeconfig=str(cluster.kubeconfig))
    try:
        with bare_client(cluster) as client:
            began = time.perf_counter()
            count = _loop(reader, client, set(asked))
            return time.perf_counter() - began, count
    finally:
        reader.close()


def _loop(reader: KubeClient, client: httpx.Client, left: set[str]) -> int:
    """Until every release that was asked has answered, and no release moves any more."""
    tokens: dict[str, str] = {}
    while True:
        releases = {_name(r): r for r in reader.list("HelmRelease").items if isinstance(r, HelmRelease)}
        for name in sorted(left):
            if all(_is_ready(releases[d]) for d in _needs(releases[name])):
                tokens[name] = _reset(client, name)
                left.discard(name)
        answered = all(releases[n].status.last_handled_reconcile_at == token for n, token in tokens.items())
        moving = [r for r in releases.values() if flux_state(r).word in ("reconciling", "unknown")]
        if answered and not left and not moving:
            return len(releases)
        time.sleep(LOOK)


def _reset(client: httpx.Client, name: str) -> str:
    token = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z-{secrets.token_hex(3)}"
    body = {"metadata": {"annotations": dict(request_annotations(token, also=RESET))}}
    client.patch(RELEASES.format(*name.split("/")), json=body, headers=MERGE).raise_for_status()
    return token


def _needs(release: HelmRelease) -> list[str]:
    return [f"{d.namespace or release.metadata.namespace}/{d.name}" for d in release.spec.depends_on or ()]


def _is_ready(release: HelmRelease) -> bool:
    return flux_state(release).ready


def _name(release: HelmRelease) -> str:
    return f"{release.metadata.namespace}/{release.metadata.name}"
