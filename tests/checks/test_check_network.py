"""Services, ingress, endpoints, infrastructure rows, smoke checks."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.domain.probes import EndpointProbe

ENDPOINTS = [{"name": n, "url": f"https://shop.example/{n}"} for n in ("a", "b", "c")]


def service(worlds: Any) -> Any:
    return worlds.obj("Service", "shop", "shop", spec={"selector": {"app": "shop"}})


def slices(worlds: Any, *ready: bool | None) -> Any:
    endpoints = [{"addresses": ["10.0.0.1"], "conditions": {"ready": r}} for r in ready]
    return worlds.obj(
        "EndpointSlice", "shop-x", "shop", labels={"kubernetes.io/service-name": "shop"}, endpoints=endpoints
    )


def probe(name: str, status: int = 200, **more: Any) -> EndpointProbe:
    return EndpointProbe(
        name,
        f"https://shop.example/{name}",
        status=status,
        **{"tls": "verified", "body": '{"status":"healthy"}', "layer": "body", **more},
    )


class TestServices:
    @pytest.mark.parametrize(
        ("ready", "result"), [((True,), "pass"), ((None,), "pass"), ((False,), "fail"), ((), "fail")]
    )
    def test_a_ready_endpoint_nil_counts_as_true(self, worlds: Any, results: Any, ready: Any, result: str) -> None:
        assert results("services-endpoints", worlds.snapshot(service(worlds), slices(worlds, *ready))) == [result]

    def test_none_is_a_fail_and_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        assert results("services-endpoints", worlds.snapshot(empty=["Service", "EndpointSlice"])) == ["fail"]
        assert results("services-endpoints", worlds.snapshot(service(worlds), gaps=["EndpointSlice"])) == ["error"]

    @pytest.mark.parametrize(
        ("named", "ready", "result"),
        [
            ("shop/plain", True, ["pass", "pass"]),
            ("shop/plain", False, ["pass", "fail"]),
            ("shop/shop", True, ["pass"]),
        ],
    )
    def test_a_declared_endpoints_service_is_asked_about_once(
        self, worlds: Any, results: Any, named: str, ready: bool, result: list[str]
    ) -> None:
        plain = worlds.obj("Service", "plain", "shop")  # without a selector: its endpoints are made by hand
        address = {"addresses": ["10.0.0.2"], "conditions": {"ready": ready}}
        behind = worlds.obj(
            "EndpointSlice", "p", "shop", labels={"kubernetes.io/service-name": "plain"}, endpoints=[address]
        )
        seen = worlds.snapshot(service(worlds), plain, slices(worlds, True), behind)
        inventory = worlds.inventory(endpoints=[{**ENDPOINTS[0], "service": named}, {**ENDPOINTS[1], "service": named}])
        assert results("services-endpoints", seen, inventory) == result

    def test_a_default_backend_is_a_way_in(self, worlds: Any, results: Any) -> None:
        bare = worlds.obj("Ingress", "i", "shop", spec={"defaultBackend": {"service": {"name": "shop"}}})
        seen = worlds.snapshot(bare, service(worlds), slices(worlds, True))
        assert results("ingress-backends", seen) == ["pass"]

    def ingress(self, worlds: Any, name: str = "shop") -> Any:
        paths = [{"path": "/shop", "backend": {"service": {"name": name}}}]
        return worlds.obj("Ingress", "shop", "shop", spec={"rules": [{"host": "h", "http": {"paths": paths}}]})

    @pytest.mark.parametrize(
        ("name", "ready", "result"), [("shop", True, "pass"), ("shop", False, "fail"), ("other", True, "fail")]
    )
    def test_an_ingress_leads_somewhere(self, worlds: Any, results: Any, name: str, ready: bool, result: str) -> None:
        seen = worlds.snapshot(self.ingress(worlds, name), service(worlds), slices(worlds, ready))
        assert results("ingress-backends", seen) == [result]

    def test_no_ingress_where_endpoints_are_declared_is_a_fail(self, worlds: Any, results: Any) -> None:
        empty = ["Ingress", "Service", "EndpointSlice"]
        assert results("ingress-backends", worlds.snapshot(empty=empty), worlds.inventory(endpoints=ENDPOINTS)) == [
            "fail"
        ]
        assert results("ingress-backends", worlds.snapshot(empty=empty)) == ["skip"]
        assert results("ingress-backends", worlds.snapshot(gaps=empty)) == ["error"]


class TestEndpoints:
    def test_one_of_three_is_not_all(self, worlds: Any, results: Any) -> None:
        seen = worlds.snapshot(probe("a"), probe("b", 503), probe("c", 0, error="connection refused", layer="tcp"))
        assert results("endpoints-answer", seen, worlds.inventory(endpoints=ENDPOINTS)) == ["pass", "fail", "fail"]

    def test_a_downgrade_is_shown(self, worlds: Any) -> None:
        entry = [{**ENDPOINTS[0], "tls": "unverified"}]
        (found,) = worlds.ask(
            "endpoints-answer", worlds.snapshot(probe("a", tls="unverified")), worlds.inventory(endpoints=entry)
        )
        assert str(found.result) == "warn"
        assert "not verified" in found.reason

    def test_a_body_that_says_something_else_is_a_fail(self, worlds: Any, results: Any) -> None:
        entry = [{**ENDPOINTS[0], "expect": {"status": "fine"}}]
        assert results("endpoints-answer", worlds.snapshot(probe("a")), worlds.inventory(endpoints=entry)) == ["fail"]

    def test_not_asked_and_not_observed(self, worlds: Any, results: Any) -> None:
        inventory = worlds.inventory(endpoints=ENDPOINTS[:1])
        assert results("endpoints-answer", worlds.snapshot(empty=["EndpointProbe"]), inventory) == ["error"]
        assert results("endpoints-answer", worlds.snapshot(gaps=["EndpointProbe"]), inventory) == ["error"]

    def test_health_alone_is_no_smoke_check(self, worlds: Any) -> None:
        (found,) = worlds.ask("smoke-checks", worlds.snapshot(probe("a")), worlds.inventory(endpoints=ENDPOINTS[:1]))
        assert str(found.result) == "error"
        assert "health only" in found.reason

    @pytest.mark.parametrize(
        ("expect", "status", "result"),
        [
            ({"status": "healthy"}, 200, "pass"),
            ({"status": "x"}, 200, "fail"),
            ({"status": "healthy"}, 500, "fail"),
            ({}, 200, "error"),
        ],
    )
    def test_a_declared_smoke_check(
        self, worlds: Any, results: Any, expect: dict[str, str], status: int, result: str
    ) -> None:
        entry = [{**ENDPOINTS[0], "smoke": True, "expect": expect}]
        assert results("smoke-checks", worlds.snapshot(probe("a", status)), worlds.inventory(endpoints=entry)) == [
            result
        ]


class TestInfrastructure:
    ROW = {
        "id": "nginx",
        "text": "Ingress NGINX",
        "workload": {"kind": "Deployment", "namespace": "shop", "name": "nginx"},
    }

    @pytest.mark.parametrize(("ready", "result"), [(1, "pass"), (0, "fail")])
    def test_a_row_is_its_workload(self, worlds: Any, results: Any, ready: int, result: str) -> None:
        seen = worlds.snapshot(
            worlds.deployment("nginx", "shop", ready=ready), empty=["StatefulSet", "DaemonSet", "EndpointSlice"]
        )
        assert results("infrastructure-ready", seen, worlds.inventory(infrastructure=[self.ROW])) == [result]

    def test_a_service_of_a_row_needs_endpoints(self, worlds: Any, results: Any) -> None:
        row = {**self.ROW, "service": {"kind": "Service", "namespace": "shop", "name": "shop"}}
        inventory = worlds.inventory(infrastructure=[row])
        nginx = worlds.deployment("nginx", "shop")
        assert results("infrastructure-ready", worlds.snapshot(nginx, slices(worlds, True)), inventory) == ["pass"]
        assert results("infrastructure-ready", worlds.snapshot(nginx, slices(worlds, False)), inventory) == ["fail"]

    def test_absent_is_a_fail_and_denied_is_not_evaluated(self, worlds: Any, results: Any) -> None:
        inventory = worlds.inventory(infrastructure=[self.ROW])
        assert results("infrastructure-ready", worlds.snapshot(empty=["Deployment"]), inventory) == ["fail"]
        assert results("infrastructure-ready", worlds.snapshot(gaps=["Deployment"]), inventory) == ["error"]

    @pytest.mark.parametrize(("synced", "result"), [("True", "pass"), ("False", "fail")])
    def test_a_row_may_rest_on_another_check_too(self, worlds: Any, results: Any, synced: str, result: str) -> None:
        """E142: the controller runs, and unseals nothing: both are asked, not only the first."""
        row = {**self.ROW, "also": ["sealed-secrets-unsealed"]}
        conditions = [{"type": "Synced", "status": synced, "message": "no key could decrypt secret"}]
        sealed = worlds.obj(
            "SealedSecret", "db", "shop", generation=1, status={"observedGeneration": 1, "conditions": conditions}
        )
        seen = worlds.snapshot(worlds.deployment("nginx", "shop"), sealed, empty=["Pod", "Event"])
        assert results("infrastructure-ready", seen, worlds.inventory(infrastructure=[row])) == [result]
