"""One request and its answer over httpcore's keep-alive pool.

httpcore is what httpx is built on. What httpx adds, cookies, redirects, authentication, proxies of the environment, an API
server needs not: a fifth of a command's first second went into importing it, and half of every request into passing it.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

import httpcore

from runbook.clients.kubernetes.answers import Answer, Stream
from runbook.clients.resolving import ResolvingBackend

CONNECT = 5.0  # seconds until a connection stands
IDLE = 30.0  # seconds for which a connection is kept that nobody uses
_SAFE = "/%:@!$&'()*+,;=~"  # of a path, beside letters, digits and _.- [RFC 3986 3.3; what is quoted stays so]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. The path begins below the server's own; neither it nor the query is quoted yet."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # credentials stand in them
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: bytes | None = None


class Wire:
    """Connections to one server. Raises httpcore's errors and those of `bodies`."""

    def __init__(
        self,
        server: str,
        verify: ssl.SSLContext | None,
        resolve: Mapping[str, str],
        *,
        server_name: str = "",
        connections: int = 8,
    ) -> None:
        parts = urlsplit(server)
        self._scheme, self._port = parts.scheme.encode("ascii"), parts.port
        self._host = _ascii(parts.hostname or "")
        self._root = parts.path.rstrip("/")  # a server behind a gateway has a path of its own
        named = b"[" + self._host + b"]" if b":" in self._host else self._host
        self._named = named if self._port is None else b"%b:%d" % (named, self._port)
        self._extensions = {"sni_hostname": server_name} if server_name else {}
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE,
            network_backend=ResolvingBackend(resolve),
        )

    def ask(self, request: Request, patience: float) -> Answer:
        """The whole answer; `patience` is how many seconds may pass without a byte."""
        with self.open(request, patience) as stream:
            return stream.whole()

    @contextmanager
    def open(self, request: Request, patience: float) -> Iterator[Stream]:
        """The answer, of which the body is still coming."""
        asked = f"?{urlencode(request.query)}" if request.query else ""
        target = f"{self._root}{quote(request.path, safe=_SAFE)}{asked}".encode("ascii")
        url = httpcore.URL(scheme=self._scheme, host=self._host, port=self._port, target=target)
        seconds = {"connect": min(patience, CONNECT), "read": patience, "write": patience, "pool": patience}
        with self._pool.stream(
            request.method,
            url,
            headers=[(b"Host", self._named), *((k.encode(), v.encode()) for k, v in request.headers.items())],
            content=request.body,
            extensions={**self._extensions, "timeout": seconds},
        ) as response:
            yield Stream(response)

    def close(self) -> None:
        """Close the connections that nobody reads from."""
        self._pool.close()


def _ascii(host: str) -> bytes:
    """A host as it stands in a request; one with letters of other scripts in their form for DNS (RFC 3490)."""
    return host.encode("ascii") if host.isascii() else host.encode("idna")
