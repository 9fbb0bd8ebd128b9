"""A whole verify with each kind denied in turn: never a pass, exactly what depends on it un-ticks, and the right is named.

The rights are those the server's own request log shows one verify to use; each is taken from the viewer's ClusterRole
and answered by a real 403. The table says by hand what must un-tick: a check that swallows a denied read is found out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calm_pair import CalmPair, Right, Verified

from runbook import checks
from runbook.errors import ClusterIdentityError
from runbook.inventory.load import load
from runbook.model import Finding, NotObserved, ObjectRef, Result, Verdict
from runbook.stage.judging import judge

FLUX = "{}.toolkit.fluxcd.io".format
# Written by hand. Soak stands in none of them: it is not begun while anything is unknown, so it un-ticks with each.
DEPENDS: dict[Right, set[str]] = {
    Right("list", "nodes"): {"nodes-ready"},
    Right("list", "pods"): {
        "controller-logs", "image-pulls", "infrastructure-ready", "pods-healthy", "pods-images", "registry-manifests",
        "sealed-secrets-unsealed", "versions-agree",
    },
    Right("get", "pods/log"): {"controller-logs"},
    Right("list", "services"): {"ingress-backends", "services-endpoints"},
    Right("create", "services/proxy"): {"sealing-keys"},
    Right("list", "events"): {"infrastructure-ready", "sealed-secrets-unsealed", "warning-events"},
    Right("list", "persistentvolumeclaims"): set(),
    Right("list", "deployments", "apps"): {
        "flux-controllers", "health-probes", "infrastructure-ready", "services-running", "workloads-ready",
    },
    Right("list", "statefulsets", "apps"): {"health-probes", "services-running", "workloads-ready"},
    Right("list", "daemonsets", "apps"): {"health-probes", "services-running", "workloads-ready"},
    Right("list", "replicasets", "apps"): set(),
    Right("list", "jobs", "batch"): {"workloads-ready"},
    Right("list", "ingresses", "networking.k8s.io"): {"ingress-backends"},
    Right("list", "endpointslices", "discovery.k8s.io"): {
        "infrastructure-ready", "ingress-backends", "services-endpoints",
    },
    Right("list", "gitrepositories", FLUX("source")): {"git-revision", "kustomizations-ready", "sources-ready"},
    Right("list", "helmrepositories", FLUX("source")): {"sources-ready"},
    Right("list", "helmcharts", FLUX("source")): set(),
    Right("list", "ocirepositories", FLUX("source")): set(),
    Right("list", "buckets", FLUX("source")): set(),
    Right("list", "kustomizations", FLUX("kustomize")): {"kustomizations-ready", "reconcile-requested"},
    Right("list", "helmreleases", FLUX("helm")): {"releases-ready", "services-running", "versions-agree"},
    Right("list", "sealedsecrets", "bitnami.com"): {"infrastructure-ready", "sealed-secrets-unsealed", "sealing-keys"},
    Right("watch", "pods"): set(),
    Right("watch", "events"): set(),
    Right("watch", "nodes"): set(),
    Right("watch", "helmreleases", FLUX("helm")): set(),
}  # fmt: skip
IDENTITY = Right("get", "namespaces")  # kube-system's UID: without it nothing is begun


@pytest.fixture(scope="module")
def asked(calm: CalmPair, tmp_path_factory: pytest.TempPathFactory) -> set[Right]:
    return calm.asked(tmp_path_factory.mktemp("asked") / "outputs")


def test_the_table_holds_exactly_the_rights_one_verify_was_seen_to_use(asked: set[Right]) -> None:
    assert asked == {*DEPENDS, IDENTITY}


def test_with_every_right_it_used_it_passes_and_every_criterion_is_ticked(
    calm: CalmPair, asked: set[Right], tmp_path: Path
) -> None:
    calm.grant(asked)
    seen = calm.verify(tmp_path)
    assert (seen.result.verdict, seen.unticked) == (Verdict.PASS, set())
    assert {c.id for c in seen.result.criteria} == {c.id for c in checks.CHECKS.values() if "verify" in c.stages}


@pytest.mark.parametrize("right", sorted(DEPENDS), ids=str)
def test_denied_it_never_passes_and_exactly_the_dependent_criteria_untick(
    calm: CalmPair, asked: set[Right], tmp_path: Path, right: Right
) -> None:
    calm.grant(asked - {right})
    seen = calm.verify(tmp_path)
    assert seen.result.verdict is Verdict.ERROR
    assert seen.unticked == {*DEPENDS[right], "soak"}
    assert all(c.result is Result.ERROR for c in seen.result.criteria if c.id in seen.unticked)
    names_the_right(seen, right)
    each_swallowed_denial_shows(calm, seen, right)


def names_the_right(seen: Verified, right: Right) -> None:
    """In the record and on the page, in the server's words and as what to ask for."""
    refused = f'cannot {right.verb} resource "{right.resource}" in API group "{right.group}"'
    assert any(refused in f.reason for f in seen.result.findings if f.result is Result.ERROR)
    assert refused in seen.page
    if right.verb == "list":
        needed = f"permission needed: {right}"
        assert any(needed in line for f in seen.result.findings for line in f.evidence)
        assert needed in seen.page


def each_swallowed_denial_shows(calm: CalmPair, seen: Verified, right: Right) -> None:
    """Let each dependent check call what it was denied a pass: the criteria that un-tick are no longer those of the table."""
    today = seen.result.started.date()
    inventory = load(calm.cluster.inventory, today=today).inventory
    for name in DEPENDS[right]:
        real = checks.CHECKS[name]
        checks.CHECKS[name] = swallowing(real)  # type: ignore[index]
        try:
            judged = judge("verify", seen.snapshot, inventory, today=today, operator="somebody")
        finally:
            checks.CHECKS[name] = real  # type: ignore[index]
        unticked = {c.id for c in judged.criteria if c.result not in (Result.PASS, Result.SKIP)}
        assert unticked != {*DEPENDS[right], "soak"}, f"{name} swallowed {right} and nothing showed"


def swallowing(check: checks.Check) -> checks.Check:
    """The check with everything it could not see called a pass."""

    def ask(snapshot: Any, inventory: Any) -> Iterator[Finding]:
        try:
            for found in check.ask(snapshot, inventory):
                yield dataclasses.replace(found, result=Result.PASS) if found.result is Result.ERROR else found
        except NotObserved:
            yield Finding(check.id, ObjectRef("Cluster", "", snapshot.cluster), Result.PASS, "nothing was wrong")

    return dataclasses.replace(check, ask=ask)


def test_who_may_not_read_the_clusters_identity_begins_nothing(
    calm: CalmPair, asked: set[Right], tmp_path: Path
) -> None:
    calm.grant(asked - {IDENTITY})
    with pytest.raises(ClusterIdentityError, match='cannot get resource "namespaces"') as caught:
        calm.verify(tmp_path / "outputs")
    assert caught.value.exit_code == 2
    assert not list(tmp_path.rglob("*.json"))


def test_who_may_read_nothing_at_all_gets_no_tick_from_the_cluster(calm: CalmPair, tmp_path: Path) -> None:
    calm.grant({IDENTITY})
    seen = calm.verify(tmp_path)
    assert seen.result.verdict is Verdict.ERROR
    assert seen.unticked >= set().union(*DEPENDS.values(), {"soak"})
