"""The cluster that benchmarks measure: pods as a real server holds them, 12 % of them unhealthy, by every cause that is meant."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import explaining, largecluster
from benchmarks.realpods import heavy
from runbook.clients import recorded
from runbook.diagnosis import explain
from runbook.domain import podstatus
from runbook.domain.kinds import decode
from runbook.domain.pods import Pod

PODS = 400  # forty releases: one of each that fails


def size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


@pytest.fixture(scope="module")
def pods() -> list[dict[str, Any]]:
    return list(largecluster.pods_alone(PODS))


def test_a_pod_is_as_large_as_a_real_one_and_half_of_it_is_managed_fields(pods: list[dict[str, Any]]) -> None:
    assert len(pods) == PODS
    sizes = [size(pod) for pod in pods]
    managed = [size(pod["metadata"]["managedFields"]) for pod in pods]
    assert 8_000 <= min(sizes) <= max(sizes) <= 9_500
    assert 0.43 <= sum(managed) / sum(sizes) <= 0.50


def test_managed_fields_name_fields_that_the_pod_has(pods: list[dict[str, Any]]) -> None:
    for pod in pods[:20]:
        controller, kubelet = pod["metadata"]["managedFields"]
        spec = controller["fieldsV1"]["f:spec"]
        assert {f"f:{field}" for field in pod["spec"]} >= set(spec)
        assert [f'k:{{"name":"{c["name"]}"}}' for c in pod["spec"]["containers"]] == list(spec["f:containers"])
        assert {f"f:{field}" for field in pod["status"]} == set(kubelet["fieldsV1"]["f:status"])


def test_the_same_pod_is_made_every_time() -> None:
    one, other = ([*explaining.release(3, "team-3", "app-3", "crash")][-3] for _ in range(2))
    assert one["kind"] == "Pod"
    assert heavy(one) == heavy(other)


def test_twelve_of_a_hundred_pods_are_unhealthy(pods: list[dict[str, Any]]) -> None:
    typed = [decode("Pod", json.dumps(pod).encode()) for pod in pods]
    assert all(isinstance(pod, Pod) for pod in typed)
    unhealthy = [pod for pod in typed if isinstance(pod, Pod) and podstatus.troubles(pod)]
    not_ready = [pod for pod in typed if isinstance(pod, Pod) and not podstatus.is_ready(pod)]
    assert len(unhealthy) == len(not_ready) == largecluster.unhealthy(PODS) == PODS * 12 // 100
    reasons = Counter(t.reason for pod in unhealthy for t in podstatus.troubles(pod) if t.state == "waiting")
    assert set(reasons) == {"ImagePullBackOff", "CreateContainerConfigError", "CrashLoopBackOff"}


def test_the_night_that_is_explained_has_twelve_of_a_hundred_and_all_causes(tmp_path: Path) -> None:
    state = recorded.load([explaining.write(tmp_path, PODS)])
    assert sum(bool(podstatus.troubles(pod)) for pod in state.seen(Pod)) == PODS * 12 // 100
    found = explain(state)
    causes = {cause.cause for cause in found.first_causes}
    assert causes == {"registry-ca-untrusted", "sealed-secret-key-mismatch", "helm-values-invalid"}
    # what crashes is not explained without its log, and what waits is an effect of what it waits for
    assert {guess.cause for one in found.unexplained for guess in one.hypotheses} == {"crash-loop"}
    explained = {one.object.name for cause in found.first_causes for one in cause.explains}
    assert explained >= {"app-14", "app-15"}
