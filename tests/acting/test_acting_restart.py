"""Restarting the sealed-secrets controller: by the dates and the owner references alone, and never another Deployment."""

from __future__ import annotations

from typing import Any

import pytest
from acting_objects import CONTROLLER, INVENTORY, snapshot

from runbook.actions import plan
from runbook.actions.restart_controller import KEY_LABEL, RESTARTED
from runbook.domain.probes import UnsealProbe
from runbook.judgement.permissions import writes
from runbook.model import Action

SPACE = CONTROLLER["namespace"]
STARTED, EARLIER, LATER = "2025-10-17T11:00:00Z", "2025-10-17T10:00:00Z", "2025-10-17T11:05:00Z"
NAME, LONGER = "sealed-secrets", "sealed-secrets-proxy"


def owned(name: str, kind: str, owner: str, **more: Any) -> dict[str, Any]:
    reference = {"kind": kind, "name": owner, "controller": True}
    return {"metadata": {"name": name, "namespace": SPACE, "ownerReferences": [reference], **more}}


def deployment(name: str, **template: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": SPACE, "uid": f"u-{name}"}
    return {"metadata": meta, "spec": {"template": {"metadata": {"annotations": template}}}}


def chain(name: str, app: str, hash_: str) -> dict[str, list[dict[str, Any]]]:
    """A Deployment, its ReplicaSet and a running pod."""
    pod = owned(f"{name}-{hash_}-x", "ReplicaSet", f"{name}-{hash_}", labels={"app": app})
    return {
        "Deployment": [deployment(name)],
        "ReplicaSet": [owned(f"{name}-{hash_}", "Deployment", name)],
        "Pod": [{**pod, "status": {"phase": "Running", "startTime": STARTED}}],
    }


def key(created: str, state: str = "active") -> dict[str, Any]:
    labels = {KEY_LABEL: state}
    return {"metadata": {"name": "key-1", "namespace": SPACE, "creationTimestamp": created, "labels": labels}}


def planned(*, keys: list[dict[str, Any]] | None = None, opens: bool = False, **changes: Any) -> tuple[Action, ...]:
    kinds: dict[str, Any] = {
        "Service": [
            {"metadata": {"name": "sealed-secrets", "namespace": SPACE}, "spec": {"selector": {"app": "seal"}}}
        ],
        "UnsealProbe": [UnsealProbe("ffl", "s", opens, 200 if opens else 409)],
        "Secret": [key(LATER)] if keys is None else keys,
    }
    for one in (chain(LONGER, "proxy", "abc12"), chain(NAME, "seal", "def34")):
        for kind, items in one.items():
            kinds.setdefault(kind, []).extend(items)
    return plan("reconcile", snapshot(**{**kinds, **changes}), (), None, INVENTORY)


def test_a_key_younger_than_the_running_pod_is_the_proof() -> None:
    (act,) = planned()
    assert (act.kind, str(act.object), act.uid) == ("restart-controller", f"Deployment/{SPACE}/{NAME}", f"u-{NAME}")
    assert act.reason.startswith("the key key-1 was added after the controller started at 11:00:00Z")
    assert (act.requires, act.asks, act.details) == ((), "", {"restarted": ""})
    assert act.command == f"kubectl rollout restart deployment {NAME} -n {SPACE}"


def test_of_two_deployments_whose_names_begin_alike_the_one_above_the_pods_is_meant() -> None:
    """A ReplicaSet may be called anything: what its reference says counts, not what its name begins with."""
    sets = [owned(f"{NAME}-def34", "Deployment", LONGER), owned(f"{LONGER}-abc12", "Deployment", NAME)]
    (act,) = planned(ReplicaSet=sets)
    assert act.object.name == LONGER


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": [key(EARLIER)]},
        {"keys": [key(LATER, "compromised")]},
        {"keys": []},
        {"opens": True},
        {"UnsealProbe": []},
        {"Service": []},
        {"Pod": []},
        {"ReplicaSet": []},
        {"Deployment": [deployment(LONGER)]},
    ],
    ids=[
        "an older key", "no active key", "no key seen", "all opens", "nothing was asked", "no service", "no pod",
        "no owner", "not its deployment",
    ],
)  # fmt: skip
def test_without_the_whole_proof_nothing_is_restarted(changes: dict[str, Any]) -> None:
    assert planned(**changes) == ()


def test_the_younger_of_two_pods_counts() -> None:
    kinds = chain(NAME, "seal", "def34")
    (old,) = kinds["Pod"]
    young = {**old, "metadata": {**old["metadata"], "name": "y"}, "status": {"phase": "Running", "startTime": LATER}}
    assert planned(Pod=[old, young]) == ()


def test_what_was_restarted_before_is_remembered_for_the_last_look() -> None:
    (act,) = planned(Deployment=[deployment(NAME, **{RESTARTED: EARLIER})])
    assert act.details == {"restarted": EARLIER}


def test_reconcile_may_write_where_the_controller_lives_and_cleanup_may_not() -> None:
    def namespaces(stage: str) -> set[str]:
        return {p.namespace for p in writes(stage, INVENTORY)}

    assert namespaces("reconcile") == {"flux-system", "ffl", SPACE}
    assert namespaces("cleanup") == {"flux-system", "ffl"}
    assert namespaces("registry-trust") == {"flux-system"}
