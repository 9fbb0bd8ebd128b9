"""A reference into another namespace that is refused: the ReferenceGrant that is missing there, for a route and for a Gateway."""

from __future__ import annotations

import pytest
from diagnosis_worlds import failed, release, sealed
from gateway_worlds import (
    GATEWAY,
    NOT_READY,
    ROUTE,
    SEALED,
    conditions,
    gateway,
    grant,
    left,
    listed,
    listener,
    route,
    under,
)
from recorded_worlds import Object, kind, saved

from runbook.diagnosis import explain


class TestABackendInAnotherNamespace:
    """Its owner lets others refer to it by a ReferenceGrant, or nobody does."""

    REFUSED = ("RefNotPermitted", "Backend ref to Service backends/api not permitted by any ReferenceGrant")
    WELL = gateway(Programmed=None, of={})
    MISSING = "ReferenceGrant/backends/shop-httproute-service-api"

    @staticmethod
    def leads(
        *backends: Object, name: str = "web", kind_: str = "HTTPRoute", said: tuple[str, str] = REFUSED
    ) -> Object:
        found = route(None, resolved=said, kind_=kind_)
        found["metadata"]["name"] = name
        refs = backends or ({"name": "api", "namespace": "backends"},)
        found["spec"]["rules"] = [{"backendRefs": [{"name": "near"}]}, {"backendRefs": list(refs)}]
        return {**found, "apiVersion": "gateway.networking.k8s.io/v1"}

    def test_that_no_grant_permits_is_a_fact_where_grants_were_listed(self) -> None:
        (cause,) = listed(self.WELL, self.leads()).first_causes
        assert (cause.cause, str(cause.object), cause.proof) == ("reference-not-permitted", ROUTE, "fact")
        assert cause.message == (
            "No ReferenceGrant in backends is known that lets HTTPRoute of shop refer to Service api. It says: "
            + self.REFUSED[1]
        )
        assert cause.next.text == (
            "Let the owner of namespace backends decide: a ReferenceGrant there (shop-httproute-service-api, say), from "
            "gateway.networking.k8s.io HTTPRoute of namespace shop to Service api; else bring both into one namespace."
        )
        assert cause.next.command == "kubectl get referencegrants.gateway.networking.k8s.io -n backends -o yaml"
        assert [e.via for e in cause.explains] == [(f"{self.MISSING} (needs: spec.rules[1].backendRefs)",)]

    def test_is_a_hypothesis_where_grants_were_not(self) -> None:
        for found in (
            listed(self.WELL, self.leads(), without=("ReferenceGrant",)),
            explain(saved(self.WELL, self.leads())),
        ):
            (cause,) = found.first_causes
            assert (cause.cause, cause.proof) == ("reference-not-permitted", "hypothesis")
            assert (
                cause.decides
                == "Whether a ReferenceGrant in backends lets HTTPRoute of shop refer to Service api by now."
            )

    @pytest.mark.parametrize("reason", ["RefNotPermitted", "BackendNotFound"])
    def test_that_a_grant_permits_now_is_not_said_to_be_refused(self, reason: str) -> None:
        found = listed(self.WELL, self.leads(said=(reason, self.REFUSED[1])), grant("backends"))
        assert found.first_causes == ()
        assert left(found) == {
            ROUTE: "it says that a reference is not permitted, and ReferenceGrant/backends/lets permits it now"
        }

    @pytest.mark.parametrize(
        "other",
        [
            grant("elsewhere"),
            grant("backends", of=("GRPCRoute", "shop")),
            grant("backends", of=("HTTPRoute", "store")),
            grant("backends", group=""),
            grant("backends", to={"group": "", "kind": "Secret"}),
            grant("backends", to={"group": "lab.example", "kind": "Service"}),
            grant("backends", to={"group": "", "kind": "Service", "name": "db"}),
            kind("ReferenceGrant", "backends", "empty"),
        ],
        ids=["elsewhere", "kind", "namespace", "group", "to kind", "to group", "to name", "empty"],
    )  # fmt: skip
    def test_is_not_permitted_by_another_grant(self, other: Object) -> None:
        assert under(listed(self.WELL, self.leads(), other))[ROUTE] == ("reference-not-permitted", ROUTE, "fact")

    def test_is_permitted_by_name_as_well(self) -> None:
        by_name = grant("backends", to={"group": "", "kind": "Service", "name": "api"})
        assert ROUTE in left(listed(self.WELL, self.leads(), by_name))

    @pytest.mark.parametrize(("words", "named"), [("backendRef db/backends not accessible", "db"), ("Service backends/db no", "db"), ("no", "api"), ("backends/db-2", "api"), ("my-backends/db", "api")])  # fmt: skip
    def test_is_the_one_that_the_words_name_else_the_first(self, words: str, named: str) -> None:
        two = ({"name": "api", "namespace": "backends"}, {"name": "db", "namespace": "backends"})
        (cause,) = listed(self.WELL, self.leads(*two, said=("RefNotPermitted", words))).first_causes
        assert f"refer to Service {named}." in cause.message

    def test_is_the_one_that_is_not_permitted_whatever_comes_first(self) -> None:
        two = ({"name": "api", "namespace": "backends"}, {"name": "db", "namespace": "backends"})
        lets = grant("backends", to={"group": "", "kind": "Service", "name": "api"})
        (cause,) = listed(self.WELL, self.leads(*two, said=("RefNotPermitted", "no")), lets).first_causes
        assert "refer to Service db." in cause.message

    def test_of_another_project_is_told_with_its_group(self) -> None:
        other = {"name": "api", "namespace": "backends", "group": "net.gke.io", "kind": "ServiceImport"}
        (cause,) = listed(self.WELL, self.leads(other)).first_causes
        assert "to net.gke.io ServiceImport api;" in cause.next.text

    @pytest.mark.parametrize("of_backend", [False, True])
    def test_may_be_where_requests_are_mirrored_to(self, of_backend: bool) -> None:
        mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "copy", "namespace": "backends"}}}
        found = self.leads({"name": "api", **({"filters": [mirror]} if of_backend else {})})
        found["spec"]["rules"][0] |= {} if of_backend else {"filters": [{"type": "URLRewrite"}, mirror]}
        (cause,) = listed(self.WELL, found).first_causes
        assert "refer to Service copy." in cause.message
        assert cause.explains[0].via[0].endswith(f"(needs: spec.rules[{int(of_backend)}].filters)")

    def test_that_many_routes_of_a_namespace_lack_is_one_cause_and_one_grant(self) -> None:
        found = listed(self.WELL, self.leads(), self.leads(name="too"), self.leads(kind_="TCPRoute"))
        assert under(found) == {
            ROUTE: ("reference-not-permitted", self.MISSING, "fact"),
            "HTTPRoute/shop/too": ("reference-not-permitted", self.MISSING, "fact"),
            "TCPRoute/shop/web": ("reference-not-permitted", "TCPRoute/shop/web", "fact"),
        }

    def test_is_not_what_a_route_without_one_lacks(self) -> None:
        told = left(listed(self.WELL, self.leads({"name": "api"}, {"name": "api", "namespace": "shop"})))
        assert told[ROUTE].startswith("ResolvedRefs by Gateway/edge/public is not as it should be (RefNotPermitted)")

    def test_is_not_to_blame_for_words_of_another_sort(self) -> None:
        assert ROUTE in left(listed(self.WELL, self.leads(said=("InvalidKind", "no such kind"))))

    def test_comes_after_a_gateway_that_does_not_take_the_route(self) -> None:
        both = self.leads()
        both["status"]["parents"][0]["conditions"] = conditions(Accepted=NOT_READY, ResolvedRefs=self.REFUSED)
        assert under(listed(gateway(), both, sealed("edge", "web-tls")))[ROUTE][1] == SEALED
        assert under(listed(self.WELL, both))[ROUTE][0] == "reference-not-permitted"

    def test_comes_before_a_service_that_has_no_pods(self) -> None:
        makes = release(
            "shop", "near", failed("shop", "near", "values don't meet the specifications of the schema(s) in x")
        )
        assert under(listed(self.WELL, self.leads(), makes))[ROUTE][0] == "reference-not-permitted"


