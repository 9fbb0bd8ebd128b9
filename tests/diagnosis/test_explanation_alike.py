"""Many Services before the same pods: what is done grows with Services and pods, not with their product. Counted, not timed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from diagnosis_worlds import event, meta, snapshot
from recorded_worlds import container, pod

from runbook.diagnosis import edges_network, explain, follow
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.walk import Walker

IMAGE = ("ImagePullBackOff", 'Back-off pulling image "r.lab/app:1"')
WORDS = 'Failed to pull image "r.lab/app:1": manifest for app:1 not found: manifest unknown: manifest unknown'


def world(services: int, pods: int) -> Any:
    objects: list[Any] = [event(("Pod", "ns", "p-0"), "Failed", WORDS)]
    objects += [pod("ns", f"p-{n}", container(IMAGE), labels={"app": "p"}) for n in range(pods)]
    for n in range(services):
        name = f"s-{n}"
        port = {"port": {"number": 80}}
        rule = {
            "host": f"{name}.lab",
            "http": {"paths": [{"path": "/", "backend": {"service": {"name": name, **port}}}]},
        }
        labels = {"kubernetes.io/service-name": name}
        objects += [
            {"kind": "Service", "metadata": meta("ns", name), "spec": {"selector": {"app": "p"}, "ports": [{"port": 80}]}},
            {"kind": "EndpointSlice", "metadata": meta("ns", name, labels=labels),
             "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}]},
            {"kind": "Ingress", "metadata": meta("ns", name), "spec": {"rules": [rule]}},
        ]  # fmt: skip
    return snapshot(*objects)


def counted(monkeypatch: pytest.MonkeyPatch, services: int, pods: int) -> Counter[str]:
    counts: Counter[str] = Counter()

    def counting(name: str, real: Any) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            counts[name] += 1
            return real(*given, **more)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(Walker, "health", counting("health", Walker.health))
        patched.setattr(Walker, "walk", counting("walk", Walker.walk))
        for home in (follow, edges_network):
            patched.setattr(home, "Edge", counting("edge", Edge))
        found = explain(world(services, pods))
    hung = {e.object.name for c in found.first_causes for e in c.explains if e.object.kind == "Ingress"}
    assert len(hung) == services, "every Ingress hangs on the pods behind its Service"
    return counts


def test_four_hundred_services_before_the_same_pods_cost_no_more_than_both_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, many = counted(monkeypatch, 40, 20), counted(monkeypatch, 400, 200)
    for what, number in many.items():
        assert number <= 12 * few[what], what
        assert number < 20 * (400 + 200), what
