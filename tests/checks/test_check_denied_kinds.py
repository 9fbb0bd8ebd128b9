"""Each kind denied, each kind emptied: exactly what depends on it stops being green, and nothing else moves."""

from __future__ import annotations

from typing import Any

import pytest
from checks_build import GREEN, ask_all, denied, green_inventory, green_snapshot, holding, words

from runbook.checks import CHECKS, judge
from runbook.model import Result

# Written by hand: a check that begins or ceases to depend on a kind has to be entered here.
DEPENDS = {
    "AccessReview": {"access", "permissions"},
    "Bucket": set(),
    "DaemonSet": {"health-probes", "services-running", "workloads-ready"},
    "Deployment": {
        "flux-controllers",
        "health-probes",
        "infrastructure-ready",
        "services-running",
        "workloads-ready",
    },
    "EndpointProbe": {"endpoints-answer", "smoke-checks"},
    "EndpointSlice": {"infrastructure-ready", "ingress-backends", "services-endpoints"},
    "Event": {"infrastructure-ready", "sealed-secrets-unsealed", "warning-events"},
    "GitFile": {"git-versions"},
    "GitHead": {"git-revision"},
    "GitRepository": {"git-revision", "kustomizations-ready", "sources-ready"},
    "HelmRelease": {"releases-ready", "services-running", "versions-agree"},
    "HelmRepository": set(),
    "Ingress": {"ingress-backends"},
    "Job": {"workloads-ready"},
    "Kustomization": {"kustomizations-ready", "reconcile-requested"},
    "LogGroup": {"controller-logs"},
    "LogWindow": {"controller-logs"},
    "ManifestProbe": {"pods-images", "registry-manifests"},
    "Node": {"nodes-ready"},
    "OCIRepository": set(),
    # registry-trust keeps standing: the node itself was read, and a pod could only speak against it.
    "Pod": {
        "image-pulls",
        "infrastructure-ready",
        "pods-healthy",
        "pods-images",
        "sealed-secrets-unsealed",
        "versions-agree",
    },
    "RegistryTrust": {"registry-reachable", "registry-trust"},
    "SealedSecret": {"infrastructure-ready", "sealed-secrets-unsealed", "sealing-keys"},
    "ServedKind": {"flux-controllers"},
    "Service": {"ingress-backends", "services-endpoints"},
    "SoakWindow": {"soak"},
    "StatefulSet": {"health-probes", "services-running", "workloads-ready"},
    "UnsealProbe": {"sealing-keys"},
}
# None of them is a good state of these: no Job waits, no error was logged, no Warning was seen, nothing else is wanted.
MAY_BE_EMPTY = {
    "Bucket",
    "DaemonSet",
    "Event",
    "HelmRepository",
    "Job",
    "LogGroup",
    "OCIRepository",
    "StatefulSet",
}

# Without a pod no kubelet speaks against a SealedSecret's status; that it could have been asked is what counts.
WITNESSES = {"Pod": {"infrastructure-ready", "sealed-secrets-unsealed"}}


@pytest.fixture(scope="module")
def green(worlds: Any) -> Any:
    return green_snapshot(worlds), green_inventory(worlds)


def test_the_world_is_green_to_begin_with(green: Any) -> None:
    snapshot, inventory = green
    found = ask_all(snapshot, inventory)
    assert {n: w for n, w in words(found).items() if not w <= GREEN} == {}
    rows = judge([f for some in found.values() for f in some], inventory, "verify")
    assert {r.id for r in rows if r.result not in (Result.PASS, Result.SKIP)} == set()


def test_every_kind_that_any_check_needs_is_in_the_table() -> None:
    assert set(DEPENDS) == {kind for check in CHECKS.values() for kind in check.needs}


@pytest.mark.parametrize("kind", sorted(DEPENDS))
def test_denied_turns_exactly_the_dependent_checks_to_not_evaluated(green: Any, kind: str) -> None:
    snapshot, inventory = green
    before, after = words(ask_all(snapshot, inventory)), words(ask_all(denied(snapshot, kind), inventory))
    assert {n for n in CHECKS if before[n] != after[n]} == DEPENDS[kind]
    assert all(after[n] == {"error"} for n in DEPENDS[kind])


@pytest.mark.parametrize("kind", sorted(DEPENDS))
def test_denied_unticks_exactly_the_dependent_criteria(green: Any, kind: str) -> None:
    snapshot, inventory = green
    found = [f for some in ask_all(denied(snapshot, kind), inventory).values() for f in some]
    rows = judge(found, inventory, "verify")
    assert {r.id for r in rows if r.result is Result.ERROR} == DEPENDS[kind]
    assert all("403" in r.reason for r in rows if r.id in DEPENDS[kind])


@pytest.mark.parametrize("kind", sorted(set(DEPENDS) - MAY_BE_EMPTY))
def test_emptied_leaves_no_dependent_check_green(green: Any, kind: str) -> None:
    snapshot, inventory = green
    after = words(ask_all(holding(snapshot, kind), inventory))
    assert {n for n in DEPENDS[kind] if after[n] <= GREEN} == WITNESSES.get(kind, set())


@pytest.mark.parametrize("kind", sorted(MAY_BE_EMPTY))
def test_a_kind_of_which_none_is_wanted_may_be_empty(green: Any, kind: str) -> None:
    snapshot, inventory = green
    assert all(w <= GREEN for w in words(ask_all(holding(snapshot, kind), inventory)).values())


def test_all_denied_is_not_evaluated_everywhere(green: Any) -> None:
    snapshot, inventory = green
    assert set().union(*words(ask_all(denied(snapshot, *DEPENDS), inventory)).values()) == {"error"}
