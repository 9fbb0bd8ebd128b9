"""One look at an answer that may be endless, drip or never begin: bounded in time and in bytes, and never asked again."""

from __future__ import annotations

import time

import httpcore

from runbook.clients.kubernetes.answers import Answer
from runbook.clients.kubernetes.transport import Transport
from runbook.errors import TimedOutError

SILENCE = 5.0  # seconds without a byte after which a look is given up
OF_A_SERVICE, OF_A_LOG = 16_384, 1_000_000  # bytes: of a Service's answer its beginning, of a log its end


def beginning(transport: Transport, path: str, what: str, *, seconds: float) -> Answer:
    """GET of which any status is an answer, and its beginning enough. Raises an ObservationError when none began."""
    until = time.monotonic() + seconds
    with transport.opened(path, what, silence=min(seconds, SILENCE)) as stream:
        held = bytearray()
        try:
            for chunk in stream.sent():  # a small answer may unpack to a huge one
                held += chunk
                if len(held) >= OF_A_SERVICE or time.monotonic() > until:
                    break
        except httpcore.TimeoutException:
            pass  # it answered; that it does not end is its own affair
        return Answer(stream.status_code, bytes(held[:OF_A_SERVICE]))


def end(transport: Transport, path: str, what: str, *, seconds: float, **query: str | int) -> bytes:
    """GET, of which the end counts. Raises an ObservationError, also when it did not end in time."""
    until = time.monotonic() + seconds
    with transport.stream(path, what, silence=min(seconds, SILENCE), **query) as stream:
        held = bytearray()
        for chunk in stream.unpacked():
            held += chunk
            del held[: max(0, len(held) - OF_A_LOG)]
            if time.monotonic() > until:
                raise TimedOutError(what, "it did not end within the time allowed")
        return bytes(held)
