"""Pods that no node takes, or that a node put out: the node whose taint, cordon or pressure it is, and no arbitrary one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from diagnosis_worlds import condition, deployment, event, failed, pod, release, snapshot

from runbook.diagnosis import explain
from runbook.model import FirstCause

CNI = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)
READY = condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")
NO_CNI = condition("Ready", "False", "KubeletNotReady", CNI)
LOST = condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
DISK = condition("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")
NO_ROUTE = condition("NetworkUnavailable", "True", "NoRouteCreated", "Node created without a route")


def node(name: str, *conditions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"kind": "Node", "metadata": {"name": name}, "spec": spec, "status": {"conditions": list(conditions)}}


def tainted(key: str, count: int = 1) -> str:
    return f"{count} node(s) had untolerated taint {{node.kubernetes.io/{key}: }}"


def message(*parts: str, nodes: int = 1) -> str:
    said = f"0/{nodes} nodes are available: {', '.join(parts)}."
    return f"{said} preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."


def pending(said: str, name: str = "web") -> list[Any]:
    given = pod("ns", f"{name}-5d-x", ("ReplicaSet", f"{name}-5d"))
    conditions = [condition("PodScheduled", "False", "Unschedulable", said)]
    given["status"] = {"phase": "Pending", "conditions": conditions}
    return [release("ns", name, failed("ns", name, "context deadline exceeded")),
            deployment("ns", name, ready=False), given]  # fmt: skip


def on(name: str, given: dict[str, Any], **status: Any) -> dict[str, Any]:
    given["spec"]["nodeName"] = name
    given["status"].update(status)
    return given


def only(*objects: Any) -> FirstCause:
    explanation = explain(snapshot(*objects))
    assert explanation.unexplained == ()
    (cause,) = explanation.first_causes
    return cause


def test_three_that_no_node_takes_hang_on_the_one_node_and_its_own_words() -> None:
    cause = only(*(pending(message(tainted("not-ready")), name) for name in "abc"), node("n1", NO_CNI))
    assert (cause.cause, str(cause.object), cause.proof, cause.message) == ("node-not-ready", "Node/n1", "fact", CNI)
    reached = {str(e.object): e.via for e in cause.explains}
    assert {f"Pod/ns/{n}-5d-x" for n in "abc"} | {f"HelmRelease/ns/{n}" for n in "abc"} <= set(reached)
    assert reached["Pod/ns/a-5d-x"] == ("Node/n1 (kept-out: taint node.kubernetes.io/not-ready)",)
    assert cause.next.command == "kubectl describe node n1"


@pytest.mark.parametrize(
    ("key", "state", "cause"),
    [
        ("unreachable", (LOST,), "node-not-ready"),
        ("not-ready", (condition("Ready", "False", "Odd", "words of nobody"),), "node-not-ready"),
        ("disk-pressure", (READY, DISK), "node-pressure-evicted"),
        (
            "memory-pressure",
            (READY, condition("MemoryPressure", "True", "X", "words of nobody")),
            "node-pressure-evicted",
        ),
        ("pid-pressure", (READY, condition("PIDPressure", "True", "X", "")), "node-pressure-evicted"),
        ("network-unavailable", (READY, NO_ROUTE), "cni-failure"),
    ],
)
def test_each_taint_of_a_condition_leads_to_the_node_that_has_it(key: str, state: Any, cause: str) -> None:
    found = only(pending(message(tainted(key))), node("n1", *state))
    assert (found.cause, str(found.object), found.proof) == (cause, "Node/n1", "fact")


def test_the_condition_counts_and_not_another_one_of_the_same_node() -> None:
    found = only(pending(message(tainted("disk-pressure"))), node("n1", NO_CNI, DISK))
    assert (found.cause, found.message) == ("node-pressure-evicted", "kubelet has disk pressure")


@pytest.mark.parametrize("said", ["1 node(s) were unschedulable", tainted("unschedulable")])
def test_a_cordoned_node_is_somebodys_decision_and_is_named(said: str) -> None:
    found = only(pending(message(said)), node("n1", READY, unschedulable=True))
    assert (found.cause, str(found.object), found.proof) == ("unschedulable", "Node/n1", "fact")
    assert found.message.startswith("it is cordoned (spec.unschedulable): somebody decided that no pod is placed on it")
    assert (found.next.command, found.next.safe) == ("kubectl uncordon n1", False)


class TestSeveralNodes:
    def test_with_the_same_words_are_one_cause_and_all_are_named(self) -> None:
        found = only(pending(message(tainted("not-ready", 2), nodes=2)), node("n2", NO_CNI), node("n1", NO_CNI))
        assert (found.cause, str(found.object), found.proof) == ("node-not-ready", "Node/n1", "fact")
        assert found.message == f"n1, n2: {CNI}"

    @pytest.mark.parametrize(
        ("parts", "nodes"),
        [
            ((tainted("disk-pressure"), tainted("not-ready")), [node("n1", READY, DISK), node("n2", NO_CNI)]),
            ((tainted("not-ready", 2),), [node("n1", NO_CNI), node("n2", condition("Ready", "False", "X", "disk died"))]),
        ],
        ids=["two taints", "one taint, two reasons"],
    )  # fmt: skip
    def test_with_different_reasons_are_listed_and_none_is_picked(self, parts: Any, nodes: Any) -> None:
        found = only(pending(message(*parts, nodes=2)), *nodes)
        assert (found.cause, str(found.object)) == ("unschedulable", "Pod/ns/web-5d-x")
        assert "Node/n1: " in found.message
        assert "Node/n2: " in found.message

    def test_of_which_some_could_take_it_are_listed_and_none_is_picked(self) -> None:
        said = message(tainted("not-ready"), "1 Insufficient cpu", nodes=2)
        found = only(pending(said), node("n1", NO_CNI), node("n2", READY))
        assert (found.cause, str(found.object), found.proof) == ("unschedulable", "Pod/ns/web-5d-x", "fact")
        assert f"Node/n1: {CNI}" in found.message
        assert "n2" not in found.message

    def test_a_control_planes_own_taint_beside_is_no_reason_of_today(self) -> None:
        said = message("1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }", tainted("not-ready"), nodes=2)  # fmt: skip
        found = only(pending(said), node("n1", READY), node("n2", NO_CNI))
        assert (found.cause, str(found.object), found.proof) == ("node-not-ready", "Node/n2", "fact")

    def test_of_which_one_was_not_observed_prove_nothing(self) -> None:
        found = only(pending(message(tainted("not-ready", 2), nodes=2)), node("n1", NO_CNI))
        assert (found.cause, found.proof) == ("node-not-ready", "hypothesis")
        assert "2 nodes had the taint node.kubernetes.io/not-ready, and 1 of them" in found.decides


def test_a_node_that_is_well_again_leaves_the_message_as_a_guess() -> None:
    found = only(pending(message(tainted("not-ready"))), node("n1", READY))
    assert (found.cause, str(found.object), found.proof) == ("unschedulable", "Pod/ns/web-5d-x", "hypothesis")
    assert "node.kubernetes.io/not-ready" in found.decides


def test_a_taint_of_somebodys_own_stays_with_the_pod() -> None:
    found = only(pending(message("1 node(s) had untolerated taint {gpu: true}")), node("n1", NO_CNI))
    assert (found.cause, str(found.object), found.proof) == ("unschedulable", "Pod/ns/web-5d-x", "fact")


class TestEvicted:
    LOW = "The node was low on resource: {}. Threshold quantity: 1, available: 0."

    def world(self, said: str, *conditions: Any, node_of: str = "n1") -> list[Any]:
        given = pod("ns", "web-5d-x", ("ReplicaSet", "web-5d"), phase="Failed", reason="Evicted", message=said)
        return [deployment("ns", "web", ready=False), on("n1", given), node(node_of, READY, *conditions)]

    @pytest.mark.parametrize("resource", ["ephemeral-storage", "nodefs", "imagefs", "inodes"])
    def test_while_the_node_is_short_of_it_it_is_the_nodes(self, resource: str) -> None:
        found = only(*self.world(self.LOW.format(resource), DISK))
        assert (found.cause, str(found.object), found.message) == ("node-pressure-evicted", "Node/n1", DISK["message"])

    def test_what_a_node_refused_for_its_condition_as_well(self) -> None:
        assert (
            str(only(*self.world("Pod was rejected: The node had condition: [DiskPressure]. ", DISK)).object)
            == "Node/n1"
        )

    @pytest.mark.parametrize(
        ("said", "state"),
        [
            (LOW.format("ephemeral-storage"), ()),
            (LOW.format("memory"), (DISK,)),
            ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ", (DISK,)),
        ],
        ids=["over", "of another resource", "its own limit"],
    )  # fmt: skip
    def test_else_it_stays_the_pods(self, said: str, state: Any) -> None:
        found = only(*self.world(said, *state))
        assert (found.cause, str(found.object)) == ("node-pressure-evicted", "Pod/ns/web-5d-x")

    def test_from_a_node_that_a_saved_state_does_not_hold_it_is_a_guess(self) -> None:
        saved = replace(snapshot(*self.world(self.LOW.format("memory"), node_of="other")), complete=False)
        (found,) = explain(saved).first_causes
        assert (found.cause, found.proof, found.decides) == (
            "node-pressure-evicted", "hypothesis", "Whether Node/n1 is still short of it.",
        )  # fmt: skip


class TestWithoutNetwork:
    def creating(self) -> dict[str, Any]:
        return on("n1", pod("ns", "web-5d-x", ("ReplicaSet", "web-5d"), waiting=("ContainerCreating", "")))

    def test_a_pod_of_which_nothing_is_said_may_lack_what_its_node_lacks(self) -> None:
        given = self.creating()
        given["status"]["conditions"] = [condition("Ready", "False")]
        found = only(deployment("ns", "web", ready=False), given, node("n1", READY, NO_ROUTE))
        assert (found.cause, str(found.object), found.proof) == ("cni-failure", "Node/n1", "hypothesis")

    def test_one_that_says_so_lacks_it(self) -> None:
        said = event(
            ("Pod", "ns", "web-5d-x"), "NetworkNotReady", "network is not ready: container runtime network not ready"
        )
        found = only(deployment("ns", "web", ready=False), self.creating(), said, node("n1", READY, NO_ROUTE))
        assert (found.cause, str(found.object), found.proof) == ("cni-failure", "Node/n1", "fact")

    def test_one_that_ran_is_not_explained_by_its_node(self) -> None:
        crashed = pod("ns", "web-5d-x", ("ReplicaSet", "web-5d"), waiting=("CrashLoopBackOff", "back-off 5m0s"))
        crashed["status"]["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": 1, "reason": "Error"}}
        explanation = explain(snapshot(on("n1", crashed), node("n1", READY, NO_ROUTE, DISK)))
        assert explanation.first_causes == ()


def test_a_node_whose_words_nobody_knows_is_not_ready_for_the_pods_on_it() -> None:
    quiet = pod("ns", "web-5d-x", ("ReplicaSet", "web-5d"), phase="Running")
    odd = condition("Ready", "False", "Odd", "words of nobody")
    found = only(deployment("ns", "web", ready=False), on("n1", quiet, containerStatuses=[]), node("n1", odd))
    assert (found.cause, str(found.object), found.message) == ("node-not-ready", "Node/n1", "words of nobody")


class TestATaintThatTheSchedulerDoesNotName:
    """From 1.35 on it says only how many nodes had one."""

    UNNAMED, UNFIT = "1 node(s) had untolerated taint(s)", "2 node(s) didn't match Pod's node affinity/selector"
    GONE = ({"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"},)

    def lost(self, name: str = "edge-1", pool: str = "edge") -> dict[str, Any]:
        one = node(name, LOST, taints=list(self.GONE))
        return {**one, "metadata": {"name": name, "labels": {"pool": pool}}}

    def wants(self, said: str, **selector: str) -> list[Any]:
        made = pending(said)
        made[-1]["spec"]["nodeSelector"] = selector
        return made

    def test_is_that_of_the_node_in_a_state_of_its_own(self) -> None:
        cause = only(*pending(message(self.UNNAMED)), self.lost())
        assert (cause.cause, str(cause.object), cause.proof) == ("node-not-ready", "Node/edge-1", "fact")

    def test_the_others_may_be_unfit_today_as_ever(self) -> None:
        well = [node(f"n{n}", READY) for n in range(2)]
        said = message(self.UNNAMED, self.UNFIT, nodes=3)
        cause = only(*self.wants(said, pool="edge"), self.lost(), *well)
        assert (cause.cause, str(cause.object), cause.proof) == ("node-not-ready", "Node/edge-1", "fact")

    @pytest.mark.parametrize("selector", [{"pool": "gpu"}, {"pool": "edge", "disk": "ssd"}, {}])
    def test_one_that_is_unfit_as_well_is_not_why(self, selector: dict[str, str]) -> None:
        said = message(self.UNNAMED, self.UNFIT, nodes=3)
        cause = only(*self.wants(said, **selector), self.lost(), node("n1", READY), node("n2", READY))
        assert cause.cause == "unschedulable"
        assert "Node/edge-1" in cause.message

    def test_a_taint_that_somebody_put_on_is_meant_to_keep_pods_out(self) -> None:
        ours = node("gpu", READY, taints=[{"key": "ours", "effect": "NoSchedule"}])
        cause = only(*pending(message("2 node(s) had untolerated taint(s)", nodes=2)), self.lost(), ours)
        assert (cause.cause, str(cause.object), cause.proof) == ("node-not-ready", "Node/edge-1", "fact")

    def test_of_nodes_that_were_not_observed_nobody_knows(self) -> None:
        softly = node("n1", READY, taints=[{"key": "ours", "effect": "PreferNoSchedule"}])
        cause = only(*pending(message("2 node(s) had untolerated taint(s)", nodes=2)), self.lost(), softly)
        assert cause.proof == "hypothesis"
        assert cause.decides == "2 nodes had a taint, and 1 of them are in what was observed."

    def test_where_no_node_is_in_such_a_state_it_is_the_schedulers_word_alone(self) -> None:
        cause = only(*pending(message(self.UNNAMED)), node("n1", READY))
        assert (cause.cause, cause.proof) == ("unschedulable", "hypothesis")
        assert cause.decides == "Which node has a taint, and why: none of those that were observed is in that state."
