"""A whole verify of a cluster that shows nothing of a kind, or shows nothing anew: empty is not healthy, silence is not quiet."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from calm_pair import CalmPair, Verified, living

from runbook.clients.kubernetes import KubeClient, Listing, listing
from runbook.embedded import EmbeddedCluster
from runbook.errors import TimedOutError
from runbook.model import Finding, Result, Verdict
from runbook.stage.stages import wants

# Written by hand: what un-ticks when the server shows none of a kind, beside the soak, which is then not begun.
EMPTIED: dict[str, set[str]] = {
    "Node": {"nodes-ready"},
    "Pod": {
        "controller-logs", "image-pulls", "pods-healthy", "pods-images", "versions-agree",
    },
    "Service": {"ingress-backends", "services-endpoints"},
    "Deployment": {
        "flux-controllers", "health-probes", "infrastructure-ready", "services-running", "workloads-ready",
    },
    "Ingress": {"ingress-backends"},
    "EndpointSlice": {"infrastructure-ready", "ingress-backends", "services-endpoints"},
    "GitRepository": {"git-revision", "sources-ready"},
    "HelmRepository": {"sources-ready"},
    "Kustomization": {"kustomizations-ready", "reconcile-requested"},
    "HelmRelease": {"releases-ready", "services-running", "versions-agree"},
    "SealedSecret": {"infrastructure-ready", "sealed-secrets-unsealed", "sealing-keys"},
}  # fmt: skip
# Not yet so (tests/checks/test_check_known_gaps.py), and right once it is: a Kustomization whose source is gone is not ready.
MAY_FOLLOW = {"GitRepository": {"kustomizations-ready"}}
# The inventory wants none of these, or none of them is the good state: no Job waits, no Warning was seen.
MAY_BE_EMPTY = {
    "Bucket", "DaemonSet", "Event", "HelmChart", "Job", "OCIRepository", "PersistentVolumeClaim", "ReplicaSet", "StatefulSet",
}  # fmt: skip


def emptied(monkeypatch: pytest.MonkeyPatch, *kinds: str) -> None:
    """The server answers 200 with no items."""
    real: Callable[..., Listing] = listing.fetch

    def fetch(transport: Any, kind: str, *rest: Any, **more: Any) -> Listing:
        found = real(transport, kind, *rest, **more)
        return dataclasses.replace(found, items=(), raw=()) if kind in kinds else found

    monkeypatch.setattr(listing, "fetch", fetch)


def test_the_table_holds_every_kind_a_verify_lists() -> None:
    from runbook.domain.kinds import KINDS

    assert {k for k in wants("verify") if k in KINDS} == {*EMPTIED, *MAY_BE_EMPTY}


@pytest.mark.parametrize("kind", sorted(EMPTIED))
def test_emptied_it_never_passes_and_exactly_the_dependent_criteria_untick(
    calm: CalmPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    emptied(monkeypatch, kind)
    seen = calm.verify(tmp_path, user="")
    assert seen.result.verdict in (Verdict.FAIL, Verdict.ERROR)
    assert seen.unticked - MAY_FOLLOW.get(kind, set()) == {*EMPTIED[kind], "soak"}


def test_a_cluster_without_what_nobody_wants_of_it_passes(
    calm: CalmPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(monkeypatch, *MAY_BE_EMPTY)
    seen = calm.verify(tmp_path, user="")
    assert (seen.result.verdict, seen.unticked) == (Verdict.PASS, set())


def test_a_cluster_that_shows_nothing_at_all_has_no_tick_that_needs_an_object(
    calm: CalmPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(monkeypatch, *EMPTIED, *MAY_BE_EMPTY)
    seen = calm.verify(tmp_path, user="")
    assert seen.result.verdict is Verdict.FAIL
    assert seen.unticked >= set().union(*EMPTIED.values(), {"soak"})


def test_the_empty_scenario_is_verified_to_the_end_and_fails(tmp_path: Path) -> None:
    with EmbeddedCluster("empty", time_scale=60) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        seen = CalmPair(cluster).verify(tmp_path, user="")
    assert seen.result.verdict is Verdict.FAIL
    assert "releases-ready" in {f.check for f in seen.result.findings if f.result is Result.FAIL}
    assert not any(c.result is Result.PASS and c.of and "soak" in c.checks for c in seen.result.criteria)


@pytest.fixture(scope="module")
def pair(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CalmPair]:
    """A cluster of its own: pods are deleted on it."""
    with living(root, tmp_path_factory.mktemp("frozen") / "scenario") as cluster:
        yield cluster


def freeze(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> None:
    """The soak's watches stay open and say nothing, while something happens behind them."""
    happened: list[str] = []

    def watch(_client: KubeClient, kind: str, *_rest: Any, until: Callable[[], bool], **_more: Any) -> Iterator[Any]:
        if kind == "Pod" and not happened:
            happened.append(kind)
            meanwhile()
        while not until():
            time.sleep(0.05)
        yield from ()

    monkeypatch.setattr(KubeClient, "watch", watch)


def soak_of(seen: Verified) -> Finding:
    return next(f for f in seen.result.findings if f.check == "soak")


def test_a_frozen_watch_behind_which_nothing_happened_is_confirmed_by_lists(
    pair: CalmPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(monkeypatch, lambda: None)
    seen = pair.verify(tmp_path, user="")
    assert (seen.result.verdict, soak_of(seen).facts["resets"]) == (Verdict.PASS, 0)


def test_pods_replaced_behind_a_frozen_watch_start_the_clock_again(
    pair: CalmPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(monkeypatch, lambda: pair.delete_pods("notes"))
    seen = pair.verify(tmp_path, user="")
    resets = soak_of(seen).facts["resets"]
    assert isinstance(resets, int)
    assert resets >= 2, "one pod is gone and one is new, and no watch has told"


def test_a_server_that_falls_silent_during_the_soak_proves_no_quiet(
    pair: CalmPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, silent = KubeClient.list, []

    def listed(client: KubeClient, kind: str, **more: Any) -> Listing:
        if silent:
            raise TimedOutError(kind, "no answer within the time allowed")
        return real(client, kind, **more)

    monkeypatch.setattr(KubeClient, "list", listed)
    freeze(monkeypatch, lambda: silent.append(True))
    seen = pair.verify(tmp_path, user="")
    assert seen.result.verdict is Verdict.ERROR
    assert soak_of(seen).result is Result.ERROR
    assert "no answer within the time allowed" in soak_of(seen).reason
