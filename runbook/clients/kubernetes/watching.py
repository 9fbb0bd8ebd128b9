"""Watches: no change lost, none told twice. Resumed only from a LIST's or a BOOKMARK's revision, listed anew on 410.

A watch that breaks off or falls silent is first asked for again from where it was: what was missed comes then. One that does
so twice in a row without a word is listed anew. While there is news a watch is as long as the server allows; after a silence
shorter ones are asked for, since one that the server closes in time was quiet, and only one that it does not has stalled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from runbook.clients.kubernetes.bodies import lines
from runbook.clients.kubernetes.listing import Listing
from runbook.clients.kubernetes.pages import identity
from runbook.clients.kubernetes.transport import Transport
from runbook.domain.kinds import decode
from runbook.domain.legible import decoded, legible
from runbook.domain.meta import Meta, Resource
from runbook.errors import DeniedError, MalformedError, MissingError, ObservationError
from runbook.model import ObjectRef

REMEMBERED = 20_000  # changes since the last revision that a watch can be resumed from
PAUSE, LONGEST_PAUSE = 0.1, 5.0  # real seconds before a watch that told nothing is opened again
SILENCE = 30.0  # real seconds without a byte, after which nobody knows whether it is quiet
LONGEST = 300  # seconds that one watch is asked for; bookmarks come about once a minute


@dataclass(frozen=True)
class Unreadable:
    """An object that does not decode: who it is, as far as that can be read, and what is wrong with it."""

    ref: ObjectRef
    uid: str
    why: str


@dataclass(frozen=True)
class WatchEvent:
    """One change. `relisted` carries a fresh list instead: what was missed is in it; `unreadable` one that does not decode."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "RELISTED"]
    object: Resource | None
    relisted: Listing | None = None
    unreadable: Unreadable | None = None


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Marked(msgspec.Struct):
    metadata: Meta = Meta()
    code: int = 0
    message: str = ""


@dataclass
class _Course:
    """How one watch went: whether it was opened at all, brought news, was told to list anew, or ended unasked."""

    opened: bool = False
    news: bool = False
    expired: bool = False
    broken: bool = False


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
        self._told: set[tuple[str, str, bool]] = set()  # what a watch that is resumed from `_version` would repeat
        self._is_short = False

    def events(self, until: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Yield changes until told to stop. Raises the list's own errors when it has to list anew and cannot."""
        in_vain, was_broken = 0, False
        while not until():
            course, began = _Course(), time.monotonic()
            try:
                yield from self._once(until, course)
            except (DeniedError, MissingError, MalformedError):
                raise  # it may not be watched, or what is sent cannot be read: listing it would not tell more
            except ObservationError:
                course.broken = True  # silence, a broken connection, or 410 as the answer itself
                self._is_short = course.opened
            if until():
                return
            if self._must_list(course, was_broken=was_broken):
                listing = self._relist()
                self._resume_from(listing.resource_version)
                yield WatchEvent("RELISTED", None, listing)
            was_broken = course.broken and not course.news
            in_vain = 0 if course.news or time.monotonic() - began > LONGEST_PAUSE else in_vain + 1
            if in_vain > 1:
                _wait(min(PAUSE * 2 ** (in_vain - 2), LONGEST_PAUSE), until)

    def _must_list(self, course: _Course, *, was_broken: bool) -> bool:
        if course.expired or (course.broken and not course.opened) or len(self._told) > REMEMBERED:
            return True
        return course.broken and was_broken and not course.news

    def _once(self, until: Callable[[], bool], course: _Course) -> Generator[WatchEvent, None, None]:
        query: dict[str, str | int] = {"watch": 1, "resourceVersion": self._version, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = max(1, int(self._silence * 0.8)) if self._is_short else LONGEST
        what = f"watch of {self._kind}"
        with self._transport.stream(self._path, what, silence=self._silence, **query) as stream:
            course.opened = True
            for text in lines(stream.unpacked()):
                if not text.endswith(b"\n"):
                    course.broken = True  # half a line is no event
                elif text.strip():
                    line = self._line(text, what)
                    if line.type == "ERROR":
                        course.expired = True
                        return
                    yield from self._taken(line, course)
                if until():
                    return

    def _taken(self, line: _Line, course: _Course) -> Iterator[WatchEvent]:
        metadata = self._metadata(line)
        if line.type == "BOOKMARK":
            version = metadata.resource_version
            course.news |= version not in ("", self._version)
            self._resume_from(version or self._version)
        elif self._fresh(line.type, metadata):
            course.news, self._is_short = True, False
            yield self._event(line, metadata)

    def _resume_from(self, version: str) -> None:
        if version != self._version:
            self._version = version
            self._told.clear()

    def _line(self, text: bytes, what: str) -> _Line:
        """The event; what cannot be read of its object is left out of it."""
        try:
            return decoded(text, _Line)  # type: ignore[no-any-return]
        except msgspec.DecodeError as error:
            why = f"a line that is no watch event: {error}"
        try:
            return decoded(legible(text), _Line)  # type: ignore[no-any-return]
        except msgspec.DecodeError:
            raise MalformedError(what, why) from None

    def _metadata(self, line: _Line) -> Meta:
        """Raises MalformedError: of what has no metadata nobody knows whether it was told, and of a bookmark from where to go on."""
        served = bytes(line.object)
        try:
            return decoded(served, _Marked).metadata  # type: ignore[no-any-return]
        except msgspec.DecodeError as error:
            why = str(error)
        try:
            return decoded(legible(served), _Marked).metadata  # type: ignore[no-any-return]
        except msgspec.DecodeError:
            raise MalformedError(str(identity(self._kind, served)), why) from None

    def _fresh(self, type_: str, metadata: Meta) -> bool:
        """A resumed watch repeats the way from its revision to now: each version of an object is told once."""
        mark = (metadata.uid, metadata.resource_version, type_ == "DELETED")
        if mark in self._told:
            return False
        self._told.add(mark)
        return True

    def _event(self, line: _Line, metadata: Meta) -> WatchEvent:
        try:
            return WatchEvent(line.type, decode(self._kind, line.object))  # type: ignore[arg-type]
        except msgspec.DecodeError as error:
            who = identity(self._kind, bytes(line.object))
            unreadable = Unreadable(who, metadata.uid, str(error))
            return WatchEvent(line.type, None, unreadable=unreadable)  # type: ignore[arg-type]


def _wait(seconds: float, until: Callable[[], bool]) -> None:
    """Wait, in short steps: a soak that is over must not wait for its watches."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0 and not until():
        time.sleep(min(left, PAUSE))
