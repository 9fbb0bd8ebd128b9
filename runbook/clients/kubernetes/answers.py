"""What a server answered: status, headers and body. A stream gives its body piece by piece, as sent or unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpcore
import msgspec

from runbook.clients.kubernetes.bodies import lines, paced, unpacked, whole


@dataclass(frozen=True)
class Answer:
    """A whole answer. Header names are in lower case; `content` is unpacked."""

    status_code: int
    content: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The body as UTF-8; what is none is replaced."""
        return self.content.decode("utf-8", errors="replace")

    def header(self, name: str) -> str:
        """A header's value, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")

    def json(self) -> Any:
        """The body as JSON. Raises msgspec.DecodeError, a ValueError."""
        return msgspec.json.decode(self.content)


class Stream:
    """An answer whose body is still coming."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self.status_code = response.status

    @cached_property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Names in lower case."""
        return tuple((key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in self._response.headers)

    def sent(self) -> Iterator[bytes]:
        """The body as it comes over the wire."""
        yield from self._response.iter_stream()

    def unpacked(self) -> Iterator[bytes]:
        """The body, unpacked as it comes. Raises UnpackingError."""
        return self._unpacked(self.sent())

    def lines(self) -> Iterator[str]:
        """Line by line to its end, as UTF-8; what is none is replaced. Raises TooLargeError for a line without end, TooSlowError."""
        for line in lines(self._unpacked(paced(self.sent()))):
            yield line.decode("utf-8", errors="replace").removesuffix("\n").removesuffix("\r")

    def whole(self) -> Answer:
        """Read to its end. Raises TooLargeError, TooSlowError and UnpackingError."""
        return Answer(self.status_code, whole(self._unpacked(paced(self.sent()))), self.headers)

    def _unpacked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        encodings = [value for key, value in self.headers if key == "content-encoding"]
        return unpacked(pieces, ",".join(encodings)) if encodings else pieces
