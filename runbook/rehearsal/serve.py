"""Serves an Api over HTTPS with aiohttp."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from urllib.parse import unquote

from aiohttp import web

from runbook.rehearsal import bootstrap
from runbook.rehearsal.api import Api
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
    app.router.add_route("*", "/{path:.*}", _handler(api))
    app.on_cleanup.append(_closing(api))
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=ssl_context)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])


def _closing(api: Api) -> Callable[[web.Application], Awaitable[None]]:
    async def close(_app: web.Application) -> None:
        api.log.close()

    return close


def _handler(api: Api) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(received: web.Request) -> web.StreamResponse:
        response = await api(
            Request(
                received.method,
                unquote(received.rel_url.raw_path),
                dict(received.query),
                {name.lower(): value for name, value in received.headers.items()},
                await received.read(),
            )
        )
        headers = {**response.headers, "Content-Type": response.content_type, "Cache-Control": "no-cache, private"}
        if isinstance(response.body, bytes):
            return web.Response(body=response.body, status=response.status, headers=headers)
        return await _stream(received, response.status, response.body, headers)

    return handle


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
