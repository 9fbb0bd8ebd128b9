"""Bodies of answers, unpacked and bounded: neither a server that knows no pages nor one that packs a sea may fill the memory.

Nor may one that drips keep anybody waiting: each byte in time makes no answer if it goes on for days.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator

LARGEST = 256_000_000  # bytes of one answer; a page of 500 objects has a few million
LONGEST_LINE = 64_000_000  # bytes; an object of etcd is 1.5 million at most
SLOWEST = 8_000  # bytes a second over the wire: a list of 100 MB at 64 kB a second is slow, and right
SPELL = 30.0  # seconds of waiting over which that is counted
STEP = 1_000_000  # bytes that are unpacked at a time: a kilobyte may hold a million
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})  # RFC 9110, 8.4.1; only gzip is asked for
_EITHER = zlib.MAX_WBITS | 32  # a gzip or a zlib header, as zlib finds it


class TooLargeError(Exception):
    """An answer, or a line of one, of more bytes than anything that is asked for has."""


class UnpackingError(Exception):
    """An answer packed in a way that nobody asked for, or torn."""


class TooSlowError(Exception):
    """An answer that comes, and so slowly that nobody can wait for its end."""


def paced(pieces: Iterable[bytes], clock: Callable[[], float] = time.monotonic) -> Iterator[bytes]:
    """The pieces as they come. Raises TooSlowError once few bytes came in a long spell of waiting for them."""
    coming, came, waited = iter(pieces), 0, 0.0
    while True:
        began = clock()
        piece = next(coming, None)
        waited += clock() - began
        if piece is None:
            return
        came += len(piece)
        if waited >= SPELL:
            if came < SLOWEST * waited:
                raise TooSlowError(f"the answer comes too slowly: {came:,} bytes in {waited:.0f} s")
            came, waited = 0, 0.0
        yield piece


def unpacked(pieces: Iterator[bytes], encodings: str) -> Iterator[bytes]:
    """The pieces of a body without its Content-Encoding, the last one put on first. Raises UnpackingError."""
    for encoding in reversed([name.strip().lower() for name in encodings.split(",")]):
        if encoding in _PACKED:
            pieces = _inflated(pieces)
        elif encoding not in ("", "identity"):
            raise UnpackingError(f"the answer cannot be decoded: it is packed as {encoding!r}, which nobody asked for")
    return pieces


def whole(pieces: Iterator[bytes]) -> bytes:
    """All pieces. Raises TooLargeError as soon as they are too large, whatever their length was said to be."""
    parts, size = list[bytes](), 0
    for part in pieces:
        size += len(part)
        if size > LARGEST:
            raise TooLargeError(f"the answer is larger than {LARGEST // 1_000_000} MB: it was not kept")
        parts.append(part)
    return b"".join(parts)


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their line feeds, split there only; half a line at the end has none. Raises TooLargeError for one without end."""
    held, size = list[bytes](), 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if b"\n" in piece:
            *ended, rest = b"".join(held).split(b"\n")
            yield from (line + b"\n" for line in ended)
            held, size = [rest], len(rest)
        if size > LONGEST_LINE:
            raise TooLargeError(f"a line of more than {LONGEST_LINE:,} bytes")
    if rest := b"".join(held):
        yield rest


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker, seen = zlib.decompressobj(_EITHER), False
    try:
        for piece in pieces:
            rest, seen = piece, True
            while rest:
                if part := unpacker.decompress(rest, STEP):
                    yield part
                rest = unpacker.unconsumed_tail
        if part := unpacker.flush():
            yield part
    except zlib.error as error:
        raise UnpackingError(f"the answer cannot be decoded: {error}") from error
    if seen and not unpacker.eof:
        raise UnpackingError("the answer cannot be decoded: it ends in the middle")
