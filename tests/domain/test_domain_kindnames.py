"""A kind is found by every name that kubectl takes for it, and by no other."""

from __future__ import annotations

import pytest

from runbook.domain.kindnames import meant, near
from runbook.domain.kinds import KINDS


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Pod", "po pod pods Pod PODS pods.v1 po."),
        ("Deployment", "deploy deployment deployments deployments.apps deploy.v1.apps Deployment.apps"),
        ("StatefulSet", "sts statefulsets"),
        ("DaemonSet", "ds daemonset"),
        ("ReplicaSet", "rs replicasets.apps"),
        ("Service", "svc services"),
        ("Ingress", "ing ingress ingresses ingresses.networking.k8s.io"),
        ("PersistentVolumeClaim", "pvc persistentvolumeclaims"),
        ("Namespace", "ns namespaces"),
        ("Node", "no node nodes"),
        (
            "HelmRelease",
            "hr helmreleases helmreleases.helm.toolkit.fluxcd.io helmrelease.v2beta1.helm.toolkit.fluxcd.io",
        ),
        ("Kustomization", "ks kustomizations.kustomize.toolkit.fluxcd.io"),
        ("GitRepository", "gitrepo gitrepositories"),
        ("HelmRepository", "helmrepo helmrepositories"),
        ("ConfigMap", "cm"),
        ("CronJob", "cj cronjobs.batch"),
        ("NetworkPolicy", "netpol networkpolicies"),
    ],
)
def test_as_kubectl_takes_it(kind: str, words: str) -> None:
    for word in words.split():
        assert meant(word) == (kind,), word


def test_every_kind_that_is_read_is_found_by_its_plural_with_its_group() -> None:
    for kind, known in KINDS.items():
        assert meant(known.qualified) == (kind,)


def test_no_two_kinds_share_a_name() -> None:
    for kind in KINDS:
        assert meant(kind) == (kind,)


@pytest.mark.parametrize(
    "word", ["podd", "pods.apps", "helmcharts.helm.cattle.io", "", "hr.v2.source.toolkit.fluxcd.io"]
)
def test_another_word_or_another_group_is_none(word: str) -> None:
    assert meant(word) == ()


def test_a_kind_of_one_name_in_two_groups() -> None:
    both = ["Service", "Service.serving.knative.dev", "Widget"]
    assert meant("services", both) == ("Service", "Service.serving.knative.dev")
    assert meant("services.serving.knative.dev", both) == ("Service.serving.knative.dev",)
    assert meant("svc.v1", both) == ("Service",)
    assert meant("widgets.any.example", both) == ("Widget",)


def test_what_may_have_been_meant() -> None:
    assert near("podd")[0] == "Pod"
    assert near("helmrelase")[0] == "HelmRelease"
    assert near("zzzzz") == []
