"""Trust proved by a pull: after a CA was installed, what does that node's kubelet say of the next pull from that host?

A kubelet tries a failed pull again after at most five minutes [kubelet's MaxContainerBackOff], so one that waits tells
within that time; when no pod on the node waits for an image of that host, nothing can be proved this way, and that is said.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from runbook.clients.kubernetes import KubeClient
from runbook.domain.cluster import Event
from runbook.domain.pods import Container, Pod
from runbook.domain.podstatus import IMAGE_WAITING, troubles
from runbook.errors import ObservationError

LONGEST = 330.0  # seconds of the cluster's time: the longest back-off and some for the pull
PAUSE = 5.0  # seconds of the cluster's time between two looks: each lists all pods and events


@dataclass(frozen=True, slots=True)
class PullProof:
    """What was seen. Neither `pulled` nor `refused`: no pull was made, or none was seen."""

    sentence: str
    pulled: bool = False
    refused: bool = False


def pull_proof(
    client: KubeClient,
    node: str,
    host: str,
    since: datetime,
    *,
    now: Callable[[], datetime],
    beat: Callable[[], None],
    scale: float = 1.0,
) -> PullProof:
    """Look until a pull from `host` on `node` was made after `since`, or nothing there waits for one."""
    began, pause = now(), threading.Event()
    while True:
        beat()
        try:
            found = _looked(client, node, host, since)
        except ObservationError as error:
            return PullProof(f"not proved by a pull: {error}")
        if found is not None:
            return found
        if (now() - began).total_seconds() > LONGEST:
            return PullProof(f"not proved by a pull: no kubelet tried one from {host} on {node} within {LONGEST:.0f} s")
        pause.wait(PAUSE / scale)


def _looked(client: KubeClient, node: str, host: str, since: datetime) -> PullProof | None:
    pods = [p for p in client.list("Pod").items if isinstance(p, Pod) and p.spec.node_name == node]
    mine = {p.metadata.uid for p in pods if any(c.image.startswith(f"{host}/") for c in _containers(p))}
    events = [e for e in client.list("Event").items if isinstance(e, Event) and e.involved_object.uid in mine]
    for event in events:
        text = event.message or ""
        if event.when is None or event.when < since or f"{host}/" not in text:
            continue
        if event.reason == "Pulled" and "already present" not in text:
            return PullProof(
                f"proved by a pull at {event.when:%H:%M:%SZ}: {event.involved_object.name}: {text[:160]}", True
            )
        if event.reason == "Failed" and "x509" in text:
            return PullProof(f"{node} still refuses {host} at {event.when:%H:%M:%SZ}: {text[:200]}", refused=True)
    waiting = [
        p for p in pods if any(t.reason in IMAGE_WAITING and t.image.startswith(f"{host}/") for t in troubles(p))
    ]
    if not waiting:
        return PullProof(f"not proved by a pull: no pod on {node} waits for an image of {host}")
    return None


def _containers(pod: Pod) -> list[Container]:
    return [*(pod.spec.init_containers or ()), *pod.spec.containers]
