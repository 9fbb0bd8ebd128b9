"""Declared endpoints over HTTP: which layer answered, verified TLS unless declared otherwise, redirects not followed."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import msgspec

from runbook.clients.handshake import context_of, words
from runbook.clients.resolving import transport
from runbook.domain.certificates import readable_pems
from runbook.domain.probes import EndpointProbe
from runbook.errors import ObservationError
from runbook.inventory.model import Endpoint

TIMEOUT = 10.0  # seconds for a connection or between two bytes
LONGEST = 30.0  # seconds for the whole answer: a body that drips is no answer either
MAX_BODY = 64_000
# kept: tab and line feed. A body is shown in terminals and reports; an escape sequence in it must stay words
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class _Health(msgspec.Struct):
    status: object = ""
    version: object = ""


def probe_endpoint(endpoint: Endpoint, *, resolve: Mapping[str, str], base: Path) -> EndpointProbe:
    """One GET. `layer` is the last one reached: dns, tcp, tls, http or body; `error` says what stopped it."""
    began = time.monotonic()
    try:
        with _client(endpoint, resolve, base) as client, client.stream("GET", endpoint.url) as response:
            body = _body(response, began + LONGEST)
            status, version = _health(body)
            return EndpointProbe(
                name=endpoint.name,
                url=endpoint.url,
                service=endpoint.service,
                status=response.status_code,
                tls=_tls(endpoint),
                body=harmless(body),
                body_status=harmless(status),
                body_version=harmless(version),
                layer="body",
                seconds=round(time.monotonic() - began, 3),
            )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        text = words(error)
        return EndpointProbe(
            name=endpoint.name,
            url=endpoint.url,
            service=endpoint.service,
            tls=_tls(endpoint),
            error=text,
            layer=_layer(error, text),
            seconds=round(time.monotonic() - began, 3),
        )


def _client(endpoint: Endpoint, resolve: Mapping[str, str], base: Path) -> httpx.Client:
    if endpoint.via != "direct":
        raise ObservationError(
            f"endpoint {endpoint.name}", f"via: {endpoint.via} is not built yet, and it asks for that"
        )
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
    return httpx.Client(
        transport=transport(context, resolve), timeout=TIMEOUT, trust_env=False, follow_redirects=False,
        headers={"User-Agent": "runbook", "Accept": "application/json, */*"},
    )  # fmt: skip


def harmless(text: str) -> str:
    """A text whose control characters are shown instead of obeyed."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def _body(response: httpx.Response, until: float) -> str:
    held = b""
    for chunk in response.iter_bytes():
        held += chunk
        if len(held) > MAX_BODY:
            break
        if time.monotonic() > until:
            raise httpx.ReadTimeout(f"the body was not complete after {LONGEST:.0f} s", request=response.request)
    return held[:MAX_BODY].decode("utf-8", errors="replace")


def _health(body: str) -> tuple[str, str]:
    try:
        found = msgspec.json.decode(body, type=_Health)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return "", ""
    return str(found.status or ""), str(found.version or "")


def _tls(endpoint: Endpoint) -> str:
    return endpoint.tls if endpoint.url.startswith("https://") else "none"


def _layer(error: Exception, text: str) -> str:
    if text.startswith("TLS"):
        return "tls"
    if any(w in text for w in ("Name or service not known", "name resolution", "nodename nor servname", "No address")):
        return "dns"
    late = isinstance(error, httpx.ReadTimeout | httpx.ReadError | httpx.RemoteProtocolError | httpx.DecodingError)
    return "http" if late else "tcp"
