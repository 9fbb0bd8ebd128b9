"""The night's end: eleven reds, four reasons. Never "all failures due to sealed secrets"."""

from __future__ import annotations

from collections import Counter

from diagnosis_worlds import night

from runbook.diagnosis import as_json, explain
from runbook.model import Explanation


def by_release(explanation: Explanation) -> dict[str, tuple[str, str]]:
    """Release → (cause, relation); unexplained ones → ("unexplained", why)."""
    found = {
        e.object.name: (c.cause, e.relation)
        for c in explanation.first_causes
        for e in c.explains
        if e.object.kind == "HelmRelease"
    }
    return {
        **found,
        **{u.object.name: ("unexplained", u.why) for u in explanation.unexplained if u.object.kind == "HelmRelease"},
    }


def counts(explanation: Explanation) -> Counter[str]:
    """The four numbers people read."""
    return Counter(
        relation if relation == "blocked-by" else cause for cause, relation in by_release(explanation).values()
    )


def test_eight_sealed_one_waits_one_unexplained_one_image() -> None:
    explanation = explain(night())
    assert counts(explanation) == {
        "sealed-secret-key-mismatch": 8, "blocked-by": 1, "unexplained": 1, "image-not-found": 1,
    }  # fmt: skip
    assert by_release(explanation)["discord-bot"] == ("sealed-secret-key-mismatch", "blocked-by")


def test_each_secret_is_an_entry_of_its_own_and_a_hypothesis_until_it_was_asked() -> None:
    sealed = [c for c in explain(night()).first_causes if c.cause == "sealed-secret-key-mismatch"]
    assert len(sealed) == 8
    assert {c.object.kind for c in sealed} == {"SealedSecret"}
    assert all(c.proof == "hypothesis" and "/v1/verify" in c.decides for c in sealed)


def test_the_stale_frontend_is_unexplained_and_says_why() -> None:
    cause, why = by_release(explain(night()))["midwestmtg-frontend"]
    assert cause == "unexplained"
    assert "older than the objects" in why
    assert explain(night()).unexplained[0].hypotheses[0].cause == "helm-wait-timeout"


def test_the_missing_image_is_named_at_its_pod_with_one_next_act() -> None:
    (image,) = [c for c in explain(night()).first_causes if c.cause == "image-not-found"]
    assert (image.object.kind, image.proof) == ("Pod", "fact")
    assert "docker.io/bitnami/kubectl:1.28" in image.next.text
    assert image.age_seconds == 30


def test_another_key_and_other_names_give_seven() -> None:
    explanation = explain(
        night(opened=("ccbot",), rename={"triager": "alpha", "midwestmtg": "beta", "velero": "gamma"})
    )
    assert counts(explanation) == {
        "sealed-secret-key-mismatch": 7, "blocked-by": 1, "unexplained": 1, "image-not-found": 1,
    }  # fmt: skip


def test_unexplained_is_in_the_json_empty_or_not() -> None:
    assert as_json(explain(night()))["unexplained"] != []
    healed = explain(night().__class__(night().observed_at, "x", {}, {}))
    assert as_json(healed)["unexplained"] == []


def test_the_same_state_in_another_order_says_the_same() -> None:
    state = night()
    turned = type(state)(
        state.observed_at, state.cluster, {k: v[::-1] for k, v in reversed(state.objects.items())}, state.gaps
    )
    assert as_json(explain(turned)) == as_json(explain(state))
