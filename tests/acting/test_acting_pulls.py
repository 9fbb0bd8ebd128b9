"""Which pull proves trust: one that began after the CA was written, whoever's clock is wrong and whatever was told meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from acting_objects import NOW

from runbook.acting.pullproof import LONGEST, PAUSE, Pull, PullProof, pull_proofs
from runbook.clients.kubernetes import KubeClient
from runbook.diagnosis import Classification
from runbook.diagnosis.classify import classify
from runbook.domain.cluster import Event
from runbook.domain.kinds import convert
from runbook.errors import UnreachableError

HOST = "registry.pair.example:5000"
IMAGE = f"{HOST}/notes/noteboard:1.0.0"
UNTRUSTED = (
    f'Failed to pull image "{IMAGE}": Error response from daemon: Get "https://{HOST}/v2/": tls: failed to verify '
    "certificate: x509: certificate signed by unknown authority"
)
MISSING = (
    f'Failed to pull image "{IMAGE}": Error response from daemon: manifest for {IMAGE} not found: manifest unknown'
)


@dataclass
class Node:
    """What one node's pod and its events look like at each look; the last stays. Time passes by looking."""

    looks: Sequence[tuple[dict[str, Any] | None, Sequence[tuple[str, str, float]]]]
    node: str = "worker-1"
    at: int = field(default=-1)

    def objects(self, kind: str) -> Iterator[Any]:
        state, events = self.looks[min(self.at, len(self.looks) - 1)]
        uid = f"u-{self.node}"
        if kind == "Pod" and state is not None:
            container = {"name": "app", "image": IMAGE, "state": state}
            yield {
                "metadata": {"name": f"noteboard-{self.node}", "namespace": "notes", "uid": uid},
                "spec": {"nodeName": self.node, "containers": [{"name": "app", "image": IMAGE}]},
                "status": {"phase": "Pending", "containerStatuses": [container]},
            }
        for number, (reason, message, at) in enumerate(events if kind == "Event" else ()):
            yield {
                "metadata": {"name": f"e{number}.{self.node}", "namespace": "notes", "uid": f"e{number}-{self.node}"},
                "involvedObject": {"kind": "Pod", "uid": uid, "name": "noteboard", "fieldPath": "spec.containers{app}"},
                "reason": reason,
                "message": message,
                "lastTimestamp": f"{NOW + timedelta(seconds=at):%Y-%m-%dT%H:%M:%SZ}",
            }


@dataclass
class Watched:
    """A cluster of such nodes, looked at every `PAUSE` seconds of its own time."""

    nodes: Sequence[Node]
    fails_at: int = 1_000
    looked: int = 0

    def list(self, kind: str) -> Any:
        if kind == "Event":
            self.looked += 1
            for node in self.nodes:
                node.at += 1
        if self.looked >= self.fails_at:
            raise UnreachableError("Event", "connection refused")
        items = tuple(convert(kind, obj) for node in self.nodes for obj in node.objects(kind))
        return type("Listed", (), {"items": items, "notes": ()})

    def now(self) -> datetime:
        return NOW + timedelta(seconds=PAUSE * self.looked)


def proofs(*nodes: Node, fails_at: int = 1_000) -> tuple[dict[str, PullProof], int]:
    """What was proved of each node, the CA having been written at second 0, and how often the cluster was looked at."""
    cluster = Watched(nodes, fails_at)
    told: list[int] = []

    def meaning(event: Event) -> str:
        found: Classification = classify(event.message, reason=event.reason, kind="Pod")
        return found.cause

    found = pull_proofs(
        cast("KubeClient", cluster),
        [Pull(n.node, HOST) for n in nodes],
        NOW,
        meaning,
        now=cluster.now,
        progress=lambda done, _: told.append(done),
        scale=10_000,
    )
    assert len(told) == cluster.looked
    return {pull.node: proof for pull, proof in found.items()}, cluster.looked


def proof(*looks: tuple[dict[str, Any] | None, Sequence[tuple[str, str, float]]]) -> PullProof:
    return proofs(Node(looks))[0]["worker-1"]


def waits(*events: tuple[str, str, float]) -> tuple[dict[str, Any], Sequence[tuple[str, str, float]]]:
    return {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}, events


def runs(*events: tuple[str, str, float]) -> tuple[dict[str, Any], Sequence[tuple[str, str, float]]]:
    return {"running": {"startedAt": "2025-10-17T11:16:30Z"}}, events


def pulling(at: float) -> tuple[str, str, float]:
    return "Pulling", f'Pulling image "{IMAGE}"', at


def pulled(at: float) -> tuple[str, str, float]:
    return "Pulled", f'Successfully pulled image "{IMAGE}" in 812ms', at


def failed(at: float, message: str = UNTRUSTED) -> tuple[str, str, float]:
    return "Failed", message, at


