"""Objects of other projects, by the few fields that say what they make or lead to. Everything in them is optional.

External Secrets, cert-manager, Istio, the Gateway API, Traefik.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from runbook.domain.cluster import Generic
from runbook.domain.gateway import ParentRef, Reference
from runbook.domain.network import BackendPort
from runbook.model import ObjectRef

MAKERS = ("ExternalSecret", "Certificate")
ROUTES = ("VirtualService", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "IngressRoute")
SUPPLIERS = ("SecretStore", "ClusterSecretStore", "Issuer", "ClusterIssuer")
WITH_SPEC = frozenset({*MAKERS, *ROUTES, *SUPPLIERS})
_OF_CLUSTER_ISSUERS = "cert-manager"  # unless its --cluster-resource-namespace says otherwise
_DEEPEST = 12


def secret_made(obj: Generic) -> str:
    """The name of the Secret that an ExternalSecret or a Certificate makes, in its own namespace."""
    spec = _mapping(obj.spec)
    if obj.kind == "Certificate":
        return _text(spec.get("secretName"))
    return _text(_mapping(spec.get("target")).get("name")) or obj.metadata.name


def supplier(obj: Generic) -> tuple[ObjectRef, str] | None:
    """From whom a Certificate or an ExternalSecret has what it makes, and the field that says so; one of a cluster has no namespace."""
    field, usual = ("issuerRef", "Issuer") if obj.kind == "Certificate" else ("secretStoreRef", "SecretStore")
    named = _mapping(_mapping(obj.spec).get(field))
    kind, name = _text(named.get("kind")) or usual, _text(named.get("name"))
    namespace = "" if kind.startswith("Cluster") else obj.metadata.namespace
    return (ObjectRef(kind, namespace, name), f"spec.{field}") if name else None


def secrets_used(obj: Generic) -> Iterator[tuple[ObjectRef, str]]:
    """The Secrets by which a store logs in or an issuer signs, and the fields that name them.

    An ACME account's key is none of them: cert-manager makes that itself. One whose namespace is not said is left out.
    """
    usual = {"ClusterIssuer": _OF_CLUSTER_ISSUERS, "ClusterSecretStore": ""}.get(obj.kind, obj.metadata.namespace)
    for where, named in _secret_refs(obj.spec, "spec", _DEEPEST):
        namespace = _text(named.get("namespace")) or usual
        if namespace and (name := _text(named.get("name"))):
            yield ObjectRef("Secret", namespace, name), where


def _secret_refs(value: Any, where: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, list) and depth:
        for n, inner in enumerate(value):
            yield from _secret_refs(inner, f"{where}[{n}]", depth - 1)
    for key, inner in _mapping(value).items() if depth else ():
        at = f"{where}.{key}"
        if key.lower().endswith("secretref") and key != "privateKeySecretRef":
            yield at, _mapping(inner)
        elif key == "secretName" and where.endswith(".ca"):
            yield at, {"name": inner}
        else:
            yield from _secret_refs(inner, at, depth - 1)


class Way(NamedTuple):
    """One backend of a route: the rule that it stands in, its Service, and the port that is asked for there."""

    where: str
    service: ObjectRef
    port: BackendPort


def ways(obj: Generic) -> Iterator[Way]:
    """The Services that a route leads to, with the ports."""
    spec, namespace = _mapping(obj.spec), obj.metadata.namespace
    if obj.kind == "VirtualService":
        for part in ("http", "tls", "tcp"):
            for n, rule in enumerate(_mappings(spec.get(part))):
                for route in _mappings(rule.get("route")):
                    to = _mapping(route.get("destination"))
                    port = _port(_mapping(to.get("port")).get("number"))
                    for service in _by_host(_text(to.get("host")), namespace):
                        yield Way(f"spec.{part}[{n}]", service, port)
        return
    for rules, backends_ in (("rules", "backendRefs"), ("routes", "services")):
        for n, rule in enumerate(_mappings(spec.get(rules))):
            for backend in _mappings(rule.get(backends_)):
                for service in _named(backend, namespace):
                    yield Way(f"spec.{rules}[{n}]", service, _port(backend.get("port")))


def parents(obj: Generic) -> Iterator[ParentRef]:
    """What a route of the Gateway API attaches to."""
    for ref in _mappings(_mapping(obj.spec).get("parentRefs")):
        group, kind, namespace, section = (ref.get(k) for k in ("group", "kind", "namespace", "sectionName"))
        port = ref.get("port")
        yield ParentRef(
            group if isinstance(group, str) else None, _text(kind), _text(namespace), _text(ref.get("name")), _text(section),
            port if isinstance(port, int) else None,
        )  # fmt: skip


def backends(obj: Generic) -> Iterator[Reference]:
    """All that a route of the Gateway API leads to, mirrors too: Services, and what other projects have instead."""
    for n, rule in enumerate(_mappings(_mapping(obj.spec).get("rules"))):
        for where, backend in _led_to(rule):
            if name := _text(backend.get("name")):
                namespace = _text(backend.get("namespace")) or obj.metadata.namespace
                kind = _text(backend.get("kind")) or "Service"
                yield Reference(_text(backend.get("group")), kind, namespace, name, f"spec.rules[{n}].{where}")


def _led_to(rule: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    backends_ = tuple(_mappings(rule.get("backendRefs")))
    yield from (("backendRefs", backend) for backend in backends_)
    for part in (rule, *backends_):
        for one in _mappings(part.get("filters")):
            yield "filters", _mapping(_mapping(one.get("requestMirror")).get("backendRef"))


def _named(backend: Mapping[str, Any], namespace: str) -> Iterator[ObjectRef]:
    if backend.get("kind") in (None, "", "Service") and _text(backend.get("name")):
        yield ObjectRef("Service", _text(backend.get("namespace")) or namespace, _text(backend["name"]))


def _by_host(host: str, namespace: str) -> Iterator[ObjectRef]:
    """`web`, `web.shop` or `web.shop.svc.cluster.local`; a host outside the cluster is no Service."""
    name, _, rest = host.partition(".")
    if name and not rest:
        yield ObjectRef("Service", namespace, name)
    elif name and ("." not in rest or rest.split(".", 1)[1].startswith("svc")):
        yield ObjectRef("Service", rest.split(".", 1)[0], name)


def _port(value: Any) -> BackendPort:
    """A port by number or, as Traefik takes it, by name; neither where none is asked for."""
    if isinstance(value, str):
        return BackendPort(name=value)
    return BackendPort(number=value) if isinstance(value, int) and not isinstance(value, bool) else BackendPort()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (v for v in value if isinstance(v, Mapping)) if isinstance(value, list) else iter(())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
