"""A SealedSecret is to blame only for what its Secret still holds: who has started, and who waits for something else, is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from diagnosis_worlds import NOW
from held_worlds import BY_ENV, BY_VOLUME, CREATING, HAS_STARTED, MAKERS, MAY_WAIT, SAYS_SO, SECRET, refused, taken, web
from recorded_worlds import container, kind, saved

from runbook.diagnosis import explain
from runbook.domain.kinds import KINDS
from runbook.domain.probes import GitFile, SealingKey, UnsealProbe
from runbook.inventory.model import Cluster, Inventory, SecretsAccess
from runbook.model import Explanation, Snapshot

OPTED = Inventory(schema="runbook/inventory/v1", cluster=Cluster(name="lab"), secrets_access=SecretsAccess(namespaces=("ns",)))  # fmt: skip


def live(*objects: Any, secrets: bool = False) -> Snapshot:
    """The same objects as a cluster serves them: every kind was listed, Secrets where the inventory says so."""
    state = saved(*objects)
    listed = {kind_: () for kind_ in KINDS if secrets or kind_ != "Secret"}
    return replace(state, complete=True, gaps={}, objects={**listed, **state.objects})


def states(*objects: Any) -> tuple[Snapshot, Snapshot]:
    return saved(*objects), live(*objects)


def hung(found: Explanation) -> dict[str, tuple[str, str]]:
    """Object → cause and proof, without the maker itself."""
    return {
        str(e.object): (c.cause, c.proof)
        for c in found.first_causes
        for e in c.explains
        if e.object.kind != "SealedSecret"
    }


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("case", HAS_STARTED)
def test_what_has_read_its_secret_since_hangs_on_nobody_who_makes_it(case: str, maker: str) -> None:
    for state in states(*HAS_STARTED[case], MAKERS[maker]):
        found = explain(state)
        assert {c for c, _ in hung(found).values()} <= {"registry-auth", "image-pull-failed"}
        sealing = {"sealed-secret-key-mismatch", "secret-ownership-conflict", "rbac-forbidden", "secret-missing"}
        assert not sealing & {h.cause for u in found.unexplained for h in u.hypotheses}


@pytest.mark.parametrize("objects", [HAS_STARTED["a probe fails"], HAS_STARTED["it exits again and again"]])
def test_not_even_where_verify_and_git_prove_that_it_cannot_be_opened(objects: list[Any]) -> None:
    state = live(*objects, MAKERS["sealed for another key"])
    proofs: dict[str, tuple[Any, ...]] = {
        "UnsealProbe": (UnsealProbe("ns", "x", opens=False, status=409),),
        "SealingKey": (SealingKey("kube-system", "k1", NOW - timedelta(hours=3)),),
        "GitFile": (GitFile("SealedSecret", "ns", "x", "a.yaml", committed=NOW - timedelta(days=30)),),
    }
    found = explain(replace(state, objects={**state.objects, **proofs}))
    assert [(c.cause, c.proof, [str(e.object) for e in c.explains]) for c in found.first_causes] == [
        ("sealed-secret-key-mismatch", "fact", ["SealedSecret/ns/x"])
    ]


@pytest.mark.parametrize("case", MAY_WAIT)
def test_what_may_wait_for_it_hangs_on_its_maker_as_a_hypothesis_at_most(case: str) -> None:
    found = explain(saved(*MAY_WAIT[case], MAKERS["sealed for another key"]))
    assert set(hung(found).values()) == {("sealed-secret-key-mismatch", "hypothesis")}
    found = explain(saved(*MAY_WAIT[case], refused()))
    assert hung(found) == {}
    guesses = [h for u in found.unexplained for h in u.hypotheses]
    assert {h.cause for h in guesses} == {"rbac-forbidden"}
    assert all("Secret/ns/x" in h.decides and h.because.endswith(".") for h in guesses)
    assert all("SealedSecret/ns/x" in u.why for u in found.unexplained)


@pytest.mark.parametrize("case", SAYS_SO)
def test_who_says_that_it_is_missing_hangs_on_its_maker_as_a_fact(case: str) -> None:
    found = explain(live(*SAYS_SO[case], refused()))
    assert set(hung(found).values()) == {("rbac-forbidden", "fact")}
    assert found.unexplained == ()


@pytest.mark.parametrize("case", SAYS_SO)
def test_of_what_was_saved_that_is_a_hypothesis_since_nobody_knows_what_else_there_is(case: str) -> None:
    found = explain(saved(*SAYS_SO[case], refused()))
    assert hung(found) == {}
    assert {h.cause for u in found.unexplained for h in u.hypotheses} == {"rbac-forbidden"}


@pytest.mark.parametrize("case", SAYS_SO)
def test_where_it_is_there_now_the_words_are_old(case: str) -> None:
    for maker in MAKERS.values():
        for state in states(*SAYS_SO[case], maker, SECRET):
            found = explain(state)
            assert hung(found) == {}
            assert any("is there now" in u.why for u in found.unexplained)


def test_a_maker_that_says_there_is_one_is_no_proof_that_there_is_none_but_that_it_lacks_a_key_is_its_fault() -> None:
    found = explain(live(*SAYS_SO["CreateContainerConfigError"], taken()))
    assert hung(found) == {}
    assert {h.cause for u in found.unexplained for h in u.hypotheses} == {"secret-ownership-conflict"}
    key = web(
        container(("CreateContainerConfigError", "couldn't find key TOKEN in Secret ns/x")) | {"restartCount": 0},
        **BY_ENV,
    )
    assert hung(explain(live(*key, taken())))["Pod/ns/web-5d-1"] == ("secret-ownership-conflict", "fact")


def test_where_secrets_were_listed_and_it_is_not_there_what_has_not_started_hangs_on_its_maker_as_a_fact() -> None:
    other = kind("Secret", "ns", "other")
    found = explain(live(*web(CREATING, **BY_VOLUME), refused(), other, secrets=True), OPTED)
    assert hung(found)["Pod/ns/web-5d-1"] == ("rbac-forbidden", "fact")
    # not what started before it was taken away
    found = explain(live(*HAS_STARTED["a probe fails, mounted"], refused(), other, secrets=True), OPTED)
    assert hung(found) == {}
    # nor where another namespace is the one that may be listed
    assert hung(explain(live(*web(CREATING, **BY_VOLUME), refused(), other, secrets=True))) == {}


def pull(maker: Any, *more: Any) -> list[Any]:
    said = 'Back-off pulling image "r.lab/app:1": ErrImagePull: failed to authorize: 401 Unauthorized'
    return [
        *web(container(("ImagePullBackOff", said)) | {"restartCount": 0}, imagePullSecrets=[{"name": "x"}]),
        maker,
        *more,
    ]


def test_a_pull_that_is_refused_may_be_for_want_of_its_pull_secret_and_is_a_fact_only_where_that_is_not_there() -> None:
    for maker in (taken(), refused()):
        for state in states(*pull(maker)):
            (cause,) = [c for c in explain(state).first_causes if c.cause == "registry-auth"]
            assert cause.proof == "hypothesis"
            assert "Secret/ns/x" in cause.decides
    known = explain(saved(*pull(MAKERS["sealed for another key"])))
    assert hung(known)["Pod/ns/web-5d-1"] == ("sealed-secret-key-mismatch", "hypothesis")
    absent = explain(live(*pull(refused()), kind("Secret", "ns", "other"), secrets=True), OPTED)
    assert hung(absent)["Pod/ns/web-5d-1"] == ("rbac-forbidden", "fact")
    there = explain(live(*pull(refused(), SECRET), secrets=True), OPTED)
    assert hung(there)["Pod/ns/web-5d-1"] == ("registry-auth", "fact")


def test_a_workload_whose_pods_were_listed_and_has_none_does_not_wait_for_a_secret() -> None:
    assert (
        hung(explain(live(*MAY_WAIT["a workload without pods that were saved"], MAKERS["sealed for another key"])))
        == {}
    )


@pytest.mark.parametrize("reason", ["ContainerCreating", "ErrImagePull", "CreateContainerError"])
def test_an_environment_is_read_after_the_pull_and_what_is_missing_in_it_is_said(reason: str) -> None:
    waits = container((reason, "")) | {"restartCount": 0}
    found = explain(saved(*web(waits, **BY_ENV), MAKERS["sealed for another key"]))
    assert "sealed-secret-key-mismatch" not in {c for c, _ in hung(found).values()}


def test_a_pod_that_no_node_has_taken_mounts_nothing() -> None:
    objects = web(CREATING, **BY_VOLUME)
    objects[2]["status"]["conditions"][1] = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "",
    }
    found = explain(saved(*objects, MAKERS["sealed for another key"]))
    assert hung(found) == {}
