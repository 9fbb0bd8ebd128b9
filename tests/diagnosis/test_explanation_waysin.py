"""A Service or an Ingress that leads nowhere though no pod fails: selector, ports, class and certificate, and what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from diagnosis_worlds import meta, pod, snapshot

from runbook.diagnosis import explain, graph, index
from runbook.diagnosis.details import Details, details
from runbook.model import ObjectRef, Snapshot
from runbook.stage.describing import described

SERVICE, INGRESS = ObjectRef("Service", "ns", "web"), ObjectRef("Ingress", "ns", "in")
PULL = ("ImagePullBackOff", 'Back-off pulling image "r.lab/app:1": ErrImagePull: r.lab/app:1: manifest unknown')


def service(
    selector: dict[str, str] | None = None, *ports: dict[str, Any], name: str = "web", **spec: Any
) -> dict[str, Any]:
    ports = ports or ({"port": 80},)
    return {
        "kind": "Service",
        "metadata": meta("ns", name),
        "spec": {"selector": selector, "ports": list(ports), **spec},
    }


def slices(*pods: str, ready: bool = False, name: str = "web") -> dict[str, Any]:
    behind = [
        {"addresses": [f"10.0.0.{n}"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": p}}
        for n, p in enumerate(pods)
    ]
    labels = {"kubernetes.io/service-name": name}
    return {"kind": "EndpointSlice", "metadata": meta("ns", f"{name}-abc", labels=labels), "endpoints": behind}


def labelled(name: str, labels: dict[str, str], *ports: dict[str, Any], **given: Any) -> dict[str, Any]:
    one = pod("ns", name, **given)
    one["metadata"]["labels"] = labels
    one["spec"]["containers"][0]["ports"] = list(ports)
    return one


def ingress(port: Any = None, name: str = "web", **spec: Any) -> dict[str, Any]:
    backend = {"service": {"name": name, "port": port or {"number": 80}}}
    rules = [{"host": "a.lab", "http": {"paths": [{"path": "/", "backend": backend}]}}]
    return {"kind": "Ingress", "metadata": meta("ns", "in"), "spec": {"rules": rules, **spec}}


def why(*objects: Any, complete: bool = True) -> str:
    explanation = explain(replace(snapshot(*objects), complete=complete))
    assert explanation.first_causes == ()
    (left,) = explanation.unexplained
    assert left.object == INGRESS
    return left.why


def about(ref: ObjectRef, *objects: Any, state: Snapshot | None = None) -> Details:
    found = details(state or snapshot(*objects), ref)
    assert found is not None
    return found


def told(ref: ObjectRef, *objects: Any) -> dict[str, str]:
    return {f"{one.what} @ {one.where}": one.state for one in about(ref, *objects).leads}


class TestASelectorThatMatchesNoPod:
    WEB = labelled("web-1", {"app": "web"}, ready=True)

    def test_is_why_the_ingress_leads_nowhere_with_the_nearest_pod(self) -> None:
        said = why(ingress(), service({"app": "wbe"}), slices(), self.WEB)
        assert said == "Service/ns/web: its selector app=wbe matches no pod; nearest: Pod/ns/web-1, app is web"

    def test_of_a_saved_state_only_of_what_was_observed(self) -> None:
        said = why(ingress(), service({"app": "wbe"}), slices(), self.WEB, complete=False)
        assert said.startswith(
            "Service/ns/web: its selector app=wbe matches no pod of those that were observed; nearest"
        )

    def test_misses_by_one_label_of_several(self) -> None:
        one = labelled("web-1", {"app": "web", "tier": "back"}, ready=True)
        said = why(ingress(), service({"app": "web", "tier": "front", "rev": "1"}), slices(), one)
        assert said.endswith("nearest: Pod/ns/web-1, tier is back, no label rev")

    def test_a_pod_that_is_quite_another_or_elsewhere_is_not_near(self) -> None:
        other = {**labelled("web-1", {"app": "web"}, ready=True)}
        other["metadata"]["namespace"] = "elsewhere"
        said = why(
            ingress(), service({"app": "wbe"}), slices(), labelled("db-0", {"app": "postgres"}, ready=True), other
        )
        assert said == "Service/ns/web: its selector app=wbe matches no pod"

    def test_because_its_pods_are_scaled_away(self) -> None:
        scaled = {"kind": "Deployment", "metadata": meta("ns", "web"), "spec": {
            "replicas": 0, "template": {"metadata": {"labels": {"app": "web"}}}}}  # fmt: skip
        assert why(ingress(), service({"app": "web"}), slices(), scaled) == (
            "Service/ns/web: its selector app=web matches no pod: those of Deployment/ns/web would match, and it is scaled to 0"
        )

    def test_is_not_said_where_pods_were_not_observed(self) -> None:
        kinds = ("Ingress", "Service", "EndpointSlice")
        explanation = explain(snapshot(ingress(), service({"app": "wbe"}), slices(), observed=kinds))
        assert [u.why for u in explanation.unexplained] == [
            "Service/ns/web has no ready endpoints, and no pod behind it says why"
        ]

    def test_a_service_is_told_in_full(self) -> None:
        assert told(SERVICE, service({"app": "wbe"}, {"port": 80, "name": "http"}), slices(), self.WEB) == {
            "app=wbe @ spec.selector": "matches no pod; nearest: Pod/ns/web-1, app is web",
            "endpoints @ EndpointSlices": "0 ready",
            "port 80 (http) → 80 @ spec.ports[0]": "no pod is behind it",
        }


class TestAPortThatIsNotThere:
    FINE = (
        slices("web-1", ready=True),
        labelled("web-1", {"app": "web"}, {"name": "http", "containerPort": 8080}, ready=True),
    )

    def leads(self, port: Any, *ports: dict[str, Any], **spec: Any) -> list[Any]:
        return [ingress(port), service({"app": "web"}, *ports, **spec), *self.FINE]

    @pytest.mark.parametrize(("port", "asked"), [({"number": 8080}, "8080"), ({"name": "web"}, "web")])
    def test_of_its_service(self, port: Any, asked: str) -> None:
        objects = self.leads(port, {"port": 80, "name": "http"})
        assert why(*objects) == f"a.lab/ leads to Service/ns/web, which has no port {asked}, only 80 (http)"
        assert told(INGRESS, *objects)[f"Service/ns/web port {asked} @ a.lab/"] == (
            f"there; has no port {asked}, only 80 (http); 1 ready endpoint"
        )

    @pytest.mark.parametrize(
        ("port", "ports"),
        [({"number": 80}, [{"port": 80}]), ({"name": "http"}, [{"port": 80, "name": "http"}]),
         ({"number": 8080}, [{"port": 80, "targetPort": 8080}])],
        ids=["number", "name", "the targetPort, which ingress-nginx takes"],
    )  # fmt: skip
    def test_one_that_is_there_is_no_reason(self, port: Any, ports: list[Any]) -> None:
        explanation = explain(snapshot(*self.leads(port, *ports)))
        assert (explanation.first_causes, explanation.unexplained) == ((), ())

    def test_of_a_service_that_leads_outside_is_not_judged(self) -> None:
        outside = service(None, {"port": 80}, type="ExternalName", externalName="db.lab")
        assert explain(snapshot(ingress({"number": 8080}), outside)).unexplained == ()
        assert told(SERVICE, outside) == {"db.lab @ spec.externalName": "outside: nothing of it is observed"}

    def test_by_a_name_that_no_container_has(self) -> None:
        objects = self.leads({"number": 80}, {"port": 80, "targetPort": "web"})
        assert why(*objects) == (
            "a.lab/ leads to Service/ns/web, which leads port 80 to a container port named web, and none of its pods has one of that name"
        )
        assert (
            told(SERVICE, *objects)["port 80 → web @ spec.ports[0]"]
            == "no container names a port web: nothing is reached by it"
        )

    def test_by_a_name_that_a_container_has(self) -> None:
        objects = self.leads({"number": 80}, {"port": 80, "targetPort": "http"})
        assert explain(snapshot(*objects)).unexplained == ()
        assert told(SERVICE, *objects)["port 80 → http @ spec.ports[0]"] == "a container names it: 8080"

    def test_by_a_number_that_no_container_declares_is_a_hint(self) -> None:
        objects = self.leads({"number": 80}, {"port": 80, "targetPort": 9090}, {"port": 81, "targetPort": 8080})
        assert explain(snapshot(*objects)).unexplained == ()
        assert {k: v for k, v in told(SERVICE, *objects).items() if k.startswith("port")} == {
            "port 80 → 9090 @ spec.ports[0]": "no container declares it, which is a hint only: to declare a port is optional",
            "port 81 → 8080 @ spec.ports[1]": "a container declares it",
        }

    def test_a_pod_that_fails_is_told_before_it(self) -> None:
        objects = [
            ingress({"number": 8080}),
            service({"app": "web"}),
            slices("web-1"),
            labelled("web-1", {"app": "web"}, waiting=PULL),
        ]
        (cause,) = explain(snapshot(*objects)).first_causes
        assert cause.cause == "image-not-found"


class TestAnIngressInFull:
    def test_class_backends_and_certificate(self) -> None:
        one = ingress(ingressClassName="nginx", defaultBackend={"service": {"name": "gone", "port": {"number": 80}}},
                      tls=[{"hosts": ["a.lab"], "secretName": "a-tls"}, {"hosts": ["b.lab"]}])  # fmt: skip
        assert told(
            INGRESS,
            one,
            service({"app": "web"}),
            slices("web-1", ready=True),
            labelled("web-1", {"app": "web"}, ready=True),
        ) == {
            "class nginx @ spec.ingressClassName": "missing: there is no class at all",
            "Service/ns/gone port 80 @ the default backend": "missing",
            "Service/ns/web port 80 @ a.lab/": "there; 1 ready endpoint",
            "Secret/ns/a-tls @ spec.tls, a.lab": "not known",
            "no Secret @ spec.tls, b.lab": "the controller's own certificate",
        }

    @pytest.mark.parametrize(
        ("held", "state"),
        [(None, "not looked for"), (["nginx"], "there"), (["alb", "traefik"], "not among alb, traefik")],
    )
    def test_its_class(self, held: list[str] | None, state: str) -> None:
        classes = [{"kind": "IngressClass", "metadata": {"name": name}} for name in held or ()]
        seen = snapshot(ingress(ingressClassName="nginx"), *classes)
        if held is None:
            seen = replace(seen, objects={k: v for k, v in seen.objects.items() if k != "IngressClass"})
        found = details(seen, INGRESS)
        assert found is not None
        assert found.leads[0].state == state

    @pytest.mark.parametrize(("held", "state"), [([], "missing"), (["a-tls"], "there")])
    def test_a_certificate_where_secrets_may_be_listed(self, held: list[str], state: str) -> None:
        secrets = [{"kind": "Secret", "metadata": meta("ns", name)} for name in held]
        seen = snapshot(ingress(tls=[{"secretName": "a-tls"}]), *secrets)
        found = details(seen, INGRESS, graph.build(index.build(seen), opted=["ns"]))
        assert found is not None
        assert [(one.where, one.state) for one in found.leads if one.what.startswith("Secret")] == [
            ("spec.tls, all hosts", state)
        ]

    def test_it_is_shown_with_the_object(self) -> None:
        seen = snapshot(ingress({"number": 8080}), service({"app": "wbe"}), slices())
        text = " ".join(described(about(INGRESS, state=seen), seen.observed_at).text().split())
        assert "What it leads to" in text
        assert "has no port 8080, only 80" in text


class TestEndpoints:
    def test_by_name_and_why_each_is_not_ready(self) -> None:
        crashed = labelled("web-2", {"app": "web"}, waiting=("CrashLoopBackOff", "back-off"))
        slow = labelled("web-3", {"app": "web"})
        slow["status"].update(phase="Running")
        slow["status"]["containerStatuses"][0]["state"] = {"running": {}}
        ready = labelled("web-1", {"app": "web"}, ready=True)
        first, rest = slices("web-1", ready=True), slices("web-2", "web-3", "web-4")
        rest["metadata"]["name"] = "web-def"
        found = told(SERVICE, service({"app": "web"}), first, rest, ready, crashed, slow)
        assert found["app=web @ spec.selector"] == "matches 3 pods"
        assert found["endpoints @ EndpointSlices"] == (
            "1 ready: web-1; 3 not ready: web-2 (CrashLoopBackOff), web-3 (its readiness probe does not pass), web-4 (not observed)"
        )


class TestWaysToThePodAtFault:
    """Each way in alone: what leads to the Service, and the Service to its pod."""

    def reached(
        self, *way: Any, selector: dict[str, str] | None = None, labels: dict[str, str] | None = None
    ) -> dict[str, tuple[str, ...]]:
        objects = [*way, service(selector), slices("web-1"), labelled("web-1", labels or {}, waiting=PULL)]
        (cause,) = explain(snapshot(*objects)).first_causes
        assert cause.cause == "image-not-found"
        return {e.object.kind: e.via for e in cause.explains}

    def test_by_its_endpoint_slice_where_no_selector_names_the_pod(self) -> None:
        assert self.reached(ingress())["Ingress"] == (
            "Service/ns/web (serves: spec.rules)", "Pod/ns/web-1 (serves: EndpointSlice)",
        )  # fmt: skip

    def test_by_the_default_backend(self) -> None:
        one = {
            "kind": "Ingress",
            "metadata": meta("ns", "in"),
            "spec": {"defaultBackend": {"service": {"name": "web"}}},
        }
        assert self.reached(one)["Ingress"][0] == "Service/ns/web (serves: spec.defaultBackend)"

    @pytest.mark.parametrize("part", ["http", "tls", "tcp"])
    def test_by_each_part_of_a_virtual_service(self, part: str) -> None:
        routes = [{"route": [{"destination": {"host": "web.ns.svc.cluster.local"}}]}]
        one = {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": meta("edge", "vs"),
            "spec": {part: routes},
        }
        assert self.reached(one)["VirtualService"][0].startswith("Service/ns/web (serves: spec.http")

    def test_by_an_ingress_route(self) -> None:
        routes = [{"services": [{"name": "web", "port": 80}]}]
        one = {
            "apiVersion": "traefik.io/v1alpha1",
            "kind": "IngressRoute",
            "metadata": meta("ns", "r"),
            "spec": {"routes": routes},
        }
        assert "IngressRoute" in self.reached(one)


def way(kind_: str, port: Any, name: str = "web") -> dict[str, Any]:
    """A route of each project to a Service of its own namespace."""
    to = {"name": name, **({} if port is None else {"port": port})}
    spec: dict[str, Any] = {"rules": [{"backendRefs": [{"name": "none", "kind": "Bucket"}]}, {"backendRefs": [to]}]}
    if kind_ == "VirtualService":
        number = {} if port is None else {"port": {"number": port}}
        spec = {"http": [{"route": [{"destination": {"host": f"{name}.ns.svc.cluster.local", **number}}]}]}
    elif kind_ == "IngressRoute":
        spec = {"routes": [{"match": "Host(`a.lab`)", "services": [to]}]}
    groups = {"VirtualService": "networking.istio.io/v1", "IngressRoute": "traefik.io/v1alpha1"}
    version = groups.get(kind_, "gateway.networking.k8s.io/v1")
    return {"apiVersion": version, "kind": kind_, "metadata": meta("ns", "in"), "spec": spec}


class TestTheBackendsOfRoutes:
    SERVICE = service({"app": "web"}, {"port": 80, "name": "http", "targetPort": 8080})
    WELL = (SERVICE, labelled("web-1", {"app": "web"}), slices("web-1", ready=True))
    WHERE = {"VirtualService": "spec.http[0]", "IngressRoute": "spec.routes[0]", "HTTPRoute": "spec.rules[1]"}

    @pytest.mark.parametrize("kind_", ["HTTPRoute", "GRPCRoute", "TCPRoute", "VirtualService", "IngressRoute"])
    @pytest.mark.parametrize("port", [8080, 81])
    def test_a_port_that_the_service_has_not_leads_nowhere(self, kind_: str, port: int) -> None:
        explanation = explain(snapshot(*self.WELL, way(kind_, port)))
        assert explanation.first_causes == ()
        (left,) = explanation.unexplained
        where = self.WHERE.get(kind_, "spec.rules[1]")
        assert left.object == ObjectRef(kind_, "ns", "in")
        assert left.why == f"{where} leads to {SERVICE}, which has no port {port}, only 80 (http)"

    @pytest.mark.parametrize("kind_", ["HTTPRoute", "VirtualService", "IngressRoute"])
    @pytest.mark.parametrize("port", [80, None])
    def test_one_that_it_has_is_well(self, kind_: str, port: int | None) -> None:
        explanation = explain(snapshot(*self.WELL, way(kind_, port)))
        assert (explanation.first_causes, explanation.unexplained) == ((), ())

    @pytest.mark.parametrize("port", ["http", True, {"number": 81}, [81], 8.1])
    def test_traefik_takes_a_name_and_nobody_is_held_to_what_is_no_port(self, port: Any) -> None:
        explanation = explain(snapshot(*self.WELL, way("IngressRoute", port)))
        assert (explanation.first_causes, explanation.unexplained) == ((), ())

    def test_a_name_that_it_has_not_leads_nowhere(self) -> None:
        explanation = explain(snapshot(*self.WELL, way("IngressRoute", "grpc")))
        assert [u.why.partition("which ")[2] for u in explanation.unexplained] == ["has no port grpc, only 80 (http)"]

    def test_its_page_says_where_it_leads(self) -> None:
        found = details(snapshot(*self.WELL, way("HTTPRoute", 81)), ObjectRef("HTTPRoute", "ns", "in"))
        assert found is not None
        assert [(lead.what, lead.where, lead.state) for lead in found.leads] == [
            (f"{SERVICE} port 81", "spec.rules[1]", "there; has no port 81, only 80 (http); 1 ready endpoint")
        ]

    def test_what_its_controller_says_stands_behind_it(self) -> None:
        said = {"type": "ResolvedRefs", "status": "False", "reason": "BackendNotFound", "message": "port 81 not found"}
        one = way("HTTPRoute", 81)
        one["spec"]["parentRefs"] = [{"name": "public"}]
        one["status"] = {"parents": [{"parentRef": {"name": "public"}, "conditions": [said]}]}
        good = [{"type": t, "status": "True"} for t in ("Accepted", "Programmed")]
        gateway = {"kind": "Gateway", "metadata": meta("ns", "public"), "status": {"conditions": good}}
        (left,) = explain(snapshot(*self.WELL, one, gateway)).unexplained
        assert left.why == f"spec.rules[1] leads to {SERVICE}, which has no port 81, only 80 (http); port 81 not found"
