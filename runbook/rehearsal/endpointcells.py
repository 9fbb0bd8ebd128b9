"""Table cells about the network and about events."""

from __future__ import annotations

from datetime import datetime

from runbook.rehearsal.cells import Object, joined, since
from runbook.rehearsal.jsonpath import get

SHOWN = 3  # addresses kubectl shows before "+ N more..."


def service_ports(service: Object, _now: datetime) -> str:
    """`80:30080/TCP,443/TCP`."""
    return joined(
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in get(service, "spec.ports") or ()
    )


def service_external(service: Object, _now: datetime) -> str:
    """Where the outside reaches it."""
    spec = service.get("spec") or {}
    addresses = list(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", "<none>"))
    if spec.get("type") == "LoadBalancer":
        return joined([*balancer(service), *addresses], "<pending>")
    return joined(addresses)


def balancer(obj: Object) -> list[str]:
    """Load balancer addresses of a Service or an Ingress."""
    return [str(i.get("ip") or i.get("hostname")) for i in get(obj, "status.loadBalancer.ingress") or ()]


def ingress_hosts(ingress: Object, _now: datetime) -> str:
    """Hosts of its rules; `*` when a rule has none."""
    return joined((rule.get("host") or "*" for rule in get(ingress, "spec.rules") or ()), "*")


def endpoints(obj: Object, _now: datetime) -> str:
    """Ready `address:port` pairs of an Endpoints object."""
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    return _short(found, "<none>")


def slice_endpoints(obj: Object, _now: datetime) -> str:
    """Addresses of an EndpointSlice, ready or not."""
    return _short([a for e in obj.get("endpoints") or () for a in e.get("addresses") or ()], "<unset>")


def slice_ports(obj: Object, _now: datetime) -> str:
    """Port numbers of an EndpointSlice."""
    return _short([str(p["port"]) if p.get("port") else "*" for p in obj.get("ports") or ()], "<unset>")


def _short(found: list[str], empty: str) -> str:
    more = f" + {len(found) - SHOWN} more..." if len(found) > SHOWN else ""
    return joined(found[:SHOWN], empty) + more


def event_first(event: Object, now: datetime) -> str:
    """FIRST SEEN."""
    return since(event.get("firstTimestamp") or event.get("eventTime"), now)


def event_last(event: Object, now: datetime) -> str:
    """LAST SEEN."""
    last = get(event, "series.lastObservedTime") or event.get("lastTimestamp")
    return since(last, now) if last else event_first(event, now)


def event_object(event: Object, _now: datetime) -> str:
    """`pod/name`."""
    involved = event.get("involvedObject") or {}
    kind, name = str(involved.get("kind", "")).lower(), involved.get("name")
    return f"{kind}/{name}" if name else kind


def event_source(event: Object, _now: datetime) -> str:
    """`kubelet, node-1`."""
    source = event.get("source") or {}
    words = [source.get("component") or event.get("reportingComponent"), source.get("host")]
    return ", ".join(str(word) for word in words if word)
