"""Watches: resumed only from a LIST's or a BOOKMARK's revision, listed anew on 410 and on silence, events deduplicated."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from runbook.clients.kubernetes.listing import Listing, identity
from runbook.clients.kubernetes.transport import Transport
from runbook.domain.kinds import decode
from runbook.domain.meta import Meta, Resource
from runbook.errors import DeniedError, MalformedError, MissingError, ObservationError

REMEMBERED = 20_000  # objects whose last version is kept for comparing
PAUSE, LONGEST_PAUSE = 0.1, 5.0  # real seconds before a watch that ended at once is opened again
SILENCE = 30.0  # real seconds without a byte; servers send bookmarks about once a minute at most, so we ask for shorter watches


@dataclass(frozen=True)
class WatchEvent:
    """One change. `relisted` carries a fresh list instead: what was missed is in it."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "RELISTED"]
    object: Resource | None
    relisted: Listing | None = None


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Marked(msgspec.Struct):
    metadata: Meta = Meta()
    code: int = 0
    message: str = ""


class Watcher:
    """Watches one collection. `relist` lists it anew and gives the listing."""

    def __init__(
        self,
        transport: Transport,
        kind: str,
        path: str,
        resource_version: str,
        relist: Callable[[], Listing],
        *,
        silence: float = SILENCE,
    ) -> None:
        self._transport, self._kind, self._path = transport, kind, path
        self._version, self._relist, self._silence = resource_version, relist, silence
        self._seen: dict[str, str] = {}

    def events(self, until: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Yield changes until told to stop. Raises the list's own errors when it has to list anew and cannot."""
        pause = PAUSE
        while not until():
            began = time.monotonic()
            try:
                expired = yield from self._once(until)
            except (DeniedError, MissingError, MalformedError):
                raise  # it may not be watched, or what is sent cannot be read: listing it would not tell more
            except ObservationError:
                expired = True  # silence, a broken connection, 410 as the answer itself: what was missed is in the list
            if until():
                return
            if expired:
                listing = self._relist()
                self._version = listing.resource_version
                yield WatchEvent("RELISTED", None, listing)
            pause = PAUSE if time.monotonic() - began > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            _wait(pause, until)

    def _once(self, until: Callable[[], bool]) -> Generator[WatchEvent, None, bool]:
        query: dict[str, str | int] = {"watch": 1, "resourceVersion": self._version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = max(1, int(self._silence * 0.8))
        what = f"watch of {self._kind}"
        with self._transport.stream(self._path, what, silence=self._silence, **query) as response:
            for text in response.iter_lines():
                if text:
                    line = self._line(text, what)
                    if line.type == "ERROR":
                        return True
                    marked = self._marked(line)
                    if line.type == "BOOKMARK":
                        self._version = marked.metadata.resource_version or self._version
                    elif self._fresh(line.type, marked.metadata):
                        yield self._event(line)
                if until():
                    return False
        return False  # the server closed it in time: resume from the last bookmark

    def _line(self, text: str, what: str) -> _Line:
        try:
            return msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise MalformedError(what, f"a line that is no watch event: {error}") from error

    def _marked(self, line: _Line) -> _Marked:
        try:
            return msgspec.json.decode(line.object, type=_Marked)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise MalformedError(str(identity(self._kind, bytes(line.object))), str(error)) from error

    def _fresh(self, type_: str, metadata: Meta) -> bool:
        """A resumed watch may repeat what was seen: the same object at the same version counts once."""
        mark = f"{type_ == 'DELETED'}{metadata.resource_version}"
        if self._seen.get(metadata.uid) == mark:
            return False
        self._seen[metadata.uid] = mark
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]  # the oldest: events come and go for as long as a watch lasts
        return True

    def _event(self, line: _Line) -> WatchEvent:
        try:
            return WatchEvent(line.type, decode(self._kind, line.object))  # type: ignore[arg-type]
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise MalformedError(str(identity(self._kind, bytes(line.object))), str(error)) from error


def _wait(seconds: float, until: Callable[[], bool]) -> None:
    """Wait, in short steps: a soak that is over must not wait for its watches."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0 and not until():
        time.sleep(min(left, PAUSE))
