"""A route that its Gateway does not accept or serve: when that is the Gateway's fault, and when it is not."""

from __future__ import annotations

import pytest
from diagnosis_worlds import failed, release, sealed, snapshot
from gateway_worlds import (
    ELSEWHERE,
    GATEWAY,
    NO_CERTIFICATE,
    NOT_READY,
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


class TestWhichGateway:
    @pytest.mark.parametrize(
        ("parent", "gateway_"),
        [
            ({"name": "public"}, "Gateway/shop/public"),
            ({"name": "public", "namespace": "edge"}, "Gateway/edge/public"),
            ({"name": "public", "group": "gateway.networking.k8s.io", "kind": "Gateway"}, "Gateway/shop/public"),
            ({"name": "public", "group": "", "kind": "Service"}, None),
            ({"name": "public", "group": ""}, None),
            ({"namespace": "edge"}, None),
            ({"name": "public", "kind": "ListenerSet"}, None),
            ({"name": "public", "group": "networking.istio.io", "kind": "Gateway"}, None),
        ],
    )
    def test_is_one_of_the_routes_own_namespace_unless_it_says_otherwise(
        self, parent: Object, gateway_: str | None
    ) -> None:
        found = details(
            snapshot(kind("HTTPRoute", "shop", "web", spec={"parentRefs": [parent]})),
            ObjectRef("HTTPRoute", "shop", "web"),
        )
        assert found is not None
        assert [str(need.object) for need in found.needs] == ([gateway_] if gateway_ else [])

    def test_one_that_does_not_exist_is_told(self) -> None:
        assert left(listed(route(says=False))) == {ROUTE: f"{GATEWAY} does not exist"}
        assert left(listed(route(says=False), without=("Gateway",))) == {}
        assert left(explain(saved({**route(says=False), "apiVersion": "gateway.networking.k8s.io/v1"}))) == {}

    def test_istios_own_is_never_read_as_one(self) -> None:
        istio = {**gateway(), "apiVersion": "networking.istio.io/v1"}
        assert GATEWAY not in {*left(explain(saved(istio))), *under(explain(saved(istio)))}

    @pytest.mark.parametrize("order", [1, -1])
    def test_istios_own_of_the_same_name_hides_none_and_is_hidden_by_none(self, order: int) -> None:
        istio = {**kind("Gateway", "edge", "public", spec={"servers": []}), "apiVersion": "networking.istio.io/v1"}
        istio["metadata"]["uid"] = "istio"
        world = saved(*[gateway(), istio][::order], sealed("edge", "web-tls"))
        assert under(explain(world))[GATEWAY][1] == SEALED
        assert not any("more than one time" in gap.what for gap in world.left_out)
        both = [details(world, ObjectRef(k, "edge", "public")) for k in ("Gateway", "Gateway.networking.istio.io")]
        assert [bool(one.conditions) for one in both if one] == [True, False]


class TestARouteIsNotItsGateways:
    def test_where_it_is_refused_for_a_reason_of_its_own(self) -> None:
        found = listed(gateway(), route(ELSEWHERE), sealed("edge", "web-tls"))
        assert "Accepted by Gateway/edge/public" in left(found)[ROUTE]
        assert "(NotAllowedByListeners): “No listeners included" in left(found)[ROUTE]

    def test_where_it_names_a_listener_that_is_well(self) -> None:
        both = (listener(), listener("other", certificateRefs=[]))
        half = gateway(
            *both,
            of={"https": conditions(ResolvedRefs=NO_CERTIFICATE), "other": conditions(ResolvedRefs=None)},
            Programmed=None,
        )
        for parent, hangs in (({"sectionName": "https"}, True), ({"sectionName": "other"}, False), ({}, False)):
            assert (ROUTE in under(listed(half, route(None, **parent), sealed("edge", "web-tls")))) is hangs, parent

    def test_where_it_names_the_port_of_a_listener_that_is_well(self) -> None:
        both = (listener(), {**listener("other", certificateRefs=[]), "port": 8443})
        half = gateway(
            *both,
            of={"https": conditions(ResolvedRefs=NO_CERTIFICATE), "other": conditions(ResolvedRefs=None)},
            Programmed=None,
        )
        for port, hangs in ((443, True), (8443, False), (80, False)):
            assert (ROUTE in under(listed(half, route(None, port=port), sealed("edge", "web-tls")))) is hangs, port

    def test_where_what_is_said_is_of_a_parent_it_no_longernames(self) -> None:
        moved = route(NOT_READY)
        moved["spec"]["parentRefs"] = [{"name": "other", "namespace": "edge"}]
        well = {**gateway(Programmed=None, of={}), "metadata": {"name": "other", "namespace": "edge"}}
        assert ROUTE not in {*left(found := listed(moved, well)), *under(found)}

    def test_where_the_listener_that_does_not_take_it_is_well(self) -> None:
        both = (listener(), listener("other", certificateRefs=[]))
        half = gateway(
            *both,
            of={"https": conditions(ResolvedRefs=NO_CERTIFICATE), "other": conditions(ResolvedRefs=None)},
            Programmed=None,
        )
        assert "(NoReadyListeners)" in left(listed(half, route(sectionName="other"), sealed("edge", "web-tls")))[ROUTE]

    def test_where_only_another_gateway_refuses_it_for_what_it_is_not_to_blame_for(self) -> None:
        two = route(ELSEWHERE)
        also = {"name": "inner", "namespace": "edge"}
        two["spec"]["parentRefs"].append(also)
        two["status"]["parents"].append({"parentRef": also, "conditions": conditions(Accepted=NOT_READY)})
        well = {**gateway(Programmed=None, of={}), "metadata": {"name": "inner", "namespace": "edge"}}
        assert ROUTE in left(listed(gateway(), well, two, sealed("edge", "web-tls")))
        broken = {**gateway(), "metadata": {"name": "inner", "namespace": "edge"}}
        assert (
            under(listed(gateway(Programmed=None, of={}), broken, two, sealed("edge", "web-tls")))[ROUTE][1] == SEALED
        )

    def test_where_its_gateway_is_well(self) -> None:
        found = listed(gateway(Programmed=None, of={}), route(NOT_READY))
        assert "(NoReadyListeners): “There are no ready listeners" in left(found)[ROUTE]


def test_a_route_that_is_accepted_by_a_gateway_that_fails_is_told_only_with_a_cause() -> None:
    assert ROUTE in under(listed(gateway(), route(None), sealed("edge", "web-tls")))
    nowhere = listed(gateway(of={}, Programmed=("AddressNotAssigned", "no address")), route(None))
    assert set(left(nowhere)) == {GATEWAY}


def test_a_route_that_is_refused_by_a_gateway_without_a_cause_says_for_what_it_waits() -> None:
    found = listed(gateway(of={}, Programmed=("AddressNotAssigned", "no address")), route())
    assert left(found)[ROUTE].startswith(
        "it waits for Gateway/edge/public: Programmed is not as it should be (AddressNotAssigned)"
    )


def test_a_backend_that_is_not_found_is_told_with_the_route_though_its_gateway_is_well() -> None:
    lost = ("BackendNotFound", 'Service "web" not found')
    found = listed(gateway(Programmed=None, of={}), route(None, resolved=lost))
    assert left(found) == {ROUTE: f"ResolvedRefs by {GATEWAY} is not as it should be (BackendNotFound): “{lost[1]}”"}


def test_a_service_that_no_release_made_explains_a_route_only_where_its_gateway_takes_it() -> None:
    makes = release(
        "shop",
        "web",
        failed("shop", "web", "values don't meet the specifications of the schema(s) in the following chart(s): app"),
    )
    well, down = gateway(Programmed=None, of={}), gateway(of={}, Programmed=("AddressNotAssigned", "no address"))
    assert under(listed(well, route(None, service="web"), makes))[ROUTE][:2] == (
        "helm-values-invalid",
        "HelmRelease/shop/web",
    )
    assert left(listed(down, route(service="web"), makes))[ROUTE].startswith("it waits for Gateway/edge/public")


class TestAReleaseThatWaitsForARoute:
    WAITS = release(
        "shop", "web", failed("shop", "web", "timeout waiting for: [HTTPRoute/shop/web status: 'InProgress']")
    )

    def test_is_not_told_that_it_is_ready_where_nobody_said_so(self) -> None:
        assert "whose own state is not in what was observed" in left(listed(self.WAITS, route(says=False), gateway(Programmed=None, of={})))["HelmRelease/shop/web"]  # fmt: skip

    def test_is_told_that_it_is_ready_though_another_listener_fails(self) -> None:
        both = (listener(), listener("other", certificateRefs=[]))
        half = gateway(
            *both,
            of={"https": conditions(ResolvedRefs=NO_CERTIFICATE), "other": conditions(ResolvedRefs=None)},
            Programmed=None,
        )
        found = listed(self.WAITS, half, route(None, sectionName="other"))
        assert "HTTPRoute/shop/web is ready now" in left(found)["HelmRelease/shop/web"]


def test_below_the_ladder_stands_what_each_parent_and_each_listener_says() -> None:
    world = snapshot(gateway(), route())
    found = [
        details(world, ref) for ref in (ObjectRef("HTTPRoute", "shop", "web"), ObjectRef("Gateway", "edge", "public"))
    ]
    assert [[(c.type, c.reason) for c in one.conditions if c.status == "False"] for one in found if one] == [
        [(f"Accepted by {GATEWAY}", NOT_READY[0])],
        [("Programmed", "Invalid"), ("ResolvedRefs of listener https", NO_CERTIFICATE[0])],
    ]


def test_what_is_of_another_shape_loses_no_route() -> None:
    odd = {**route(), "apiVersion": "gateway.networking.k8s.io/v1", "status": {"parents": "none"}}
    odd["spec"] = {"parentRefs": [None, "x", {"name": 3}, {"name": "public", "namespace": "edge", "port": "https"}]}
    assert set(names(explain(saved(gateway(Programmed=None), odd, sealed("edge", "web-tls"))))) >= {GATEWAY, ROUTE}
