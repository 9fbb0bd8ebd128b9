"""Which Services a container is told to talk to: by the literal values of its environment, never by a Secret's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runbook.domain.pods import PodSpec
from runbook.model import ObjectRef

_URL = re.compile(
    r"^[a-z][a-z0-9+.-]{1,30}://(?:[^@/\s]*@)?(?P<host>[A-Za-z0-9.-]{1,253})(?::(?P<port>\d{1,5}))?(?:[/?]|$)"
)
_HOST = re.compile(r"^(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::(?P<port>\d{1,5}))?$")
_NAMED = re.compile(r"(?:^|_)(?:PG)?(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS)$")
_CLUSTER = ("svc.cluster.local", "svc")


@dataclass(frozen=True, slots=True)
class Peer:
    """A Service of the cluster, the port that is meant (0: not said), and the variable that says so."""

    service: ObjectRef
    port: int
    where: str


def peers_of(spec: PodSpec, namespace: str) -> tuple[Peer, ...]:
    """Every in-cluster Service that a URL or a host variable of a container names; outside names are left out."""
    return tuple(dict.fromkeys(_peers(spec, namespace)))


def _peers(spec: PodSpec, namespace: str) -> Iterator[Peer]:
    for container in (*(spec.init_containers or ()), *spec.containers):
        for variable in container.env or ():
            found = _URL.match(variable.value) or (
                _HOST.match(variable.value) if _NAMED.search(variable.name.upper()) else None
            )
            service = service_of(found["host"], namespace) if found else None
            if found and service is not None:
                yield Peer(service, int(found["port"] or 0), f"containers[{container.name}].env[{variable.name}]")


def service_of(host: str, namespace: str) -> ObjectRef | None:
    """The Service a name means inside a pod: `name`, `name.namespace`, each with `.svc` and `.svc.cluster.local`.

    None for addresses, for localhost, and for names with more parts than a Service has. [k8s:dns-pod-service]
    """
    name = host.rstrip(".").lower()
    suffix = next((s for s in _CLUSTER if name.endswith(f".{s}")), "")
    parts = name.removesuffix(f".{suffix}").split(".") if suffix else name.split(".")
    if name == "localhost" or len(parts) > 2 or all(part.isdigit() for part in parts):
        return None
    return ObjectRef("Service", parts[1] if len(parts) == 2 else namespace, parts[0])
