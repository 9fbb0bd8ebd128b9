"""What a health endpoint's JSON body says of itself, field by field: a part's status is not the whole's."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


def differing(body: str, expect: Mapping[str, str]) -> tuple[str, ...]:
    """The expected fields that the body's own object does not hold with that value, in the order expected.

    Numbers, booleans and null are compared by how JSON writes them. A body that is no JSON object holds no field.
    """
    try:
        found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return tuple(expect)
    return tuple(k for k, wanted in expect.items() if k not in found or _text(found[k]) != wanted)


def _text(raw: msgspec.Raw) -> str:
    written = bytes(raw).decode()
    return msgspec.json.decode(written, type=str) if written.startswith('"') else written