class TestACertificateInAnotherNamespace:
    """Its owner lets the Gateway refer to it by a ReferenceGrant, or nobody does."""

    REFUSED = {"https": conditions(ResolvedRefs=("RefNotPermitted", "Certificate ref to secret vault/web-tls not permitted by any ReferenceGrant"))}  # fmt: skip
    THERE = listener(certificateRefs=[{"name": "web-tls", "namespace": "vault"}])
    SECRETS = {"group": "", "kind": "Secret"}

    def test_that_no_grant_permits_explains_the_gateway_and_its_routes(self) -> None:
        found = listed(gateway(self.THERE, of=self.REFUSED), route())
        assert under(found) == dict.fromkeys((GATEWAY, ROUTE), ("reference-not-permitted", GATEWAY, "fact"))
        (cause,) = found.first_causes
        assert "(edge-gateway-secret-web-tls, say), from gateway.networking.k8s.io Gateway of namespace edge to Secret web-tls;" in cause.next.text  # fmt: skip
        assert cause.next.command.endswith(" -n vault -o yaml")

    def test_that_a_grant_permits_now_is_told_as_old_words(self) -> None:
        lets = grant("vault", of=("Gateway", "edge"), to=self.SECRETS)
        told = left(listed(gateway(self.THERE, of=self.REFUSED), lets))[GATEWAY]
        assert told == "it says that a reference is not permitted, and ReferenceGrant/vault/lets permits it now"

    def test_is_not_permitted_by_a_grant_to_routes(self) -> None:
        found = listed(gateway(self.THERE, of=self.REFUSED), grant("vault", of=("HTTPRoute", "edge"), to=self.SECRETS))
        assert under(found)[GATEWAY][0] == "reference-not-permitted"

    def test_is_looked_for_at_the_listener_that_says_so(self) -> None:
        other = listener("other", certificateRefs=[{"name": "other-tls", "namespace": "safe"}])
        of = {"https": conditions(ResolvedRefs=("RefNotPermitted", "CertificateRef is not permitted"))}
        (cause,) = listed(gateway(other, self.THERE, of=of)).first_causes
        assert cause.message.startswith(
            "No ReferenceGrant in vault is known that lets Gateway of edge refer to Secret web-tls."
        )

    def test_is_known_by_old_controllers_words_alone(self) -> None:
        words = "Certificate ref to secret vault/web-tls not permitted by any ReferenceGrant"
        of = {"https": conditions(ResolvedRefs=("InvalidCertificateRef", words))}
        assert under(listed(gateway(self.THERE, of=of)))[GATEWAY] == ("reference-not-permitted", GATEWAY, "fact")