class TestRefused:
    def test_by_a_pull_that_began_after_the_ca_was_written(self) -> None:
        found = proof(waits(pulling(-60), failed(-60)), waits(pulling(20), failed(21)))
        assert found.refused
        assert "worker-1 still refuses registry.pair.example:5000 at 11:16:19Z" in found.sentence

    @pytest.mark.parametrize("under_way", [-1, 2], ids=["begun before", "a clock that is ahead"])
    def test_not_by_one_that_was_under_way(self, under_way: float) -> None:
        found = proof(
            waits(pulling(under_way)),
            waits(pulling(under_way), failed(3)),
            waits(pulling(13), failed(3)),
            runs(pulling(13), pulled(14)),
        )
        assert (found.trusted, found.refused) == (True, False)
        assert "proved by a pull at 11:16:12Z" in found.sentence

    def test_not_by_one_whose_beginning_is_told_late(self) -> None:
        found = proof(waits(), waits(pulling(-1), failed(3)), runs(pulling(13), pulled(14)))
        assert (found.trusted, found.refused) == (True, False)

    def test_not_by_an_older_failure_beside_a_new_pull(self) -> None:
        found = proof(waits(pulling(-60), failed(-60)), waits(pulling(8), failed(-60)), runs(pulling(8), pulled(9)))
        assert found.trusted

    def test_not_by_a_failure_whose_beginning_was_never_told(self) -> None:
        found = proof(waits(), waits(failed(10)))
        assert not found.refused
        assert "no kubelet tried one" in found.sentence

    def test_not_by_what_has_nothing_to_do_with_certificates(self) -> None:
        lost = f'Failed to pull image "{IMAGE}": dial tcp 10.0.0.5:5000: connect: connection refused'
        found = proof(waits(), waits(pulling(10), failed(11, lost)), runs(pulling(20), pulled(21)))
        assert found.trusted


class TestTrusted:
    def test_by_a_registry_that_answers_but_has_no_such_image(self) -> None:
        found = proof(waits(), waits(pulling(10), failed(11, MISSING)))
        assert found.trusted
        assert "which the registry itself denied at 11:16:09Z" in found.sentence
        assert "manifest unknown" in found.sentence

    def test_by_a_container_that_has_started_when_no_event_tells(self) -> None:
        found = proof(waits(), waits(), runs())
        assert found.trusted
        assert found.sentence == "proved by a pull: noteboard-worker-1 has its image and was started"

    def test_not_by_an_image_that_was_there_already(self) -> None:
        there = ("Pulled", f'Container image "{IMAGE}" already present on machine', 5.0)
        found = proof(runs(there))
        assert (found.trusted, found.refused) == (False, False)
        assert "no pod on worker-1 waits for an image" in found.sentence

    def test_not_by_a_pull_before_the_ca(self) -> None:
        assert not proof(runs(pulling(-20), pulled(-19))).trusted


class TestWaiting:
    def test_ends_after_the_longest_back_off(self) -> None:
        found, looked = proofs(Node((waits(),)))
        assert found["worker-1"].sentence == (
            "not proved by a pull: no kubelet tried one from registry.pair.example:5000 on worker-1 within 330 s"
        )
        assert looked == LONGEST // PAUSE + 1

    def test_a_pull_that_never_came_as_far_as_the_certificate_is_told(self) -> None:
        lost = f'Failed to pull image "{IMAGE}": dial tcp 10.0.0.5:5000: connect: connection refused'
        found = proof(waits(failed(-9, lost)), waits(pulling(20), failed(21, lost)))
        assert (found.trusted, found.refused) == (False, False)
        assert "within 330 s none came as far as the certificate, the last at 11:16:19Z" in found.sentence
        assert "connection refused" in found.sentence

    def test_ends_when_nothing_waits_any_more(self) -> None:
        found = proof(waits(), (None, ()))
        assert "no pod on worker-1 waits" in found.sentence

    def test_all_nodes_are_waited_for_at_once(self) -> None:
        nodes = [Node((waits(), waits(), runs(pulling(9), pulled(10))), f"worker-{n}") for n in range(1, 21)]
        found, looked = proofs(*nodes)
        assert all(p.trusted for p in found.values())
        assert (len(found), looked) == (20, 3)

    def test_one_nodes_refusal_is_not_anothers(self) -> None:
        good = Node((waits(), runs(pulling(9), pulled(10))), "worker-1")
        bad = Node((waits(), waits(pulling(9), failed(10))), "worker-2")
        found, _ = proofs(good, bad)
        assert (found["worker-1"].trusted, found["worker-2"].refused) == (True, True)

    def test_what_was_proved_stays_proved_when_the_api_goes_away(self) -> None:
        good = Node((runs(pulling(1), pulled(2)),), "worker-1")
        found, _ = proofs(good, Node((waits(),), "worker-2"), fails_at=2)
        assert found["worker-1"].trusted
        assert "connection refused" in found["worker-2"].sentence
