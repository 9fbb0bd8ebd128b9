"""A key mismatch is a fact only when /v1/verify refuses it and every key the controller has is younger than the seal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from diagnosis_worlds import NOW, sealed, snapshot

from runbook.diagnosis import explain
from runbook.domain.probes import GitFile, SealingKey, UnsealProbe
from runbook.model import FirstCause

REFUSED = UnsealProbe("ns", "s", opens=False, status=409)
COMMIT = GitFile("SealedSecret", "ns", "s", "apps/s.yaml", committed=NOW - timedelta(days=40))


def key(days: float) -> SealingKey:
    return SealingKey("kube-system", f"sealed-secrets-key-{days}", NOW - timedelta(days=days))


NEWEST = SealingKey("kube-system", "newest", NOW - timedelta(days=1), complete=False)


def cause(**extra: tuple[Any, ...]) -> FirstCause:
    (found,) = explain(snapshot(sealed("ns", "s"), extra=extra)).first_causes
    return found


def test_refused_and_all_keys_younger_is_a_fact() -> None:
    found = cause(UnsealProbe=(REFUSED,), GitFile=(COMMIT,), SealingKey=(key(1), key(0.1)))
    assert (found.cause, found.proof, found.decides) == ("sealed-secret-key-mismatch", "fact", "")


@pytest.mark.parametrize(
    ("extra", "word"),
    [
        ({}, "/v1/verify"),
        ({"GitFile": (COMMIT,), "SealingKey": (key(1),)}, "/v1/verify"),
        ({"UnsealProbe": (REFUSED,), "SealingKey": (key(1),)}, "commit"),
        ({"UnsealProbe": (REFUSED,), "GitFile": (COMMIT,)}, "notBefore"),
        ({"UnsealProbe": (REFUSED,), "GitFile": (COMMIT,), "SealingKey": (key(1), key(100))}, "older than the commit"),
        ({"UnsealProbe": (REFUSED,), "GitFile": (COMMIT,), "SealingKey": (NEWEST,)}, "an older key than its newest"),
    ],
    ids=["text alone", "never asked", "no git", "no keys", "an old key is there", "only the newest is known"],
)
def test_anything_less_is_a_hypothesis_that_says_what_is_missing(extra: dict[str, tuple[Any, ...]], word: str) -> None:
    found = cause(**extra)
    assert (found.cause, found.proof) == ("sealed-secret-key-mismatch", "hypothesis")
    assert word in found.decides


def test_one_that_opens_under_another_scope_has_its_key_and_lost_its_scope() -> None:
    found = cause(UnsealProbe=(UnsealProbe("ns", "s", opens=False, status=409, opens_as="cluster-wide"),))
    assert (found.cause, found.proof) == ("sealed-secret-scope-mismatch", "fact")
    assert "opens it as cluster-wide" in found.message


def _twin(namespace: str, name: str, synced: str, values: dict[str, str]) -> dict[str, Any]:
    found = sealed(namespace, name)
    found["spec"] = {"encryptedData": values}
    found["status"]["conditions"][0]["status"] = synced
    return found


MINE = {"a": "AgA1", "b": "AgB2"}


def test_a_copy_that_is_unsealed_elsewhere_shows_that_the_key_is_there() -> None:
    copies = (_twin("other", "s", "True", {**MINE, "c": "AgC3"}), _twin("ns", "t", "True", {"a": "AgA1"}))
    (found,) = explain(snapshot(_twin("ns", "s", "False", MINE), *copies)).first_causes
    assert (found.cause, found.proof) == ("sealed-secret-scope-mismatch", "hypothesis")
    assert "SealedSecret/other/s holds the same ciphertext and is unsealed" in found.message
    assert found.decides.endswith("as other/s.")


@pytest.mark.parametrize(
    "other",
    [
        _twin("other", "s", "False", MINE),
        _twin("other", "s", "True", {**MINE, "b": "AgX"}),
        _twin("other", "s", "True", {}),
    ],
    ids=["refused too", "one value differs", "holds nothing"],
)
def test_another_copy_shows_nothing(other: dict[str, Any]) -> None:
    found = explain(snapshot(_twin("ns", "s", "False", MINE), other)).first_causes
    assert {c.cause for c in found} == {"sealed-secret-key-mismatch"}


def test_one_without_a_value_has_no_copy() -> None:
    (found,) = explain(snapshot(_twin("ns", "s", "False", {}), _twin("other", "s", "True", {}))).first_causes
    assert found.cause == "sealed-secret-key-mismatch"


def test_what_verify_and_the_commit_prove_no_copy_disproves() -> None:
    extra = {"UnsealProbe": (REFUSED,), "GitFile": (COMMIT,), "SealingKey": (key(1),)}
    (found,) = explain(
        snapshot(_twin("ns", "s", "False", MINE), _twin("other", "s", "True", MINE), extra=extra)
    ).first_causes
    assert (found.cause, found.proof) == ("sealed-secret-key-mismatch", "fact")


def test_one_that_opens_now_is_only_old() -> None:
    opens = UnsealProbe("ns", "s", opens=True, status=200)
    explanation = explain(snapshot(sealed("ns", "s"), extra={"UnsealProbe": (opens,)}))
    assert explanation.first_causes == ()
    assert "can open it now" in explanation.unexplained[0].why


def test_one_without_a_status_that_is_refused_counts() -> None:
    silent = sealed("ns", "s")
    silent["status"] = {}
    (found,) = explain(snapshot(silent, extra={"UnsealProbe": (REFUSED,)})).first_causes
    assert found.cause == "sealed-secret-key-mismatch"


def test_a_secret_made_since_makes_the_message_old() -> None:
    made = {
        "kind": "Secret",
        "metadata": {
            "name": "s", "namespace": "ns", "creationTimestamp": (NOW - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ownerReferences": [{"kind": "SealedSecret", "name": "s", "uid": "SealedSecret/ns/s", "controller": True}],
        },
    }  # fmt: skip
    explanation = explain(snapshot(sealed("ns", "s"), made))
    assert explanation.first_causes == ()
    assert "made since" in explanation.unexplained[0].why
