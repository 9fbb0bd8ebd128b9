"""What `k8sgpt analyze` prints of a recorded state, without a backend and with its default filters, by its own rules.

Restated from github.com/k8sgpt-ai/k8sgpt at 05247a851ba9 of 2026-08-19 (33 commits after v0.4.36): `coreAnalyzerMap` in
pkg/analyzer/analyzer.go, one function here for one file there, named in its docstring. It has no rule
for any kind of Flux, nor for SealedSecrets.

Not restated, because the recordings hold nothing to read: cronjob.go (no CronJob is recorded), validating_webhook.go and
mutating_webhook.go (no webhook configuration is), in ingress.go the look-up of the IngressClass, in statefulset.go those of
spec.serviceName and of the claims' StorageClass, in configmap.go emptiness and size. No default filter reads logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from benchmarks.k8sgpt import cluster, network, workloads
from benchmarks.k8sgpt.recorded import Failure, Recorded
from runbook.model import Snapshot

RULES: tuple[Callable[[Recorded], Iterable[Failure]], ...] = (
    workloads.pods, workloads.daemonsets, workloads.deployments, workloads.replicasets, cluster.claims, network.services,
    network.ingresses, workloads.statefulsets, workloads.jobs, cluster.nodes, cluster.configmaps,
)  # fmt: skip


def analyze(state: Snapshot) -> Iterator[Failure]:
    """All that its default filters report of the state."""
    recorded = Recorded(state)
    for rule in RULES:
        yield from rule(recorded)
