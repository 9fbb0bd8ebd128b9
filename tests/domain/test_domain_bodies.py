"""A health body is held to the fields that were asked for: absent, other, nested and unreadable ones all differ."""

from __future__ import annotations

import pytest

from runbook.domain.bodies import differing

WANTED = {"status": "ok"}


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"state": "ok"}',
        '{"status": "degraded"}',
        '{"status": null}',
        '{"status": ["ok"]}',
        '{"database": {"status": "ok"}}',
        '[{"status": "ok"}]',
        '"ok"',
        "ok",
        "",
        '{"status": "ok"',
    ],
)
def test_a_body_that_does_not_hold_the_field_differs(body: str) -> None:
    assert differing(body, WANTED) == ("status",)


def test_only_the_differing_fields_are_named_in_the_order_asked() -> None:
    asked = {"version": "1.0.0", "status": "ok", "database": "connected"}
    body = '{"status": "ok", "database": "down"}'
    assert differing(body, asked) == ("version", "database")


@pytest.mark.parametrize(
    ("written", "wanted"), [("true", "true"), ("3", "3"), ("null", "null"), ('"3"', "3"), ('"\\u006fk"', "ok")]
)
def test_values_are_compared_as_json_writes_them(written: str, wanted: str) -> None:
    assert differing(f'{{"status": {written}}}', {"status": wanted}) == ()
