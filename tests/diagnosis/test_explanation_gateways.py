"""A Gateway whose certificate is not there: who should have made it explains the Gateway and the routes attached to it."""

from __future__ import annotations

from typing import Any

import pytest
from diagnosis_worlds import condition, sealed, snapshot
from gateway_worlds import (
    GATEWAY,
    NO_CERTIFICATE,
    PENDING,
    ROUTE,
    SEALED,
    conditions,
    gateway,
    left,
    listed,
    listener,
    names,
    route,
    under,
)
from recorded_worlds import Object, kind, saved

from runbook.diagnosis import explain
from runbook.diagnosis.details import details
from runbook.model import ObjectRef


@pytest.mark.parametrize("read", [listed, lambda *objects: explain(saved(*objects))], ids=["live", "saved"])
@pytest.mark.parametrize("kind_", ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"])
def test_a_route_and_its_gateway_hang_on_the_secret_that_could_not_be_unsealed(read: Any, kind_: str) -> None:
    found = read(
        gateway(), {**route(kind_=kind_), "apiVersion": "gateway.networking.k8s.io/v1"}, sealed("edge", "web-tls")
    )
    assert {name: cause[:2] for name, cause in under(found).items()} == dict.fromkeys(
        (GATEWAY, f"{kind_}/shop/web", SEALED), ("sealed-secret-key-mismatch", SEALED)
    )
    assert left(found) == {}


def test_the_way_names_each_step_and_the_field_that_proves_it() -> None:
    found = listed(gateway(), route(sectionName="https"), sealed("edge", "web-tls"))
    (via,) = (e.via for c in found.first_causes for e in c.explains if str(e.object) == ROUTE)
    assert via == (
        "Gateway/edge/public (attaches: spec.parentRefs (listener https))",
        "Secret/edge/web-tls (needs: spec.listeners[https].tls.certificateRefs)",
        "SealedSecret/edge/web-tls (made-by: the same namespace and name)",
    )


def test_a_certificate_that_was_not_issued_explains_both() -> None:
    status = {
        "conditions": [condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist")]
    }
    certificate = kind("Certificate", "edge", "web", spec={"secretName": "web-tls"}, status=status)
    found = under(listed(gateway(), route(), certificate))
    assert found == dict.fromkeys(
        (GATEWAY, ROUTE, "Certificate/edge/web"), ("secret-missing", "Certificate/edge/web", "hypothesis")
    )


class TestACertificateThatNobodyMakes:
    def test_is_a_fact_where_secrets_and_all_makers_were_listed(self) -> None:
        (cause,) = listed(gateway(), route()).first_causes
        assert (cause.cause, str(cause.object), cause.proof, cause.message) == (
            "secret-missing",
            GATEWAY,
            "fact",
            NO_CERTIFICATE[1],
        )
        assert cause.captures["secret"] == "web-tls"
        assert {str(e.object) for e in cause.explains} == {GATEWAY, ROUTE}

    @pytest.mark.parametrize("maker", ["SealedSecret", "ExternalSecret", "Certificate"])
    def test_is_a_hypothesis_where_one_kind_of_maker_was_not(self, maker: str) -> None:
        (cause,) = listed(gateway(), without=(maker,)).first_causes
        assert (cause.cause, cause.proof) == ("secret-missing", "hypothesis")
        assert "declares Secret/edge/web-tls" in cause.decides

    def test_is_a_hypothesis_while_its_maker_is_at_work(self) -> None:
        status = {"conditions": [condition("Ready", "Unknown", "Pending", "waiting")]}
        certificate = kind("Certificate", "edge", "web", spec={"secretName": "web-tls"}, status=status)
        (cause,) = listed(gateway(), certificate, without=("ExternalSecret",)).first_causes
        assert (cause.cause, cause.decides) == (
            "secret-missing",
            "Why Certificate/edge/web has not made Secret/edge/web-tls.",
        )

    def test_stays_unexplained_where_its_namespace_was_not_listed(self) -> None:
        found = listed(gateway(listener(certificateRefs=[{"name": "web-tls", "namespace": "vault"}])))
        assert found.first_causes == ()
        (one,) = found.unexplained
        assert (str(one.object), [h.cause for h in one.hypotheses]) == (GATEWAY, ["secret-missing"])
        assert "(InvalidCertificateRef): “Secret edge/web-tls does not exist.”" in one.why

    def test_is_known_by_the_words_of_the_gateway_in_a_saved_file(self) -> None:
        words = {"https": conditions(ResolvedRefs=("InvalidCertificateRef", 'secret "web-tls" not found'))}
        (cause,) = explain(saved(gateway(of=words))).first_causes
        assert (cause.cause, str(cause.object), cause.proof) == ("secret-missing", GATEWAY, "hypothesis")

    def test_is_the_one_that_is_referred_to_wherever_it_is(self) -> None:
        words = {"https": conditions(ResolvedRefs=("InvalidCertificateRef", 'secret "web-tls" not found'))}
        (cause,) = listed(
            gateway(listener(certificateRefs=[{"name": "web-tls", "namespace": "vault"}]), of=words)
        ).first_causes
        assert [e.via[0].split(" ")[0] for e in cause.explains] == ["Secret/vault/web-tls"]


class TestWhichSecret:
    @pytest.mark.parametrize(
        ("ref", "secret"),
        [
            ({"name": "web-tls"}, "Secret/edge/web-tls"),
            ({"name": "web-tls", "namespace": "vault"}, "Secret/vault/web-tls"),
            ({"name": "web-tls", "group": "", "kind": "Secret"}, "Secret/edge/web-tls"),
            ({"name": "web-tls", "kind": "CertificateMap", "group": "lab.example"}, None),
            ({"name": "web-tls", "group": "lab.example"}, None),
            ({"name": "web-tls", "kind": "ConfigMap"}, None),
        ],
    )
    def test_is_the_gateways_own_unless_it_says_otherwise(self, ref: Object, secret: str | None) -> None:
        found = details(snapshot(gateway(listener(certificateRefs=[ref]))), ObjectRef("Gateway", "edge", "public"))
        assert found is not None
        assert [str(need.object) for need in found.needs] == ([secret] if secret else [])

    def test_one_that_is_there_is_not_to_blame(self) -> None:
        assert GATEWAY in left(listed(gateway(), sealed("edge", "web-tls"), kind("Secret", "edge", "web-tls")))

    @pytest.mark.parametrize(
        "of", [{"https": conditions(Accepted=("PortUnavailable", "taken"))}, {}], ids=["listener", "gateway"]
    )
    def test_none_is_to_blame_where_another_reason_is_given(self, of: dict[str, Any]) -> None:
        found = listed(gateway(of=of, Programmed=None if of else ("Busy", "later")), sealed("edge", "web-tls"))
        assert GATEWAY in left(found)

    def test_none_is_needed_where_tls_is_passed_through(self) -> None:
        assert left(listed(gateway(listener(mode="Passthrough")), sealed("edge", "web-tls")))[GATEWAY]

    def test_one_that_another_listener_has_resolved_is_not_to_blame(self) -> None:
        of = {"https": conditions(ResolvedRefs=None), "tcp": conditions(Programmed=("Invalid", "no"))}
        assert GATEWAY in left(listed(gateway(of=of), sealed("edge", "web-tls")))

    @pytest.mark.parametrize("reason", ["RefNotPermitted", "InvalidRouteKinds", "InvalidCACertificateRef"])
    def test_none_is_to_blame_for_references_of_another_sort(self, reason: str) -> None:
        of = {"https": conditions(ResolvedRefs=(reason, "not permitted"))}
        assert f"({reason}): “not permitted”" in left(listed(gateway(of=of), sealed("edge", "web-tls")))[GATEWAY]

    def test_none_is_to_blame_for_a_gateway_without_an_address(self) -> None:
        found = listed(gateway(of={}, Programmed=("AddressNotAssigned", "no address")), sealed("edge", "web-tls"))
        assert "(AddressNotAssigned): “no address”" in left(found)[GATEWAY]


class TestAGateway:
    def test_is_well_by_its_conditions_though_its_secret_was_not_seen(self) -> None:
        assert (
            listed(gateway(Programmed=None, of={"https": conditions(ResolvedRefs=None)}), route(None)).unexplained == ()
        )

    @pytest.mark.parametrize("status", [{"conditions": PENDING}, {}], ids=["pending", "nothing"])
    def test_that_nobody_has_looked_at_yet_only_moves(self, status: Object) -> None:
        waits = kind("Gateway", "edge", "public", spec={"listeners": [listener()]}, status=status)
        assert list(names(listed(waits, route(None)))) == []
        assert {GATEWAY, SEALED} <= set(under(listed(waits, sealed("edge", "web-tls"))))

    def test_that_is_being_deleted_is_not_missed(self) -> None:
        gone = gateway()
        gone["metadata"]["deletionTimestamp"] = "2025-10-17T11:00:00Z"
        assert list(names(listed(gone))) == []

    def test_whose_words_are_of_an_older_generation_proves_nothing(self) -> None:
        old = gateway(of={})
        old["metadata"]["generation"] = 2
        for one in old["status"]["conditions"]:
            one["observedGeneration"] = 1
        assert "is of generation 1, and the object is at 2" in left(listed(old, sealed("edge", "web-tls")))[GATEWAY]

    @pytest.mark.parametrize(("type_", "status", "red"), [("Conflicted", "True", True), ("Conflicted", "False", False), ("Accepted", "False", True), ("OverlappingTLSConfig", "True", False)])  # fmt: skip
    def test_fails_with_a_listener_that_does_not_serve(self, type_: str, status: str, red: bool) -> None:
        of = {"https": [condition(type_, status, "HostnameConflict", "taken")]}
        assert (GATEWAY in left(listed(gateway(of=of, Programmed=None)))) is red
