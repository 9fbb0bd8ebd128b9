"""A webhook that fails is followed over its configuration to the Service and the pods that answer it, or is old news."""

from __future__ import annotations

from typing import Any

import pytest
from diagnosis_worlds import failed, release
from gateway_worlds import left, listed, under
from recorded_worlds import Object, kind, saved
from variation_worlds import policy

from runbook.diagnosis import explain
from runbook.display.rungs import chain, chain_text
from runbook.domain.kinds import KINDS
from runbook.rehearsal.kinds import builtin_kinds
from runbook.stage.stages import EXPLAINED, wants

NAME, RED = "validate.policy", "HelmRelease/ns/shop"
SHORT = f'Internal error occurred: failed calling webhook "{NAME}": failed to call webhook: context deadline exceeded'
LONG = SHORT.replace("context", 'Post "https://policy.guard.svc:443/validate?timeout=10s": context')
UNTRUSTED = LONG.replace("context deadline exceeded", "x509: certificate signed by unknown authority")
VALIDATING, MUTATING = "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"


def refused(text: str) -> Object:
    return release("ns", "shop", failed("ns", "shop", text))


def declared(name: str = NAME, *, at: str = "policy", kind_: str = VALIDATING, **client: Any) -> Object:
    """A configuration with one webhook; `at` is the Service in guard that answers it."""
    to = {"service": {"namespace": "guard", "name": at}} if at else {}
    return kind(kind_, "", "policies", webhooks=[{"name": name, "clientConfig": {**to, **client}}])


def pods_of_guard() -> list[Any]:
    return policy(pods=True)[2:]


class TestTheWayToItsPods:
    """Over the configuration, also where the words name no Service."""

    @pytest.mark.parametrize("said", [SHORT, LONG])
    @pytest.mark.parametrize("kind_", [VALIDATING, MUTATING])
    def test_leads_over_the_configuration_and_the_service(self, said: str, kind_: str) -> None:
        found = explain(saved(refused(said), declared(kind_=kind_), *pods_of_guard()))
        (cause,) = found.first_causes
        assert (cause.cause, cause.proof) == ("oom-killed", "fact")
        (way,) = (e for e in cause.explains if str(e.object) == RED)
        assert [step.object for step in chain(cause, way)[1:3]] == [f"{kind_}/policies", "Service/guard/policy"]
        text = "\n".join(chain_text(cause, way, 0))
        assert "what its message names" in text
        assert "clientConfig.service" in text

    def test_without_configuration_and_url_nobody_is_followed(self) -> None:
        (cause,) = (c for c in explain(saved(refused(SHORT), *pods_of_guard())).first_causes if RED in under_of(c))
        assert (cause.cause, str(cause.object)) == ("webhook-unreachable", f"Webhook/{NAME}")

    def test_a_webhook_of_another_name_is_not_taken_for_it(self) -> None:
        found = explain(saved(refused(SHORT), declared("validate.policies"), *pods_of_guard()))
        assert under(found)[RED] == ("webhook-unreachable", f"Webhook/{NAME}", "fact")

    def test_leads_to_the_release_that_should_have_made_its_service(self) -> None:
        maker = release(
            "guard", "policy", failed("guard", "policy", "values don't meet the specifications of the schema(s)")
        )
        assert under(listed(refused(LONG), declared(), maker))[RED] == (
            "helm-values-invalid",
            "HelmRelease/guard/policy",
            "fact",
        )

    def test_a_service_that_was_not_saved_may_be_there_whatever_its_release_says(self) -> None:
        maker = release(
            "guard", "policy", failed("guard", "policy", "values don't meet the specifications of the schema(s)")
        )
        found = under(explain(saved(refused(LONG), declared(), maker)))[RED]
        assert (found[0], found[2]) == ("webhook-unreachable", "hypothesis")

    def test_a_service_that_is_not_there_and_that_nobody_makes_is_a_fact(self) -> None:
        assert under(listed(refused(LONG), declared()))[RED] == ("webhook-unreachable", f"Webhook/{NAME}", "fact")

    def test_in_a_recording_its_absence_proves_nothing(self) -> None:
        assert under(explain(saved(refused(LONG), declared())))[RED][2] == "hypothesis"


class TestOldNews:
    """Only what was looked at can say that the words are of another time."""

    def test_that_no_configuration_names_it_any_more(self) -> None:
        found = listed(refused(LONG), declared("other.policy"))
        assert found.first_causes == ()
        assert f"blames webhook {NAME}, and no configuration has one of that name now" in left(found)[RED]

    @pytest.mark.parametrize("unseen", [VALIDATING, MUTATING])
    def test_is_not_said_where_one_of_the_kinds_was_not_seen(self, unseen: str) -> None:
        assert under(listed(refused(LONG), without=(unseen,)))[RED][0] == "webhook-unreachable"

    def test_is_never_said_of_a_recording(self) -> None:
        assert under(explain(saved(refused(LONG), declared("other.policy"))))[RED][0] == "webhook-unreachable"

    def test_that_it_leads_elsewhere_now(self) -> None:
        found = explain(saved(refused(LONG), declared(at="policy-v2")))
        assert found.first_causes == ()
        assert f"{VALIDATING}/policies leads to Service/guard/policy-v2 now" in left(found)[RED]

    def test_of_two_that_bear_its_name_one_may_lead_there(self) -> None:
        both = declared(at="elsewhere"), declared(kind_=MUTATING)
        assert under(explain(saved(refused(LONG), *both, *pods_of_guard())))[RED][0] == "oom-killed"

    def test_a_conversion_webhook_stands_in_no_configuration(self) -> None:
        said = 'conversion webhook for lab.example/v1, Kind=Widget failed: Post "https://widgets.guard.svc:443/convert?timeout=30s": EOF'
        assert under(listed(refused(said)))[RED][0] == "webhook-unreachable"


class TestItsTrust:
    """A CA bundle that nobody filled in is said where its certificate is not believed."""

    @pytest.mark.parametrize(
        ("client", "said"),
        [
            ({}, "leads to Service/guard/policy, whose caBundle is empty"),
            ({"caBundle": "LS0tLS1C"}, "leads to Service/guard/policy"),
            ({"at": "", "url": "https://policy.lab/validate", "caBundle": "LS0tLS1C"}, "leads to https://policy.lab/validate"),
        ],
    )  # fmt: skip
    def test_stands_in_the_chain(self, client: dict[str, str], said: str) -> None:
        (cause,) = explain(saved(refused(UNTRUSTED), declared(**client))).first_causes
        assert (cause.cause, cause.proof) == ("webhook-tls", "fact")
        (way,) = cause.explains
        text = " ".join(" ".join(chain_text(cause, way, 0)).split())
        assert f"the webhook that is asked of it, seen in its message; {VALIDATING}/policies {said}" in text
        assert ("caBundle is empty" in text) == ("empty" in said)


def under_of(cause: Any) -> set[str]:
    return {str(e.object) for e in cause.explains}


def test_a_complete_look_lists_both_kinds() -> None:
    assert {VALIDATING, MUTATING} <= set(EXPLAINED) & set(wants("diagnose"))


@pytest.mark.parametrize("name", [VALIDATING, MUTATING])
def test_they_are_asked_for_as_the_server_serves_them(name: str) -> None:
    (served,) = (k for k in builtin_kinds() if k.kind == name)
    known = KINDS[name]
    assert (f"{known.group}/{known.fallback}", known.plural, known.namespaced) == (served.gv, served.plural, False)
