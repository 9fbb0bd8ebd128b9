"""An embedded cluster's own clock: it may run faster than the world's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from runbook.clients.kubernetes.transport import Transport
from runbook.domain.legible import decoded
from runbook.errors import MalformedError


@dataclass(frozen=True)
class ServerClock:
    """An embedded cluster's time and how fast it runs."""

    now: datetime
    scale: float


def ask(transport: Transport) -> ServerClock:
    """The time there is now. Raises an ObservationError."""
    what = "the server's clock"
    content = transport.get("/clock", what).content
    try:
        answer = decoded(content)
        now = datetime.fromisoformat(str(answer["now"])).astimezone(UTC)
        return ServerClock(now, float(answer["scale"]))
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(what, "it is not {now, scale}") from error
