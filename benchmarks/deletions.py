"""100 deletions with everything that is kept of each, against the same API requests sent bare."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from benchmarks.clusters import bare_client
from runbook.acting.hands import Hands
from runbook.clients.kubernetes import wire
from runbook.clients.kubernetes.answers import Answer
from runbook.clients.kubernetes.transport import Transport
from runbook.domain.podstatus import IMAGE_WAITING
from runbook.embedded import EmbeddedCluster
from runbook.model import Action, ObjectRef
from runbook.stage import Stage, applying, begin
from runbook.stage.performing import perform_all

NAMESPACE = "notes"


Request = tuple[str, str, dict[str, Any], bytes | None]


def compare(count: int, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round: through the product, and the very same requests through one bare HTTP client."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedCluster("pair", time_scale=1) as cluster:
        stage = _stage(cluster, Path(folder))
        with bare_client(cluster) as client:
            found = [_round(client, stage, count, number) for number in range(rounds)]
    return [ours for ours, _ in found], [bare for _, bare in found]


def _round(client: httpx.Client, stage: Stage, count: int, number: int) -> tuple[float, float]:
    requests: list[Request] = []
    acts = _victims(client, f"ours-{number}", count)
    hands = applying._hands(stage.setting, "benchmark", time.monotonic())  # made before, as the bare client is
    ours = _timed(lambda: _ours(stage, hands, acts, requests))
    others = dict(zip((a.object.name for a in acts), _victims(client, f"bare-{number}", count), strict=True))
    return ours, _timed(lambda: _bare(client, requests, acts, others))


def _stage(cluster: EmbeddedCluster, folder: Path) -> Stage:
    return begin(
        "cleanup",
        inventory=str(cluster.inventory),
        kubeconfig=str(cluster.kubeconfig),
        outputs=str(folder),
        mode="apply",
        confirm="pair",
        without_lease="yes",
    )


def _ours(stage: Stage, hands: Hands, acts: list[Action], requests: list[Request]) -> None:
    real = Transport._once

    def once(self: Transport, request: wire.Request) -> Answer:
        requests.append((request.method, request.path, dict(request.query), request.body))
        return real(self, request)

    Transport._once = once  # type: ignore[method-assign]
    try:
        for done in perform_all(stage.setting, hands, acts):
            if done.outcome != "changed":
                raise SystemExit(f"{done.name}: {done.outcome}: {done.said}")
    finally:
        Transport._once = real  # type: ignore[method-assign]


def _bare(
    client: httpx.Client,
    requests: list[Request],
    acts: list[Action],
    others: dict[str, Action],
) -> None:
    """The same requests about other pods of the same kind."""
    uids = {a.object.name: a.uid for a in acts}
    for method, path, query, body in requests:
        text = json.dumps(query)
        name = next((n for n, uid in uids.items() if n in path or uid in text), "")
        if name:
            path_, query_ = path.replace(name, others[name].object.name), text.replace(uids[name], others[name].uid)
        else:
            path_, query_ = path, text
        content = None if body is None else b'{"propagationPolicy": "Background"}'
        client.request(
            method, path_, params=json.loads(query_), content=content, headers={"Content-Type": "application/json"}
        )


def _victims(client: httpx.Client, name: str, count: int) -> list[Action]:
    """Pods that wait for an image that no registry has, as the act wants them, all of them looked at by their kubelet."""
    acts = [_victim(client, f"{name}-{n}") for n in range(count)]
    until = time.monotonic() + 10 + count
    while (left := _unseen(client, {a.object.name for a in acts})) and time.monotonic() < until:
        time.sleep(0.2)
    if left:
        raise SystemExit(f"{left} pods were not looked at by their kubelet")
    return acts


def _unseen(client: httpx.Client, names: set[str]) -> int:
    items = client.get(f"/api/v1/namespaces/{NAMESPACE}/pods").raise_for_status().json()["items"]
    waiting = {
        pod["metadata"]["name"]
        for pod in items
        for status in pod.get("status", {}).get("containerStatuses") or ()
        if status["state"].get("waiting", {}).get("reason") in IMAGE_WAITING
    }
    return len(names - waiting)


def _victim(client: httpx.Client, name: str) -> Action:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "docker.io/library/victim:gone"}]},
    }
    made = client.post(f"/api/v1/namespaces/{NAMESPACE}/pods", json=body).raise_for_status().json()["metadata"]
    return Action(
        f"A{name}", "delete-pod", ObjectRef("Pod", NAMESPACE, name), "benchmark", "none", "", uid=made["uid"],
        resource_version=made["resourceVersion"],
    )  # fmt: skip


def _timed(do: Callable[[], None]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
