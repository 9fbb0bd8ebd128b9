"""Does a Service answer from inside? The API server's proxy dials one of its endpoints, and says what it met."""

from __future__ import annotations

from runbook.clients.kubernetes import KubeClient
from runbook.clients.kubernetes.answers import Answer as Response
from runbook.domain.inquiries import Answer
from runbook.domain.network import Service
from runbook.errors import ObservationError, TimedOutError

NOT_HTTP = ("EOF", "malformed HTTP response", "unexpected EOF", "connection reset by peer", "broken pipe")
REFUSED = "error trying to reach service: "
NO_ENDPOINTS = "no endpoints available"
NO_PORT = "no service port"


def ask_service(client: KubeClient, service: Service, *, seconds: float = 5.0) -> tuple[Answer, ...]:
    """One GET of `/` for each TCP port. What answers need not speak HTTP: that it takes the connection is the answer."""
    return tuple(ask_port(client, service, port, seconds=seconds) for port in ports(service))


def ports(service: Service) -> tuple[int, ...]:
    """Its TCP ports: nothing else can be dialled through the proxy."""
    return tuple(p.port for p in service.spec.ports or () if p.protocol == "TCP")


def ask_port(client: KubeClient, service: Service, port: int, *, seconds: float) -> Answer:
    """What one port answers."""
    try:
        response = client.proxy_ask(service.metadata.namespace, service.metadata.name, str(port), "/", seconds=seconds)
    except TimedOutError:
        return Answer(port, False, "no answer within the time allowed: packets may be dropped")
    except ObservationError as error:
        return Answer(port, None, f"not asked: {error.why}")
    return _read(port, response)


def _read(port: int, response: Response) -> Answer:
    """The API server's own answer is a Status; everything else was said by what listens there."""
    message = _status(response)
    if message is None:
        return Answer(port, True, f"answered HTTP {response.status_code}")
    if NO_ENDPOINTS in message or NO_PORT in message:
        return Answer(port, False, message)
    if REFUSED in message:
        why = message.partition(REFUSED)[2]
        if any(word in why for word in NOT_HTTP):
            return Answer(port, True, f"took the connection, and does not speak HTTP ({why})")
        return Answer(port, False, why)
    needed = "; permission needed: get services/proxy" if response.status_code in (401, 403) else ""
    return Answer(port, None, f"not asked: {response.status_code} {message}{needed}")


def _status(response: Response) -> str | None:
    """The message of a Kubernetes Status with which the API server answers for itself, else None."""
    if response.status_code < 400:
        return None
    if response.text.startswith(REFUSED) or "error trying to reach service" in response.text[:200]:
        return response.text.strip()
    try:
        body = response.json()
    except ValueError:
        return None
    is_status = isinstance(body, dict) and body.get("kind") == "Status" and body.get("apiVersion") == "v1"
    return str(body.get("message") or "") if is_status else None
