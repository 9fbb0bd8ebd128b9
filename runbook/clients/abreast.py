"""Many URLs asked at once: each has the whole time for itself, one that hangs delays no other, the last begins with the first.

The time bounds a whole request, from the look-up of its name to the last byte that is kept: one that says a little again
and again has no more of it than one that says nothing. Of more than `MOST` URLs the rest begin as places become free.

One GET each, over a connection of its own that is verified as its TLS context says; redirects are not followed, cookies not
kept, and no proxy of the environment is used. A name is looked up in a thread that is let go of when its time is over:
nobody can interrupt the system's resolver.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from runbook.clients.handshake import LATE
from runbook.clients.resolving import target
from runbook.clients.tlscause import tls_cause, tls_words

HEADERS = {"User-Agent": "runbook", "Accept": "application/json, */*"}
MOST = 256  # connections at once: a process may often have 1,024 files open
LINE = 65_536  # bytes of one line of an answer's head: cookies of a login page are long


@dataclass(frozen=True, slots=True)
class Limits:
    """`seconds` for a whole request: name, connection, TLS, head and body; `body`: bytes of it that are kept."""

    seconds: float
    body: int


@dataclass(slots=True)
class Told:
    """What came of one URL. `layer` is where it ended: dns, tcp, tls, http or body; `error` what stopped it."""

    status: int = 0
    body: bytes = b""
    error: str = ""
    layer: str = "tcp"
    seconds: float = 0.0


def ask_all(
    asked: Sequence[tuple[str, ssl.SSLContext]], *, resolve: Mapping[str, str], limits: Limits
) -> tuple[Told, ...]:
    """What came of each URL, in their order. `resolve` has curl's meaning."""
    mapped = {k.lower(): v for k, v in resolve.items()}
    with ThreadPoolExecutor(1) as own:  # a notebook's kernel has a loop of its own in the main thread
        return tuple(own.submit(asyncio.run, _all(asked, mapped, limits)).result())


async def _all(asked: Sequence[tuple[str, ssl.SSLContext]], resolve: Mapping[str, str], limits: Limits) -> list[Told]:
    connector = _Connector(limit=0, force_close=True, resolver=_Names())
    places = asyncio.Semaphore(MOST)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[_steps()],
        headers=HEADERS,
        max_line_size=LINE,
        max_field_size=LINE,
    ) as session:
        return await asyncio.gather(*(_one(session, places, url, tls, resolve, limits) for url, tls in asked))


async def _one(
    session: aiohttp.ClientSession,
    places: asyncio.Semaphore,
    url: str,
    tls: ssl.SSLContext,
    resolve: Mapping[str, str],
    limits: Limits,
) -> Told:
    told = Told()
    async with places:
        began = time.monotonic()
        try:
            where, more = _addressed(URL(url), resolve)
            async with asyncio.timeout(limits.seconds):
                await _get(session, where, {**more, "ssl": tls, "trace_request_ctx": told}, limits.body, told)
            told.layer = "body"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            told.error = words(error) + (_come(told) if isinstance(error, TimeoutError) else "")
            told.status, told.body, told.layer = 0, b"", _layer(error, told)
        told.seconds = round(time.monotonic() - began, 3)
    return told


async def _get(session: aiohttp.ClientSession, where: URL, more: dict[str, Any], most: int, told: Told) -> None:
    async with await session.get(where, allow_redirects=False, **more) as response:
        told.status = response.status
        while len(told.body) <= most and (piece := await response.content.readany()):
            told.body += piece
        told.body = told.body[:most]


def _come(told: Told) -> str:
    """What had come of an answer whose time was over; nothing before its head was whole."""
    if not told.status:
        return ""
    return f": its head (HTTP {told.status}) and {len(told.body)} B of its body had come"


def _addressed(url: URL, resolve: Mapping[str, str]) -> tuple[URL, dict[str, Any]]:
    """Where to connect, while the names in TLS and HTTP stay true."""
    if url.scheme not in ("http", "https") or not url.host or url.port is None:
        raise ValueError(f"no URL that can be asked: {url}")
    host, port = target(resolve, url.host, url.port)
    if (host, port) == (url.host, url.port):
        return url, {}
    return url.with_host(host).with_port(port), {
        "headers": {"Host": url.host_port_subcomponent or url.host},
        "server_hostname": url.host,
    }


class _Connector(aiohttp.TCPConnector):
    """Lets go of a connection at once: a server that says nothing would not answer TLS's farewell either."""

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        protocol.abort()
        super()._release(key, protocol, should_close=should_close)


class _Names(AbstractResolver):
    """Names looked up each in a thread of its own: a resolver that hangs on some of them does not keep the others waiting."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError."""
        found: Future[list[Any]] = Future()
        threading.Thread(target=_look_up, args=(found, host, port, family), daemon=True).start()
        return [
            ResolveResult(hostname=host, host=address[0], port=port, family=kind, proto=protocol, flags=0)
            for kind, _type, protocol, _name, address in await asyncio.wrap_future(found)
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _look_up(found: Future[list[Any]], host: str, port: int, family: int) -> None:
    if not found.set_running_or_notify_cancel():
        return
    try:
        found.set_result(socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        found.set_exception(error if isinstance(error, OSError) else socket.gaierror(str(error)))


def _steps() -> aiohttp.TraceConfig:
    """Notes how far a request has come: nothing else tells a silent resolver from a silent server."""

    async def looking(_session: Any, context: Any, _params: Any) -> None:
        context.trace_request_ctx.layer = "dns"

    async def found(_session: Any, context: Any, _params: Any) -> None:
        context.trace_request_ctx.layer = "tcp"

    async def connected(_session: Any, context: Any, _params: Any) -> None:
        context.trace_request_ctx.layer = "http"

    config = aiohttp.TraceConfig()
    config.on_dns_resolvehost_start.append(looking)
    config.on_dns_resolvehost_end.append(found)
    config.on_dns_cache_hit.append(found)
    config.on_connection_create_end.append(connected)
    return config


def words(error: BaseException) -> str:
    """What went wrong in one line, with OpenSSL's own reason where there is one."""
    if said := tls_words(error, _carried):
        return said
    if isinstance(error, TimeoutError):
        return LATE
    if isinstance(error, aiohttp.ClientConnectorError):
        known = error.os_error
        numbered = known.errno and known.errno > 0 and not isinstance(known, socket.gaierror)
        return f"[Errno {known.errno}] {os.strerror(known.errno)}" if numbered and known.errno else str(known)
    return " ".join(str(error).split())[:200] or type(error).__name__


def _layer(error: BaseException, told: Told) -> str:
    if tls_cause(error, _carried) is not None:
        return "tls"
    return "dns" if isinstance(error, aiohttp.ClientConnectorDNSError) else told.layer


def _carried(error: BaseException) -> BaseException:
    """What aiohttp's errors hold of the wire. That of a certificate is one of TLS itself by its type, without what OpenSSL says."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
