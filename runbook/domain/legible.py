"""JSON as it comes from outside: everything that can be wrong with it is one error, and what can still be read of it is read.

msgspec has an error of its own for most of it, but not for a byte that is no UTF-8, nor for what is nested so deeply that
the interpreter gives up; and one object with half a surrogate pair, or so deep, would take the whole list with it.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

import msgspec

BUILDING = threading.Lock()
DEEPEST = 100  # levels; an object of the API has two dozen, and whoever walks one needs several frames a level
DEEP, HALF = rb"\ufdd0", rb"\ufdd1"  # escapes of noncharacters, in place of what was left out: no server sends them
_MARKS = DEEP[:-1]
_WHY = {DEEP: f"it is nested deeper than {DEEPEST} levels", HALF: "it holds half a surrogate pair, which is no Unicode"}
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]++|[\]}]++', re.DOTALL)
_ESCAPES = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F]..)|\\.", re.DOTALL)


@lru_cache(maxsize=256)
def decoder(as_: Any) -> msgspec.json.Decoder[Any]:
    """A type's decoder, made once.

    msgspec looks a struct over when it is first decoded, and two threads that do so at the same moment end the process with a
    segmentation fault (0.22): decoders are made here one at a time, and whoever makes one of a type of its own holds BUILDING.
    """
    with BUILDING:
        return msgspec.json.Decoder(as_)


def decoded(content: bytes | str | msgspec.Raw, as_: Any = Any) -> Any:
    """JSON as a type, or by a decoder. Raises msgspec.DecodeError, whatever is wrong with it."""
    try:
        return (as_ if isinstance(as_, msgspec.json.Decoder) else decoder(as_)).decode(content)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"it is no UTF-8: {error.reason}") from error
    except RecursionError:
        raise msgspec.DecodeError(_WHY[DEEP]) from None  # its traceback would hold the stack


def strict(content: bytes) -> bytes:
    """The same bytes. Raises msgspec.DecodeError for what is no UTF-8 anywhere, or was made `legible`: decoding skips much."""
    if _MARKS in content:
        for mark, why in _WHY.items():
            if mark in content:
                raise msgspec.DecodeError(why)
    return unicode(content)


def unicode(content: bytes) -> bytes:
    """The same bytes. Raises msgspec.DecodeError for what is no UTF-8 anywhere, also where nobody reads."""
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError as error:
            raise msgspec.DecodeError(f"it is no UTF-8: {error.reason}") from error
    return content


def legible(content: bytes) -> bytes:
    """JSON without what cannot be read: bytes that are no UTF-8 and halves of surrogate pairs replaced, depths left out.

    An object that lost something by it is one that `strict` refuses: it can be named and not be taken for whole.
    """
    text = content if content.isascii() else content.decode(errors="replace").encode()
    return shallow(_ESCAPES.sub(lambda found: HALF if found["half"] else found[0], text))


def shallow(content: bytes, deepest: int = DEEPEST) -> bytes:
    """JSON in which whatever is nested deeper than so many levels is a text that says so."""
    parts, depth, kept_from = list[bytes](), 0, 0
    for token in _TOKENS.finditer(content):
        before, length = depth, token.end() - token.start()
        if content[token.start()] in b"[{":
            depth += length
            if before <= deepest < depth:
                parts += content[kept_from : token.start() + deepest - before], b'"%b"' % DEEP
        elif content[token.start()] in b"]}":
            depth -= length
            if depth <= deepest < before:
                kept_from = token.start() + before - deepest
    return b"".join([*parts, content[kept_from:]]) if depth <= deepest else content


def is_deep(content: bytes) -> bool:
    """Whether JSON is nested deeper than an object may be. Most has too few brackets for that."""
    return content.count(b"[") + content.count(b"{") > DEEPEST and shallow(content) != content
