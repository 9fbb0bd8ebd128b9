"""Services, their endpoints, and the ways in: Ingress and Istio's VirtualService."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import ClassVar

import msgspec

from runbook.domain.meta import Observed, Resource

SERVICE_NAME = "kubernetes.io/service-name"
DEFAULT = "the default backend"


class ServicePort(Observed, frozen=True):
    """spec.ports[] of a Service."""

    name: str = ""
    port: int = 0
    target_port: int | str | None = None
    protocol: str = "TCP"


class ServiceSpec(Observed, frozen=True):
    """spec of a Service."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    selector: dict[str, str] | None = None
    ports: tuple[ServicePort, ...] | None = None
    external_name: str = ""


class Service(Resource, frozen=True):
    """v1 Service."""

    KIND: ClassVar[str] = "Service"

    spec: ServiceSpec = ServiceSpec()


class TargetRef(Observed, frozen=True):
    """endpoints[].targetRef."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class EndpointConditions(Observed, frozen=True):
    """endpoints[].conditions: a nil `ready` counts as true (discovery/v1)."""

    ready: bool | None = None
    terminating: bool | None = None


class Endpoint(Observed, frozen=True):
    """endpoints[]."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    target_ref: TargetRef | None = None


class EndpointSlice(Resource, frozen=True):
    """discovery.k8s.io/v1 EndpointSlice; label kubernetes.io/service-name names its Service."""

    KIND: ClassVar[str] = "EndpointSlice"

    endpoints: tuple[Endpoint, ...] | None = None


def ready_endpoints(slices: Iterable[EndpointSlice]) -> Counter[tuple[str, str]]:
    """Ready addresses by (namespace, Service); a nil `ready` counts as true (discovery/v1)."""
    counted: Counter[tuple[str, str]] = Counter()
    for one in slices:
        for endpoint in one.endpoints or ():
            if endpoint.conditions.ready is not False:
                counted[one.metadata.namespace, one.metadata.label(SERVICE_NAME)] += len(endpoint.addresses)
    return counted


class BackendPort(Observed, frozen=True):
    """backend.service.port."""

    name: str = ""
    number: int = 0


class BackendService(Observed, frozen=True):
    """backend.service."""

    name: str = ""
    port: BackendPort = BackendPort()


class Backend(Observed, frozen=True):
    """backend of an Ingress path."""

    service: BackendService | None = None


class HTTPPath(Observed, frozen=True):
    """http.paths[]."""

    path: str = ""
    backend: Backend = Backend()


class HTTPRule(Observed, frozen=True):
    """rules[].http."""

    paths: tuple[HTTPPath, ...] = ()


class IngressRule(Observed, frozen=True):
    """spec.rules[]."""

    host: str = ""
    http: HTTPRule | None = None


class IngressTLS(Observed, frozen=True):
    """spec.tls[]."""

    hosts: tuple[str, ...] | None = None
    secret_name: str = ""


class IngressSpec(Observed, frozen=True):
    """spec of an Ingress."""

    ingress_class_name: str = ""
    default_backend: Backend | None = None
    rules: tuple[IngressRule, ...] | None = None
    tls: tuple[IngressTLS, ...] | None = None


class Ingress(Resource, frozen=True):
    """networking.k8s.io/v1 Ingress."""

    KIND: ClassVar[str] = "Ingress"

    spec: IngressSpec = IngressSpec()

    def backends(self) -> Iterator[tuple[str, BackendService]]:
        """Each Service that it leads to, with the way to it in words: the default backend first, then path by path."""
        default = self.spec.default_backend
        if default is not None and default.service is not None:
            yield DEFAULT, default.service
        for rule in self.spec.rules or ():
            for path in rule.http.paths if rule.http else ():
                if path.backend.service is not None:
                    yield f"{rule.host}{path.path}", path.backend.service
