"""Pods that share what they have alike say what each of them said before; whatever differs stays its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.domain.alike import Alike
from runbook.domain.kinds import decode
from runbook.domain.pods import Pod

OWNER = {"kind": "ReplicaSet", "name": "web-5d", "uid": "u-1", "controller": True}


def token(name: str) -> dict[str, Any]:
    """The volume every pod has, under a name of its own."""
    return {"name": f"kube-api-access-{name}", "projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}}


def pod(name: str, *, image: str = "web:1", owner: Any = OWNER, label: str = "web", ready: str = "True") -> Any:
    return {
        "metadata": {"name": name, "labels": {"app": label}, "ownerReferences": [owner] if owner else None},
        "spec": {
            "containers": [{"name": "main", "image": image, "resources": {"limits": {"memory": "1Gi"}}}],
            "initContainers": [{"name": "wait", "image": "wait:1"}],
            "volumes": [token(name), {"name": "tls", "secret": {"secretName": "tls"}}],
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    }


def decoded(*raw: Any) -> list[Pod]:
    found = [decode("Pod", json.dumps(one).encode()) for one in raw]
    return [one for one in found if isinstance(one, Pod)]


def folded(*raw: Any) -> list[Pod]:
    pods = decoded(*raw)
    Alike().fold(pods)
    return pods


CASES: dict[str, dict[str, Any]] = {
    "the same": {},
    "another image": {"image": "web:2"},
    "another label": {"label": "api"},
    "not ready": {"ready": "False"},
    "no owner": {"owner": None},
    "another of that uid": {"owner": {**OWNER, "name": "web-6c"}},
    "another owner": {"owner": {**OWNER, "uid": "u-2"}},
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_that_a_pod_says_is_changed(case: str) -> None:
    raw = (pod("a"), pod("b", **CASES[case]), pod("c"))
    assert folded(*raw) == decoded(*raw)


def test_what_comes_of_one_template_is_there_once() -> None:
    first, second = folded(pod("a"), pod("b"))
    assert second.metadata.owner_references is first.metadata.owner_references
    assert second.metadata.labels is first.metadata.labels
    assert second.spec.containers is first.spec.containers
    assert second.spec.init_containers is first.spec.init_containers
    assert first.spec.volumes
    assert second.spec.volumes
    assert second.spec.volumes[0].projected is first.spec.volumes[0].projected
    assert [v.name for v in second.spec.volumes] == ["kube-api-access-b", "tls"]
    assert first.status.conditions
    assert second.status.conditions
    assert second.status.conditions[0].type is first.status.conditions[0].type


def test_volumes_without_a_token_are_there_once_too() -> None:
    raw = [pod("a"), pod("b")]
    for one in raw:
        del one["spec"]["volumes"][0]
    first, second = folded(*raw)
    assert second.spec.volumes is first.spec.volumes


def test_the_first_one_may_have_no_volumes() -> None:
    raw = (pod("a"), pod("b"))
    del raw[0]["spec"]["volumes"]
    assert folded(*raw) == decoded(*raw)


@pytest.mark.parametrize("odd", [{}, {"metadata": {}}, {"spec": None} | pod("x"), {"spec": {"volumes": []}}])
def test_pods_that_lack_nearly_everything_are_left_as_they_are(odd: Any) -> None:
    odd = {key: value for key, value in odd.items() if value is not None}
    assert folded(pod("a"), odd, odd) == decoded(pod("a"), odd, odd)
