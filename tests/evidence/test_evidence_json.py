"""JSON of a record is what Python's own would be, byte by byte, whatever stands in it; and never NaN."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook.evidence.files import json_bytes

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)  # half surrogate pairs among it
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT


@settings(max_examples=300, deadline=None)
@given(st.recursive(LEAF, lambda s: st.lists(s, max_size=4) | st.dictionaries(ANY_TEXT, s, max_size=4)))
def test_it_is_what_json_writes(data: Any) -> None:
    for indent, separators in ((2, None), (None, (",", ":"))):
        text = json.dumps(data, indent=indent, sort_keys=True, ensure_ascii=False, separators=separators) + "\n"
        assert json_bytes(data, indent=indent) == text.encode("utf-8", errors="backslashreplace")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_bytes({"a": number})
