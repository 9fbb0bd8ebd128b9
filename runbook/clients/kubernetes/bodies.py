"""The body of an answer, whole and bounded: a server that knows no pages must not fill the memory."""

from __future__ import annotations

import httpx

LARGEST = 256_000_000  # bytes of one answer; a page of 500 objects has a few million
# Bytes that each packs into one at most. Others pack more, and packed twice is packed squared: those are counted.
DENSEST = {"": 1, "identity": 1, "gzip": 1_032, "deflate": 1_032}
_AS_SENT = frozenset({"content-encoding", "transfer-encoding", "content-length"})


class TooLargeError(Exception):
    """An answer of more bytes than anything that is asked for has."""

    def __init__(self) -> None:
        super().__init__(f"the answer is larger than {LARGEST // 1_000_000} MB: it was not kept")


def read(response: httpx.Response) -> httpx.Response:
    """The whole answer, unpacked. Raises TooLargeError as soon as it is too large, whatever its length was said to be."""
    if _is_bounded(response.headers):
        response.read()
        return response
    parts, size = list[bytes](), 0
    for part in response.iter_bytes():
        size += len(part)
        if size > LARGEST:
            raise TooLargeError
        parts.append(part)
    headers = [(key, value) for key, value in response.headers.multi_items() if key not in _AS_SENT]
    return httpx.Response(response.status_code, headers=headers, content=b"".join(parts), request=response.request)


def _is_bounded(headers: httpx.Headers) -> bool:
    """Whether the length that HTTP holds the server to leaves no doubt: most answers are small, and need no counting."""
    length, dense = headers.get("content-length", ""), DENSEST.get(headers.get("content-encoding", "").lower())
    if dense is None or "transfer-encoding" in headers or not length.isdecimal():
        return False
    return int(length) * dense <= LARGEST
