"""Declared endpoints over HTTP: which layer answered, verified TLS unless declared otherwise, redirects not followed."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runbook.clients.handshake import context_of
from runbook.domain.certificates import readable_pems
from runbook.domain.legible import decoded
from runbook.domain.probes import EndpointProbe
from runbook.errors import ObservationError
from runbook.inventory.model import Endpoint

if TYPE_CHECKING:
    from runbook.clients.abreast import Told

TIMEOUT = 10.0  # seconds for a whole request, up to the last byte that is kept: a body that drips is no answer either
MAX_BODY = 64_000
# kept: tab and line feed. A body is shown in terminals and reports; an escape sequence in it must stay words
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class _Health(msgspec.Struct):
    status: object = ""
    version: object = ""


def probe_endpoint(endpoint: Endpoint, *, resolve: Mapping[str, str], base: Path) -> EndpointProbe:
    """One GET. `layer` is the last one reached: dns, tcp, tls, http or body; `error` says what stopped it."""
    return probe_endpoints([endpoint], resolve=resolve, base=base)[0]


def probe_endpoints(
    endpoints: Sequence[Endpoint], *, resolve: Mapping[str, str], base: Path, timeout: float | None = None
) -> tuple[EndpointProbe, ...]:
    """One GET of each, all at once: those that hang or drip cost together no more than one `timeout`.

    It bounds a whole request: name, connection, TLS, head, and the body up to the `MAX_BODY` bytes that are kept. An answer
    that is not whole by then is none: `error` says that its time was over, and what had come of it. More than 256 endpoints
    take turns, and one's time begins with its turn.
    """
    if not endpoints:
        return ()
    # aiohttp takes a fifth of a second that a stage without endpoints need not pay
    from runbook.clients.abreast import Limits, ask_all

    contexts = _contexts(endpoints, base)
    asked = [(e.url, contexts[e.ca, e.tls]) for e in endpoints]
    limits = Limits(TIMEOUT if timeout is None else timeout, MAX_BODY)
    return tuple(_probe(*pair) for pair in zip(endpoints, ask_all(asked, resolve=resolve, limits=limits), strict=True))


def _probe(endpoint: Endpoint, told: Told) -> EndpointProbe:
    body = told.body.decode("utf-8", errors="replace")
    status, version = _health(body)
    return EndpointProbe(
        name=endpoint.name,
        url=endpoint.url,
        service=endpoint.service,
        status=told.status,
        tls=endpoint.tls if endpoint.url.startswith("https://") else "none",
        body=harmless(body),
        body_status=harmless(status),
        body_version=harmless(version),
        error=told.error,
        layer=told.layer,
        seconds=told.seconds,
    )


def _contexts(endpoints: Iterable[Endpoint], base: Path) -> dict[tuple[str, str], ssl.SSLContext]:
    """A TLS context for each CA file and way to verify: most endpoints share one."""
    found: dict[tuple[str, str], ssl.SSLContext] = {}
    for endpoint in endpoints:
        if endpoint.via != "direct":
            raise ObservationError(
                f"endpoint {endpoint.name}", f"via: {endpoint.via} is not built yet, and it asks for that"
            )
        if (endpoint.ca, endpoint.tls) not in found:
            found[endpoint.ca, endpoint.tls] = _context(endpoint, base)
    return found


def _context(endpoint: Endpoint, base: Path) -> ssl.SSLContext:
    anchors: tuple[bytes, ...] = ()
    if endpoint.ca:
        path = base / endpoint.ca
        if not path.is_file():
            raise ObservationError(f"endpoint {endpoint.name}", f"its CA file {endpoint.ca} is not there")
        anchors = readable_pems([path.read_bytes()])
        if not anchors:
            raise ObservationError(f"endpoint {endpoint.name}", f"its CA file {endpoint.ca} holds no certificate")
    context = context_of(anchors, system=not anchors)
    if endpoint.tls == "unverified":
        # Declared in the inventory, and shown as a downgrade in every report.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def harmless(text: str) -> str:
    """A text whose control characters are shown instead of obeyed."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def _health(body: str) -> tuple[str, str]:
    try:
        found = decoded(body, _Health)
    except msgspec.DecodeError:
        return "", ""
    return str(found.status or ""), str(found.version or "")
