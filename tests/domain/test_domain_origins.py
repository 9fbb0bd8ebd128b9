"""Whose a pod is, under which name Helm knows a release, what a version is without its v, what a kubelet misses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.domain.helm import release_storage
from runbook.domain.images import bare
from runbook.domain.kinds import decode
from runbook.domain.owners import name_of_maker, workload_of_pod
from runbook.domain.sealing import says_missing


def pod(owner: tuple[str, str] | None, labels: dict[str, str]) -> Any:
    refs = [{"kind": owner[0], "name": owner[1], "uid": "u", "controller": True}] if owner else None
    metadata = {"name": "p", "namespace": "n", "labels": labels, "ownerReferences": refs}
    return decode("Pod", json.dumps({"metadata": {k: v for k, v in metadata.items() if v}}).encode())


@pytest.mark.parametrize(
    ("owner", "labels", "wanted"),
    [
        (("ReplicaSet", "shop-6d4"), {"pod-template-hash": "6d4"}, "Deployment/n/shop"),
        (("ReplicaSet", "shop-6d4"), {"pod-template-hash": "other"}, "ReplicaSet/n/shop-6d4"),
        (("StatefulSet", "db"), {}, "StatefulSet/n/db"),
        (None, {}, "None"),
    ],
)
def test_a_pods_workload_is_what_its_controller_reference_leads_to(owner: Any, labels: Any, wanted: str) -> None:
    assert str(workload_of_pod(pod(owner, labels).metadata)) == wanted


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("shop-6d4cf56db6-x2x4z", "shop"),
        ("shop-admin-6d4cf56db6-x2x4z", "shop-admin"),
        ("shop-admin", "shop-admin"),
        ("shop-x2x4z", "shop"),
        ("db-0", "db"),
        ("shop-admin-1", "shop-admin"),
    ],
)
def test_what_controllers_add_to_a_name_is_taken_off_and_words_are_not(name: str, maker: str) -> None:
    assert name_of_maker(name) == maker


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, ("n", "r")),
        ({"targetNamespace": "t"}, ("t", "t-r")),
        ({"targetNamespace": "t", "releaseName": "x"}, ("t", "x")),
    ],
)
def test_helm_knows_a_release_by_name_and_target(spec: dict[str, str], wanted: tuple[str, str]) -> None:
    release = decode("HelmRelease", json.dumps({"metadata": {"name": "r", "namespace": "n"}, "spec": spec}).encode())
    assert release_storage(release) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "meant"), [("v1.2", "1.2"), ("1.2", "1.2"), ("V2", "2"), ("vault", "vault"), ("", "")]
)
def test_a_v_is_taken_off_a_number_only(written: str, meant: str) -> None:
    assert bare(written) == meant


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ('secret "db" not found', True),
        ('MountVolume.SetUp failed for volume "v" : secret "db" not found', True),
        ("couldn't find key K in Secret shop/db", True),
        ("couldn't find key K in Secret db", True),
        ("couldn't find key OTHER in Secret shop/db", False),
        ('secret "other" not found', False),
        ('configmap "db" not found', False),
        ("", False),
    ],
)
def test_a_kubelets_words_say_which_secret_is_missing(message: str, missing: bool) -> None:
    assert says_missing(message, "db", {"K": ""}) is missing
