"""Serves an Api over HTTPS with aiohttp."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from urllib.parse import unquote

from aiohttp import web

from runbook.rehearsal import bootstrap
from runbook.rehearsal.api import Api
from runbook.rehearsal.faults import ConnectionBrokenError
from runbook.rehearsal.messages import Request

MAX_BODY = 64 << 20
SHUTDOWN_SECONDS = 0.2  # open watches and followed logs have nothing to finish


async def start(api: Api, host: str, port: int, ssl_context: ssl.SSLContext | None) -> tuple[web.AppRunner, int]:
    """Serve until `await runner.cleanup()`. Returns the runner and the port that was taken (0 asks for a free one).

    Creates the default namespaces and roles that the store does not hold yet. A closed connection cancels its watch.
    Raises OSError when the port cannot be taken.
    """
    bootstrap.ensure(api.store)
    app = web.Application(client_max_size=MAX_BODY)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS)
    listener = _Listener(runner, host, port, ssl_context)
    app.router.add_route("*", "/{path:.*}", _handler(api, listener))
    app.on_cleanup.append(_closing(api))
    await runner.setup()
    try:
        await listener.open()
    except OSError:
        await runner.cleanup()
        raise
    return runner, listener.port


class _Listener:
    """The one port: open, and for a while closed when a fault restarts the API."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, ssl_context: ssl.SSLContext | None) -> None:
        self._runner, self._host, self.port, self._ssl = runner, host, port, ssl_context
        self._site: web.TCPSite | None = None
        self._returning: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen. Raises OSError when the port cannot be taken."""
        self._site = web.TCPSite(self._runner, self._host, self.port, ssl_context=self._ssl, reuse_address=True)
        await self._site.start()
        self.port = int(self._runner.addresses[0][1])

    def away(self, seconds: float) -> None:
        """Close the port and every connection now, and listen again later; what is stored stays."""
        if self._returning is None or self._returning.done():
            self._returning = asyncio.create_task(self._restart(seconds))

    async def _restart(self, seconds: float) -> None:
        if self._site is not None:
            await self._site.stop()
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(seconds)
        await self.open()


def _closing(api: Api) -> Callable[[web.Application], Awaitable[None]]:
    async def close(_app: web.Application) -> None:
        api.log.close()

    return close


def _handler(api: Api, listener: _Listener) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(received: web.Request) -> web.StreamResponse:
        request = Request(
            received.method,
            unquote(received.rel_url.raw_path),
            dict(received.query),
            {name.lower(): value for name, value in received.headers.items()},
            await received.read(),
        )
        try:
            response = await api(request)
        except ConnectionBrokenError as error:
            return _broken(received, listener, error.away)
        headers = {**response.headers, "Content-Type": response.content_type, "Cache-Control": "no-cache, private"}
        if isinstance(response.body, bytes):
            return web.Response(body=response.body, status=response.status, headers=headers)
        return await _stream(received, response.status, response.body, headers)

    return handle


def _broken(received: web.Request, listener: _Listener, away: float) -> web.Response:
    """End the connection without a word. The answer that aiohttp insists on goes nowhere."""
    if received.transport is not None:
        received.transport.abort()
    if away:
        listener.away(away)
    return web.Response()


async def _stream(
    received: web.Request, status: int, body: AsyncGenerator[bytes, None], headers: dict[str, str]
) -> web.StreamResponse:
    stream = web.StreamResponse(status=status, headers=headers)
    await stream.prepare(received)
    async with aclosing(body) as chunks:
        async for chunk in chunks:
            if chunk:
                await stream.write(chunk)
    return stream
