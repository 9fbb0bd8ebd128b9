"""JSON from outside: whatever is wrong with it is one error, and what can be read of it is."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from runbook.domain.kinds import decode
from runbook.domain.legible import DEEPEST, decoded, is_deep, legible, shallow, strict


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


BROKEN = [
    b'{"a": "\xff"}',
    b'{"\xc3": 1}',
    b'{"a": ' + nested(200_000) + b"}",
    b'{"a": "\\ud83d"}',
    b'{"a": 1e99999}',
    b'{"a": ',
    b"<html>",
    b"",
]


@pytest.mark.parametrize("content", BROKEN, ids=lambda c: c[:12].decode(errors="replace"))
def test_whatever_is_wrong_is_one_error(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decoded(content)
    with pytest.raises(msgspec.DecodeError):
        decoded(content, msgspec.json.Decoder(dict[str, Any]))


@pytest.mark.parametrize("content", BROKEN[:4], ids=["byte", "half a letter", "deep", "half a pair"])
def test_what_was_made_legible_is_read_and_never_taken_for_whole(content: bytes) -> None:
    found = decoded(legible(b'{"before": 1, "odd": ' + content + b', "after": {"b": [2]}}'))
    assert (found["before"], found["after"]) == (1, {"b": [2]})
    for made in (content, legible(content)):
        if b"\xff" not in content and b"\xc3" not in content:  # those are refused as they were served
            with pytest.raises(msgspec.DecodeError):
                decode("Pod", b'{"metadata": {"name": "a"}, "unread": ' + made + b"}")


@pytest.mark.parametrize("content", [b'{"unread": "\xff"}', '{"unread": "ü'.encode("latin-1") + b'"}'])
def test_a_byte_that_is_no_utf8_is_found_where_nobody_reads(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError, match=r"no UTF-8"):
        decode("Pod", content)


@pytest.mark.parametrize(
    "text", ["", "a", "ü", "\N{PILE OF POO}", "\\", '"', '\\"', "[{", "\\ud83d", "\\\\ud83d\\", "}\n]", "\ufffd"]
)
def test_what_is_right_stays_as_it_is(text: str) -> None:
    for ascii_ in (True, False):
        content = json.dumps({"a": [text, {text: nested(5).decode()}], "b": json.loads(nested(5))}, ensure_ascii=ascii_)
        assert strict(legible(content.encode())) == content.encode()
        assert not is_deep(content.encode())


def test_depth_is_counted_to_the_level_and_past_it_nothing_else_is_lost() -> None:
    assert shallow(nested(DEEPEST)) == nested(DEEPEST)
    assert not is_deep(nested(DEEPEST))
    assert is_deep(nested(DEEPEST + 1))
    deep = b'{"a":' * (DEEPEST + 50) + b'"]}"' + b"}" * (DEEPEST + 50)
    flat = b"[" + b",".join([b"[]"] * 1_000) + b"]"
    assert not is_deep(flat)
    found = decoded(shallow(b"[1," + deep + b"," + flat + b",2]"))
    assert (found[0], len(found[2]), found[3]) == (1, 1_000, 2)


def test_runs_of_brackets_in_texts_are_no_depth() -> None:
    assert not is_deep(json.dumps({"a": "[" * 10_000, "b": '"' + "{" * 10_000}).encode())
